"""The ground truth beside the readings: `truth.json` and `emitted.jsonl`.

`emitted.jsonl` has one line a tick, written before the readings are handed over, so that it is never behind:

    {"tick": 7, "chunks": [["footbridge.deck.temp", t0_ns, rate_hz, count, missing, sum], …]}

where `sum` is the sum of the raw samples (counts or float32 values) that are not missing. Whoever counts the service's
rows can compare them with what was produced, without a word from the product.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from telltale.errors import SettingsError
from telltale.readings import Flag
from telltale.source import Chunk

TRUTH_FILE = "truth.json"
EMITTED_FILE = "emitted.jsonl"


class EmittedChunk(msgspec.Struct, frozen=True, array_like=True):
    """One chunk that was handed over."""

    input: str
    t0_ns: int
    rate_hz: float
    count: int
    missing: int
    sum: float


class EmittedTick(msgspec.Struct, frozen=True):
    """All that was handed over in one tick."""

    tick: int
    chunks: tuple[EmittedChunk, ...]


def summary(chunk: Chunk) -> EmittedChunk:
    """What `emitted.jsonl` keeps of a chunk."""
    missing = np.zeros(chunk.samples.size, dtype=np.bool_)
    for span in chunk.flags:
        if span.flag & Flag.MISSING:
            missing[span.start : span.start + span.count] = True
    total = float(chunk.samples[~missing].sum(dtype=np.float64))
    return EmittedChunk(chunk.input, chunk.t0_ns, chunk.rate_hz, int(chunk.samples.size), int(missing.sum()), total)


def read_emitted(folder: Path) -> Iterator[EmittedTick]:
    """The ticks of `emitted.jsonl`, in order; a last line that was cut short is left out."""
    path = folder / EMITTED_FILE
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield msgspec.json.decode(line, type=EmittedTick)


class TruthWriter:
    """Writes the truth of one run to a folder, and goes on where an earlier process of the same run stopped.

    Raises:
        SettingsError: the folder holds the truth of another run, or cannot be written; names it.
    """

    def __init__(self, folder: Path, truth: Mapping[str, Any], where: str) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _claim(folder, msgspec.json.encode(truth), where)
            self.last_tick = _mend(folder / EMITTED_FILE)
            self._file: FileIO = (folder / EMITTED_FILE).open("ab", buffering=0)
        except OSError as error:
            raise SettingsError(
                f"{where}: truth_dir: {folder} cannot be written ({error})", "name a folder that can be written"
            ) from None

    def record(self, tick: int, chunks: Sequence[Chunk]) -> None:
        """Write one tick, whole, before it is handed over; a tick that is already there is not written again."""
        if tick <= self.last_tick:
            return
        line = msgspec.json.encode(EmittedTick(tick, tuple(map(summary, chunks)))) + b"\n"
        self._file.write(line)
        self.last_tick = tick

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._file.close()


def _claim(folder: Path, truth: bytes, where: str) -> None:
    """Write `truth.json`, or find the same one there."""
    path = folder / TRUTH_FILE
    if path.exists():
        if path.read_bytes() != msgspec.json.format(truth, indent=1):
            raise SettingsError(
                f"{where}: truth_dir: {folder} holds the truth of another run",
                "name an empty folder, or remove that one",
            )
        return
    if (folder / EMITTED_FILE).exists():
        raise SettingsError(
            f"{where}: truth_dir: {folder} holds {EMITTED_FILE} without {TRUTH_FILE}", "name an empty folder"
        )
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.format(truth, indent=1))
    part.replace(path)


def _mend(path: Path) -> int:
    """Cut off a last line that a crash left unfinished; the number of the last whole tick, -1 for none."""
    if not path.exists():
        return -1
    whole = path.read_bytes()
    kept = whole[: whole.rfind(b"\n") + 1]
    if len(kept) < len(whole):
        with path.open("r+b") as file:
            file.truncate(len(kept))
    last = kept[kept.rfind(b"\n", 0, -1) + 1 :]
    return msgspec.json.decode(last, type=EmittedTick).tick if last else -1

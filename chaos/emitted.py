"""What the sources have handed over, as their own record says while it grows, with the time at which it was seen."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from sensors_sim.truth import EMITTED_FILE, EmittedTick


@dataclass(slots=True)
class Tick:
    """One tick: when it was handed over for the first and the last time (monotonic), the newest time of its readings,
    how many samples.
    """

    number: int
    first_s: float
    seen_s: float
    t0_ns: int
    samples: int


@dataclass(slots=True)
class Emitted:
    """Follows one `emitted.jsonl`."""

    folder: Path
    ticks: dict[int, Tick] = field(default_factory=dict)
    newest: Tick | None = None
    _offset: int = 0

    def follow(self) -> None:
        """Read what has been added."""
        path = self.folder / EMITTED_FILE
        if not path.exists():
            return
        with path.open("rb") as file:
            file.seek(self._offset)
            lines = file.read()
        whole = lines[: lines.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            self._add(_tick_of(line))

    def rewind(self, since_s: float) -> None:
        """Cut the record back to what was handed over before `since_s`, so that the source gives the rest again."""
        self.follow()
        path = self.folder / EMITTED_FILE
        late = [tick.number for tick in self.ticks.values() if tick.seen_s >= since_s]
        if not late or not path.exists():
            return
        first = min(late)
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if line.endswith(b"\n") and _tick_of(line).tick < first]
        path.write_bytes(b"".join(kept))
        self._offset = path.stat().st_size

    def after(self, moment_s: float) -> Tick | None:
        """The first tick that was handed over for the first time after a moment."""
        newer = [tick for tick in self.ticks.values() if tick.first_s > moment_s]
        return min(newer, key=lambda tick: tick.number) if newer else None

    def _add(self, tick: EmittedTick) -> None:
        now_s = time.monotonic()
        known = self.ticks.get(tick.tick)
        if known is not None:
            known.seen_s = now_s  # given again after a kill
            return
        samples = sum(chunk.count for chunk in tick.chunks)
        self.newest = Tick(tick.tick, now_s, now_s, max(chunk.t0_ns for chunk in tick.chunks), samples)
        self.ticks[tick.tick] = self.newest


def _tick_of(line: bytes) -> EmittedTick:
    return msgspec.json.decode(line, type=EmittedTick)

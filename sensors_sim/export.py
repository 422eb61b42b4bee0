"""A scenario's readings as files.

One CSV for each structure's scalar channels (`time`, then a column a channel; an empty cell is a missing reading), one
npz for each waveform channel:

    t0_ns (k,) int64     UTC of the first sample of each window
    samples (k, n) int16 counts; value = count · scale, in `unit`
    missing (m, 3) int64 window, first sample, count of what is missing
    rate_hz, scale, unit one value each

and the ground truth of `sensors_sim.truth`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self, TextIO

import numpy as np

from sensors_sim.pump import histories_csv
from sensors_sim.sensor import Sensor
from sensors_sim.truth import TruthWriter
from sensors_sim.world import World
from telltale.errors import UserError
from telltale.readings import Flag
from telltale.source import Chunk

Progress = Callable[[int], None]
MAX_PUMPS = 1000


def export(world: World, folder: Path, progress: Progress) -> list[Path]:
    """Write the whole span to `folder`; returns the files written.

    Args:
        world: what is simulated.
        folder: as `empty_folder` made it.
        progress: told the number of ticks done after each.

    Raises:
        UserError: the folder cannot be written; names it.
    """
    try:
        return _write(world, folder, progress)
    except OSError as error:
        raise _unwritable(folder, error) from None


def write_histories(folder: Path, seed: int, pumps: int) -> Path:
    """Write `pumps.csv` (see `sensors_sim.pump`) to a new or empty folder; returns its path.

    Raises:
        UserError: no number of pumps, or the folder is not empty or cannot be written; names it.
    """
    if not 1 <= pumps <= MAX_PUMPS:
        raise UserError(f"--pumps {pumps}: expected 1 to {MAX_PUMPS}")
    empty_folder(folder)
    path = folder / "pumps.csv"
    try:
        path.write_text(histories_csv(seed, pumps), encoding="utf-8")
    except OSError as error:
        raise _unwritable(folder, error) from None
    return path


def empty_folder(folder: Path) -> None:
    """Make the folder, or find it empty.

    Raises:
        UserError: it is not empty or cannot be made; names it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UserError(f"--out {folder}: not empty", "name a new folder, or remove that one")
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(folder: Path, error: OSError) -> UserError:
    return UserError(f"--out {folder}: cannot be written ({error.strerror or error})", "name another folder")


def _write(world: World, folder: Path, progress: Progress) -> list[Path]:
    truth = TruthWriter(folder, world.truth(), "--out")
    with ExitStack() as stack:
        stack.callback(truth.close)
        tables = [stack.enter_context(_Table(folder, sensors)) for sensors in _scalars_by_structure(world)]
        windows = [
            _Windows(folder, sensor, world.span.ticks) for sensor in world.sensors.values() if _is_window(sensor)
        ]
        for tick in range(world.span.ticks):
            chunks = {chunk.input: chunk for chunk in world.chunks(tick)}
            truth.record(tick, list(chunks.values()))
            for table in tables:
                table.add(chunks)
            for window in windows:
                window.add(tick, chunks[window.sensor.id])
            progress(tick + 1)
    for window in windows:
        window.save()
    return sorted(folder.iterdir())


def _is_window(sensor: Sensor) -> bool:
    return sensor.scale is not None


def _scalars_by_structure(world: World) -> list[list[Sensor]]:
    groups: dict[str, list[Sensor]] = {}
    for sensor in world.sensors.values():
        if not _is_window(sensor):
            groups.setdefault(sensor.structure, []).append(sensor)
    return list(groups.values())


class _Table:
    """The CSV of one structure; its channels are read at the same times."""

    def __init__(self, folder: Path, sensors: Sequence[Sensor]) -> None:
        self._path = folder / f"{sensors[0].structure}.csv"
        self._sensors = sensors
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        self._file = self._path.open("w", encoding="utf-8", newline="\n")
        self._file.write(",".join(["time", *(sensor.id for sensor in self._sensors)]) + "\n")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, chunks: dict[str, Chunk]) -> None:
        assert self._file is not None
        times_ns = self._sensors[0].times_ns(chunks[self._sensors[0].id].t0_ns)
        times = np.datetime_as_string(times_ns.astype("datetime64[ns]"), unit="s")
        columns = [[_cell(value) for value in chunks[sensor.id].samples] for sensor in self._sensors]
        for time, *cells in zip(times, *columns, strict=True):
            self._file.write(",".join([f"{time}Z", *cells]) + "\n")


def _cell(value: np.float32) -> str:
    """The shortest text that reads back as the same float32; empty where missing."""
    return "" if np.isnan(value) else np.format_float_positional(value, trim="0")


class _Windows:
    """The npz of one waveform channel."""

    def __init__(self, folder: Path, sensor: Sensor, ticks: int) -> None:
        self.sensor = sensor
        self._path = folder / f"{sensor.id}.npz"
        self._t0_ns = np.zeros(ticks, dtype=np.int64)
        self._samples = np.zeros((ticks, sensor.samples), dtype=np.int16)
        self._missing: list[tuple[int, int, int]] = []

    def add(self, tick: int, chunk: Chunk) -> None:
        self._t0_ns[tick] = chunk.t0_ns
        self._samples[tick] = chunk.samples
        self._missing += [(tick, span.start, span.count) for span in chunk.flags if span.flag & Flag.MISSING]

    def save(self) -> None:
        np.savez_compressed(
            self._path,
            t0_ns=self._t0_ns,
            samples=self._samples,
            missing=np.array(self._missing, dtype=np.int64).reshape(-1, 3),
            rate_hz=np.float64(self.sensor.rate_hz),
            scale=np.float64(self.sensor.scale or 1.0),
            unit=np.str_(self.sensor.unit),
        )

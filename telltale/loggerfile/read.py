"""Opening a logger file by its content, and reading it whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from telltale.errors import UserError
from telltale.loggerfile.npz import MAGIC, NpzReader
from telltale.loggerfile.recording import Column, Format, LoggerReader, ReadOptions, Recording
from telltale.loggerfile.table import TableReader

ROWS_AT_ONCE = 50_000


def open_logger_file(path: Path, options: ReadOptions | None = None) -> LoggerReader:
    """A reader of the file, with its columns known and nothing else read.

    Raises:
        UserError: the file cannot be read, its format is none of ours, or a wanted column is missing (lists those
            there are).
    """
    options = options or ReadOptions()
    if options.rate_hz is not None and not 0 < options.rate_hz < float("inf"):
        raise UserError(f"{path}: rate_hz {options.rate_hz:g}", "expected samples a second, above 0")
    if options.format == "npz" or (options.format == "auto" and _is_zip(path)):
        return NpzReader(path, options)
    return TableReader(path, options)


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False  # the reader opens it again and says why it cannot


def read_logger_file(
    path: Path,
    *,
    time: str = "",
    rate_hz: float | None = None,
    columns: tuple[str, ...] = (),
    start_ns: int = 0,
    format: Format = "auto",  # noqa: A002 (the word that the settings use)
    utc_offset_h: float = 0.0,
) -> Recording:
    """The whole file as columns of float64 (see `ReadOptions` for the arguments).

    Raises:
        UserError: one line naming the file and, where it applies, line and column, and what to do.
    """
    options = ReadOptions(format, time, rate_hz, columns, start_ns, utc_offset_h)
    reader = open_logger_file(path, options)
    times: dict[str, list[NDArray[np.int64]]] = {name: [] for name in reader.units}
    values: dict[str, list[NDArray[np.float64]]] = {name: [] for name in reader.units}
    for rows in reader.rows(ROWS_AT_ONCE):
        for name, part in zip(rows.names, rows.values, strict=True):
            times[name].append(rows.times_ns)
            values[name].append(part.astype(np.float64, copy=False))
    return _recording(path, reader, times, values)


def _recording(
    path: Path,
    reader: LoggerReader,
    times: dict[str, list[NDArray[np.int64]]],
    values: dict[str, list[NDArray[np.float64]]],
) -> Recording:
    shared: dict[tuple[int, ...], NDArray[np.int64]] = {}  # columns of a table share one array of times
    columns = {}
    for name, unit in reader.units.items():
        if not times[name]:
            raise UserError(f"{path}: column {name!r} has no rows", "expected at least one")
        key = tuple(map(id, times[name]))
        stamps = shared.setdefault(key, np.concatenate(times[name]))
        columns[name] = Column(name, unit, stamps, np.concatenate(values[name]))
    stamps = max(shared.values(), key=np.size)
    duplicates, backward = check_stamps(stamps)
    notes = [*reader.notes, *_stamp_notes(duplicates, backward)]
    return Recording(path, columns, reader.rate_hz, tuple(notes), duplicates, backward)


def check_stamps(stamps: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows whose stamp repeats an earlier one, and rows whose stamp lies before the one before it; indexes from 0."""
    backward = np.flatnonzero(np.diff(stamps) < 0) + 1
    _, first = np.unique(stamps, return_index=True)
    duplicate = np.ones(stamps.size, dtype=bool)
    duplicate[first] = False
    return np.flatnonzero(duplicate), backward


def _stamp_notes(duplicates: NDArray[np.int64], backward: NDArray[np.int64]) -> list[str]:
    notes = []
    if duplicates.size:
        notes.append(f"{duplicates.size} rows repeat an earlier time stamp, the first one is row {duplicates[0] + 1}")
    if backward.size:
        notes.append(f"time steps back {backward.size} times, first at row {backward[0] + 1}")
    return notes

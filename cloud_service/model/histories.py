"""Histories of assets from a CSV file: a column of assets, one of times, indicators, optionally one of the failure."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.remaining_life_training import Histories
from telltale.errors import UserError

Floats = NDArray[np.float64]
MAX_BYTES = 1024**3
MAX_COLUMNS = 256
LARGEST = 1e15  # what is beyond squares away the precision of the rest


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns are what.

    Attributes:
        asset, time: names of those columns; times are numbers in the histories' unit, or ISO 8601.
        event: 1 at the row of a failure, 0 or empty elsewhere; empty name: every asset's last row is its failure.
        conditions: columns that tell the operating condition.
        unit_s: seconds of the unit that numbers are in, and dates are turned into.
    """

    asset: str
    time: str
    event: str
    conditions: tuple[str, ...]
    unit_s: float


@dataclass(frozen=True, slots=True)
class Found:
    """What a file holds.

    Attributes:
        names: of the indicators, in the file's order.
        histories: of the assets that ran to failure, rows ascending; age 1 spacing at an asset's first row.
        spacing: median time between rows.
        left_out: assets without a failure.
        sha256: of the file.
    """

    names: tuple[str, ...]
    histories: Histories
    spacing: float
    left_out: int
    sha256: str


def read_histories(path: Path, layout: Layout, indicators: Sequence[str] = ()) -> Found:
    """Read the file.

    Args:
        path: of a CSV with a header.
        layout: see `Layout`.
        indicators: columns to read; empty: every other one.

    Raises:
        UserError: naming file, row and column, and what was expected.
    """
    data = _bytes(path)
    names, assets, rows = _table(path, data, layout, indicators)
    order, number = _in_order(path, assets, rows[:, 0])
    table = rows[order]
    spacing = _spacing(path, number, table[:, 0])
    kept, left = _life_left(number, table[:, 0], table[:, 1], whole=not layout.event)
    left_out = np.unique(number).size - np.unique(number[kept]).size
    began = _first(number, table[:, 0])
    c = len(layout.conditions)
    found = Histories(
        asset=number[kept],
        age=(table[:, 0] - began + spacing)[kept],
        left=left[kept],
        values=table[kept, 2 + c :],
        conditions=table[kept, 2 : 2 + c],
    )
    return Found(names, found, spacing, left_out, hashlib.sha256(data).hexdigest())


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})", "give a CSV file of histories") from None
    if len(data) > MAX_BYTES:
        raise UserError(f"{path}: more than {MAX_BYTES} bytes", "thin the rows, or split the file")
    return data


def _table(
    path: Path, data: bytes, layout: Layout, indicators: Sequence[str]
) -> tuple[tuple[str, ...], list[str], Floats]:
    """Names of the indicators, asset of each row, and (n, 2 + c + p): time, event, conditions, indicators."""
    lines = csv.reader(_lines(path, data), strict=True)
    try:
        header = [name.strip() for name in next(lines, [])]
        names = tuple(indicators) or _others(header, layout)
        columns = [_place(path, header, name) for name in (layout.asset, layout.time, *layout.conditions, *names)]
        event = _place(path, header, layout.event) if layout.event else -1
        assets, rows = [], []
        for line in lines:
            if not line:
                continue
            _same_width(path, lines.line_num, line, header)
            assets.append(line[columns[0]].strip())
            where = f"{path}: line {lines.line_num}"
            rows.append(_row(where, line, columns, event, layout.unit_s))
    except csv.Error as error:
        raise UserError(f"{path}: line {lines.line_num}: {error}", "expected CSV with a header") from None
    if not names or len(names) > MAX_COLUMNS or not rows:
        raise UserError(
            f"{path}: {len(names)} indicators, {len(rows)} rows", f"expected rows of 1 to {MAX_COLUMNS} indicators"
        )
    return names, assets, np.array(rows)


def _lines(path: Path, data: bytes) -> Iterator[str]:
    try:
        return iter(data.decode("utf-8-sig").splitlines())
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: {error.reason} at byte {error.start}", "expected UTF-8") from None


def _others(header: Sequence[str], layout: Layout) -> tuple[str, ...]:
    known = {layout.asset, layout.time, layout.event, *layout.conditions}
    return tuple(name for name in header if name not in known)


def _place(path: Path, header: Sequence[str], name: str) -> int:
    if header.count(name) != 1:
        there = ", ".join(islice(header, 20))
        raise UserError(f"{path}: {header.count(name)} columns {name!r}", f"expected one; the file has {there}")
    return header.index(name)


def _same_width(path: Path, line_number: int, line: Sequence[str], header: Sequence[str]) -> None:
    if len(line) != len(header):
        raise UserError(f"{path}: line {line_number}: {len(line)} fields", f"expected {len(header)} as in the header")


def _row(where: str, line: Sequence[str], columns: Sequence[int], event: int, unit_s: float) -> list[float]:
    """Time, event, conditions, indicators of one line."""
    time = _number(where, line, columns[1], unit_s)
    failed = _number(where, line, event) if event >= 0 and line[event].strip() else 0.0
    return [time, failed, *(_number(where, line, place) for place in columns[2:])]


def _number(where: str, line: Sequence[str], place: int, unit_s: float = 0.0) -> float:
    """One field; with `unit_s`, a time in that unit."""
    try:
        value = _time(line[place], unit_s) if unit_s else float(line[place])
    except (ValueError, OverflowError):
        value = math.nan
    if abs(value) < LARGEST:
        return value
    expected = "a number, or a time in ISO 8601" if unit_s else "a finite number"
    raise UserError(f"{where}, column {place + 1}: {line[place][:40]!r}", f"expected {expected}")


def _time(text: str, unit_s: float) -> float:
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text.strip())
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.timestamp() / unit_s


def _in_order(path: Path, assets: Sequence[str], time: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows by asset (in the order in which they first appear) and time; and the asset's number of each."""
    places = {name: number for number, name in enumerate(dict.fromkeys(assets))}
    number = np.array([places[name] for name in assets], dtype=np.int64)
    order = np.lexsort((time, number))
    number, time = number[order], time[order]
    again = np.flatnonzero((np.diff(number) == 0) & (np.diff(time) == 0))
    if again.size:
        name = list(places)[number[again[0]]]
        raise UserError(f"{path}: asset {name!r} has two rows at {time[again[0]]:g}", "expected one row a time")
    return order.astype(np.int64), number


def _spacing(path: Path, number: NDArray[np.int64], time: Floats) -> float:
    steps = np.diff(time)[np.diff(number) == 0]
    if not steps.size:
        raise UserError(f"{path}: no asset has two rows", "expected histories")
    return float(np.median(steps))


def _first(number: NDArray[np.int64], time: Floats) -> Floats:
    starts = np.flatnonzero(np.append(True, np.diff(number) != 0))
    began: Floats = time[starts][number]
    return began


def _life_left(
    number: NDArray[np.int64], time: Floats, event: Floats, *, whole: bool
) -> tuple[NDArray[np.bool_], Floats]:
    """Rows of assets that failed, up to the failure, and the time to it."""
    end = np.full(int(number[-1]) + 1, np.nan)
    last = np.append(np.diff(number) != 0, True)
    failed = np.flatnonzero(last if whole else event > 0)[::-1]
    end[number[failed]] = time[failed]  # the first failure is written last
    left: Floats = end[number] - time
    return left >= 0, left

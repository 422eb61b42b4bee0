"""What a logger file holds: columns of readings with their times and units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from telltale.errors import UserError
from telltale.readings import SampleArray

MAX_LISTED = 30
Format = Literal["auto", "toa5", "csv", "npz"]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a file; what is left at its default is found out.

    Attributes:
        format: `auto` decides by the file's content.
        time: name of the time column or array. Empty: TOA5's TIMESTAMP, or the CSV column that looks like time.
        rate_hz: samples a second, for files without times (and to override those they have).
        columns: the columns wanted, in this order; empty: every column of numbers.
        start_ns: UTC of the first sample where there is no time column, and of zero where the time column counts
            seconds from a start.
        utc_offset_h: hours that the logger's clock is ahead of UTC (loggers mostly keep local standard time);
            applies to stamps that name no zone.
    """

    format: Format = "auto"
    time: str = ""
    rate_hz: float | None = None
    columns: tuple[str, ...] = ()
    start_ns: int = 0
    utc_offset_h: float = 0.0


@dataclass(frozen=True, slots=True)
class Rows:
    """Consecutive rows of some columns.

    Attributes:
        names: the columns present in these rows.
        times_ns: shape (n,), UTC of each row, in file order.
        values: one array of shape (n,) a name; NaN where the file has no value.
    """

    names: tuple[str, ...]
    times_ns: NDArray[np.int64]
    values: tuple[SampleArray, ...]


class LoggerReader(Protocol):
    """An opened file: its columns are known, its rows are not read yet."""

    path: Path
    units: dict[str, str]
    """Column → unit as the file states it, empty where it states none; in file order, without the time column."""
    rate_hz: float | None
    """Set where rows are equally spaced by declaration (no time column)."""
    notes: list[str]
    """What a reader of the file should know; grows while rows are read."""

    def rows(self, size: int) -> Iterator[Rows]:
        """Rows in file order, at most `size` at a time.

        Raises:
            UserError: naming file, line and column of what cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a recording: name, unit, `times_ns` and `values` of shape (n,); NaN where a value is missing."""

    name: str
    unit: str
    times_ns: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Recording:
    """A whole file.

    Attributes:
        path: the file.
        columns: by name, in file order. Columns of a table share their times; arrays of an npz may differ in length.
        rate_hz: set where rows are equally spaced by declaration.
        notes: what a reader of the file should know, one sentence each.
        duplicate_rows, backward_rows: rows whose stamp repeats an earlier one, or lies before the one before it.
    """

    path: Path
    columns: dict[str, Column]
    rate_hz: float | None = None
    notes: tuple[str, ...] = ()
    duplicate_rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    backward_rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def times_ns(self) -> NDArray[np.int64]:
        """Times of the longest column, shape (n,); of every column, where the file is a table."""
        return max(self.columns.values(), key=lambda column: column.times_ns.size).times_ns

    @property
    def rows(self) -> int:
        """Rows of the longest column."""
        return int(self.times_ns.size)

    def column(self, name: str) -> Column:
        """One column.

        Raises:
            UserError: there is none of that name; lists those there are.
        """
        if name not in self.columns:
            raise missing_column(self.path, name, list(self.columns))
        return self.columns[name]


def missing_column(path: Path, name: str, known: Sequence[str], what: str = "column") -> UserError:
    """The error for a column that the file lacks."""
    return UserError(f"{path}: no {what} {name!r}", f"the file has {listed(known)}" if known else "the file has none")


def listed(names: Sequence[str]) -> str:
    """Names for an error's one line: the first ones, and how many more there are."""
    more = len(names) - MAX_LISTED
    return ", ".join(names[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")

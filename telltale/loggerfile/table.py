"""Rows of a text file of readings (TOA5 or CSV), streamed."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from telltale.errors import UserError
from telltale.loggerfile.layout import MISSING, Layout, find_layout
from telltale.loggerfile.recording import ReadOptions, Rows, listed, missing_column
from telltale.loggerfile.stamps import StampError, parse_stamps, regular_times

STAMP_BYTES = 40


class TableReader:
    """A `LoggerReader` for TOA5 and CSV.

    Raises:
        UserError: the file cannot be read, or a wanted column is not in it.
    """

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.path = path
        self.rate_hz = options.rate_hz
        self.notes: list[str] = []
        self._options = options
        self._layout = layout = find_layout(path, options.format)
        self._time = "" if options.rate_hz else self._find_time(layout)
        columns = self._find_columns(layout)
        self.units = {name: layout.units[layout.names.index(name)] for name in columns}

    def _find_time(self, layout: Layout) -> str:
        wanted = self._options.time
        if wanted and wanted not in layout.names:
            raise missing_column(self.path, wanted, layout.names, "time column")
        found = wanted or layout.time_column()
        if not found:
            raise UserError(
                f"{self.path}: no time column found", "name it, or give rate_hz; there are " + listed(layout.names)
            )
        return found

    def _find_columns(self, layout: Layout) -> tuple[str, ...]:
        for name in self._options.columns:
            if name not in layout.names:
                raise missing_column(self.path, name, layout.names)
        if self._options.columns:
            return self._options.columns
        time_like = self._time or self._options.time or layout.time_column()
        texts = layout.text_columns() - {time_like}
        if texts:
            self.notes.append("left out, no numbers: " + ", ".join(sorted(texts)))
        columns = tuple(name for name in layout.names if name not in texts and name != time_like)
        if not columns:
            raise UserError(f"{self.path}: no column of numbers", "the file has " + listed(layout.names))
        return columns

    def rows(self, size: int) -> Iterator[Rows]:
        """Rows in file order, at most `size` at a time (see `LoggerReader.rows`)."""
        try:
            with self.path.open(encoding=self._layout.encoding, errors="strict", newline="") as file:
                yield from self._chunks(file, size)
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read ({error.strerror or error})") from None
        except UnicodeDecodeError as error:
            raise UserError(f"{self.path}: not {self._layout.encoding} text ({error.reason})") from None

    def _chunks(self, file: TextIO, size: int) -> Iterator[Rows]:
        for _ in range(self._layout.header_lines):
            file.readline()
        line, row = self._layout.header_lines, 0
        while lines := list(islice(file, size)):
            numbers, cells = self._split(lines, line)
            line += len(lines)
            if cells:
                yield self._convert(numbers, cells, row)
                row += len(cells)

    def _split(self, lines: Sequence[str], before: int) -> tuple[list[int], list[list[str]]]:
        """Line numbers and cells of the rows in `lines`; blank lines hold no row."""
        try:
            rows = list(csv.reader(lines, delimiter=self._layout.delimiter))
        except csv.Error as error:
            raise UserError(f"{self.path}: lines {before + 1}-{before + len(lines)}: {error}") from None
        if len(rows) != len(lines):
            raise UserError(f"{self.path}: after line {before}: a quote is not closed", "correct that line")
        kept = [(before + index + 1, row) for index, row in enumerate(rows) if row]
        width = len(self._layout.names)
        if kept and len(kept[-1][1]) < width and not lines[-1].endswith("\n"):
            self.notes.append(f"line {kept[-1][0]} is cut off (end of the file): left out")
            kept.pop()
        for number, row in kept:
            if len(row) != width:
                raise UserError(f"{self.path}: line {number}: {len(row)} cells, expected {width}", "correct that line")
        return [number for number, _ in kept], [row for _, row in kept]

    def _convert(self, numbers: Sequence[int], cells: Sequence[Sequence[str]], row: int) -> Rows:
        by_name = dict(zip(self._layout.names, zip(*cells, strict=True), strict=True))
        values = tuple(self._values(name, by_name[name], numbers) for name in self.units)
        return Rows(tuple(self.units), self._times(by_name, numbers, row), values)

    def _times(self, by_name: dict[str, tuple[str, ...]], numbers: Sequence[int], row: int) -> NDArray[np.int64]:
        options = self._options
        if options.rate_hz:
            return regular_times(row, len(numbers), options.rate_hz, options.start_ns)
        texts = by_name[self._time]
        if self._layout.decimal_comma:
            texts = tuple(text.replace(",", ".") for text in texts)
        try:
            stamps = np.array([text.encode()[:STAMP_BYTES] for text in texts])
            return parse_stamps(stamps, options.start_ns, options.utc_offset_h)
        except StampError as error:
            raise UserError(
                f"{self.path}: line {numbers[error.index]}: column {self._time!r}: {error}",
                "expected ISO 8601 (2026-01-31 12:00:00) or epoch seconds",
            ) from None

    def _values(self, name: str, cells: Sequence[str], numbers: Sequence[int]) -> NDArray[np.float64]:
        if self._layout.decimal_comma:
            cells = [cell.replace(",", ".") for cell in cells]
        try:
            values = np.fromiter(map(float, cells), np.float64, len(cells))
        except ValueError:
            pairs = zip(cells, numbers, strict=True)
            values = np.fromiter((self._value(name, *pair) for pair in pairs), np.float64, len(cells))
        values[np.isinf(values)] = np.nan  # a logger's INF is an over-range or a division by zero: no reading
        return values

    def _value(self, name: str, cell: str, number: int) -> float:
        if cell.strip().lower() in MISSING:
            return np.nan
        try:
            return float(cell)
        except ValueError:
            raise UserError(
                f"{self.path}: line {number}: column {name!r}: {cell[:40]!r} is not a number",
                "correct the cell, or leave the column out",
            ) from None

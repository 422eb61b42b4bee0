"""How a text file of readings is laid out: TOA5 or plain CSV, delimiter, header, decimal mark. Found from its head."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from telltale.errors import UserError
from telltale.loggerfile.recording import Format
from telltale.loggerfile.stamps import looks_like_time

HEAD_BYTES = 131_072
SAMPLE_ROWS = 100
DELIMITERS = (",", ";", "\t")
MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "-", "--", "inf", "+inf", "-inf"})
TIME_NAMES = frozenset(
    {"timestamp", "time", "datetime", "date_time", "date time", "date", "utc", "time_s", "t_s", "t", "epoch", "ts"}
)
UNIT_IN_NAME = re.compile(r"^.*?\s*[\[(]([^\])]*)[\])]\s*$")
DECIMAL_COMMA = re.compile(r"^\s*[+-]?\d+,\d+([eE][+-]?\d+)?\s*$")


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a text file.

    Attributes:
        encoding: utf-8-sig, or cp1252 where the head is no UTF-8.
        delimiter: between cells.
        decimal_comma: numbers are written 1,25 (only where the delimiter is not a comma).
        header_lines: lines before the first row.
        names, units: of all columns, in file order.
        sample: cells of the first rows, for deciding which columns hold numbers.
        toa5: a Campbell table: the stamps are the logger's TIMESTAMP column.
    """

    encoding: str
    delimiter: str
    decimal_comma: bool
    header_lines: int
    names: tuple[str, ...]
    units: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    toa5: bool

    def time_column(self) -> str:
        """The column that holds the time, by its name or by the look of its first cell; empty: none does."""
        named = [name for name in self.names if name.strip().lower() in TIME_NAMES]
        if named:
            return named[0]
        first = self.sample[0] if self.sample else ()
        dated = [name for name, cell in zip(self.names, first, strict=False) if looks_like_time(cell)]
        return dated[0] if dated else ""

    def text_columns(self) -> frozenset[str]:
        """Columns that hold words: no number in the sample, and a cell that is neither number nor missing."""
        found = set()
        for index, name in enumerate(self.names):
            cells = [row[index].strip() for row in self.sample if index < len(row)]
            present = [cell for cell in cells if cell.lower() not in MISSING]
            if present and not any(is_number(cell, self.decimal_comma) for cell in present):
                found.add(name)
        return frozenset(found)


def is_number(cell: str, decimal_comma: bool) -> bool:
    """Whether a cell is a number."""
    try:
        float(cell.replace(",", ".") if decimal_comma else cell)
    except ValueError:
        return False
    return True


def find_layout(path: Path, wanted: Format) -> Layout:
    """The layout of a text file.

    Raises:
        UserError: the file cannot be read, is empty or binary, or is not of the format wanted.
    """
    text, encoding = _head(path)
    lines = text.splitlines()
    if not any(line.strip() for line in lines):
        raise UserError(f"{path}: empty file", "expected a header and rows of readings")
    toa5 = lines[0].lstrip().startswith(('"TOA5"', "TOA5"))
    if wanted == "toa5" and not toa5:
        raise UserError(f"{path}: not a Campbell TOA5 file", "its first line does not begin with TOA5; try csv")
    try:
        return _toa5(path, lines, encoding) if toa5 else _plain(lines, encoding)
    except csv.Error as error:
        raise UserError(f"{path}: not a table ({error})", "expected TOA5, CSV or npz") from None


def _head(path: Path) -> tuple[str, str]:
    try:
        with path.open("rb") as file:
            raw = file.read(HEAD_BYTES)
            whole = not file.read(1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file", "correct the path") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    if b"\0" in raw:
        raise UserError(f"{path}: not a text file", "expected TOA5, CSV or npz")
    if not whole:
        raw = raw[: raw.rfind(b"\n") + 1] or raw
    try:
        return raw.decode("utf-8-sig"), "utf-8-sig"
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace"), "cp1252"


def _toa5(path: Path, lines: Sequence[str], encoding: str) -> Layout:
    if len(lines) < 4:
        raise UserError(f"{path}: TOA5 header has {len(lines)} lines", "expected 4: station, names, units, process")
    rows = list(csv.reader(lines[:4]))
    if len(rows) < 4:
        raise UserError(f"{path}: a quote in the header is not closed", "correct its first four lines")
    names = unique_names(path, rows[1])
    units = (*rows[2], *[""] * len(names))[: len(names)]
    sample = tuple(tuple(row) for row in csv.reader(lines[4 : 4 + SAMPLE_ROWS]))
    return Layout(encoding, ",", False, 4, names, tuple(units), sample, True)


def _plain(lines: Sequence[str], encoding: str) -> Layout:
    start = next(index for index, line in enumerate(lines) if line.strip())
    delimiter = max(DELIMITERS, key=lines[start].count)
    rows = [tuple(row) for row in csv.reader(lines[start : start + SAMPLE_ROWS + 1], delimiter=delimiter) if row]
    body = rows[1:] or rows
    comma = delimiter != "," and any(DECIMAL_COMMA.match(cell) for row in body for cell in row)
    if all(is_number(cell, comma) or looks_like_time(cell) for cell in rows[0]):
        names = tuple(f"column{index + 1}" for index in range(len(rows[0])))
        return Layout(encoding, delimiter, comma, start, names, ("",) * len(names), tuple(rows), False)
    names = unique_names(None, rows[0])
    return Layout(encoding, delimiter, comma, start + 1, names, tuple(map(_unit_of, names)), tuple(rows[1:]), False)


def _unit_of(name: str) -> str:
    found = UNIT_IN_NAME.match(name)
    return found.group(1).strip() if found else ""


def unique_names(path: Path | None, cells: Sequence[str]) -> tuple[str, ...]:
    """Column names without surrounding blanks; an empty or repeated one is numbered by its place."""
    names: list[str] = []
    for index, cell in enumerate(cells):
        name = cell.strip() or f"column{index + 1}"
        names.append(f"{name}_{index + 1}" if name in names else name)
    if path is not None and not names:
        raise UserError(f"{path}: no column names in the second line", "expected a TOA5 header")
    return tuple(names)

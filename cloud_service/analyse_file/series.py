"""The file's columns as clean series: ascending times, units known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse_file.arguments import Arguments
from telltale.clock import NS_PER_S
from telltale.errors import UserError
from telltale.kinds import KINDS
from telltale.loggerfile.read import read_logger_file
from telltale.loggerfile.recording import Column

SLOWEST_WAVEFORM_S = 30.0  # readings further apart are single readings, whatever their kind
SAME_NAN_SHARE = 0.9
FEWEST_SAME_NANS = 5


@dataclass(frozen=True)
class Series:
    """What is analysed.

    Attributes:
        rows: rows of the file.
        t_ns: (n,) ascending UTC times, none twice.
        value, temperature: (n,) NaN where missing; temperature is None where none was asked for.
        unit: of the value.
        spacing_s: median time between rows.
        waveform: whether rows are samples of a waveform or single readings.
        derived: value is missing where temperature is: it was computed from it.
        notes: what a reader should know of the file.
    """

    rows: int
    t_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    temperature: NDArray[np.float64] | None
    unit: str
    spacing_s: float
    waveform: bool
    derived: bool
    notes: list[str] = field(default_factory=list)


def read_series(asked: Arguments) -> Series:
    """Read what was asked for.

    Raises:
        UserError: the file cannot be read, lacks a column, or holds too little.
    """
    names = (asked.value, asked.temperature) if asked.temperature else (asked.value,)
    columns = names if len(set(names)) == len(names) else names[:1]
    found = read_logger_file(asked.file, time=asked.time, rate_hz=asked.rate_hz, columns=columns)
    value = found.column(asked.value)
    temperature = found.column(asked.temperature) if asked.temperature else None
    if temperature is not None and temperature.values.size != value.values.size:
        raise UserError(
            f"{asked.file}: {asked.temperature!r} has {temperature.values.size} rows, {asked.value!r} has"
            f" {value.values.size}",
            "expected columns of one length",
        )
    return _series(asked, value, temperature, found.rows, list(found.notes))


def _series(asked: Arguments, value: Column, temperature: Column | None, rows: int, notes: list[str]) -> Series:
    t_ns, first = np.unique(value.times_ns, return_index=True)
    if t_ns.size < 2 or not np.isfinite(value.values).any():
        raise UserError(f"{asked.file}: column {asked.value!r} has no two readings", "expected a series")
    spacing_s = float(np.median(np.diff(t_ns))) / NS_PER_S
    numbers = value.values[first]
    celsius = None if temperature is None else temperature.values[first]
    derived = celsius is not None and _missing_together(numbers, celsius)
    unit = _unit(asked.kind, value, notes)
    if derived:
        notes.append(f"{asked.value!r} is missing where {asked.temperature!r} is: taken as computed from it")
    waveform = asked.kind != "crack" and spacing_s < SLOWEST_WAVEFORM_S
    return Series(rows, t_ns, numbers, celsius, unit, spacing_s, waveform, derived, notes)


def _missing_together(value: NDArray[np.float64], celsius: NDArray[np.float64]) -> bool:
    both = np.count_nonzero(np.isnan(value) & np.isnan(celsius))
    either = np.count_nonzero(np.isnan(value) | np.isnan(celsius))
    return bool(both >= FEWEST_SAME_NANS and both >= SAME_NAN_SHARE * either)


def _unit(kind: str, value: Column, notes: list[str]) -> str:
    units = KINDS[kind].units
    if value.unit in units:
        return value.unit
    notes.append(f"unit of {value.name!r} is {value.unit!r}" if value.unit else f"unit of {value.name!r} is not stated")
    notes[-1] += f", taken as {KINDS[kind].base_unit}"
    return KINDS[kind].base_unit

"""Channels of one multi-channel recording: one logger, one clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cloud_service.modal.simultaneous import MIN_PLACES, Simultaneous, tolerated_s
from telltale.clock import NS_PER_S
from telltale.errors import UserError
from telltale.findings import Refusal
from telltale.loggerfile.read import read_logger_file
from telltale.loggerfile.recording import Recording

SPACING_TOLERANCE = 0.01  # of the median spacing; more is a gap or a clock that was set


def read_file(path: Path, time: str, rate_hz: float | None, columns: tuple[str, ...], max_hz: float) -> Simultaneous:
    """The columns as samples at the same moments.

    Raises:
        UserError: the file cannot be read, or its columns are not simultaneous, evenly spaced and complete.
    """
    found = read_logger_file(path, time=time, rate_hz=rate_hz, columns=columns)
    if len(found.columns) < MIN_PLACES:
        raise UserError(f"{path}: one column", f"a mode shape needs at least {MIN_PLACES} places")
    _check_times(found, max_hz)
    spacing_s = _spacing_s(found)
    samples = np.column_stack([column.values for column in found.columns.values()])
    missing = int(np.count_nonzero(~np.isfinite(samples)))
    if missing:
        raise UserError(f"{path}: {missing} samples are missing", "give a recording, or a part of one, without gaps")
    return Simultaneous(tuple(found.columns), samples, 1.0 / spacing_s, found.notes)


def _check_times(found: Recording, max_hz: float) -> None:
    first_name, first = next(iter(found.columns.items()))
    for name, column in found.columns.items():
        if column.times_ns.size != first.times_ns.size:
            sizes = f"{name!r} has {column.times_ns.size} samples, {first_name!r} has {first.times_ns.size}"
            raise UserError(f"{found.path}: {sizes}", "expected channels of one length, sampled together")
        apart_s = float(np.abs(column.times_ns - first.times_ns).max()) / NS_PER_S
        if apart_s > tolerated_s(max_hz):
            raise UserError(
                f"{found.path}: {Refusal.CLOCK_UNRELIABLE.value}: {name!r} and {first_name!r} are {apart_s:g} s apart",
                f"shapes up to {max_hz:g} Hz need {tolerated_s(max_hz):.2g} s",
            )


def _spacing_s(found: Recording) -> float:
    steps_ns = np.diff(found.times_ns)
    if not steps_ns.size or np.median(steps_ns) <= 0:
        raise UserError(f"{found.path}: no two samples", "expected a recording")
    if found.rate_hz:
        return 1.0 / found.rate_hz
    spacing_ns = float(np.median(steps_ns))
    uneven = int(np.count_nonzero(np.abs(steps_ns - spacing_ns) > max(SPACING_TOLERANCE * spacing_ns, 2.0)))
    # Stamps of whole milliseconds scatter; over the whole record they must not.
    drift = abs(float(steps_ns.sum()) / steps_ns.size / spacing_ns - 1.0)
    if uneven > 0 and (drift > 1e-3 or np.abs(steps_ns - spacing_ns).max() > 0.5 * spacing_ns):
        raise UserError(f"{found.path}: {uneven} of {steps_ns.size} steps of time are uneven", "expected no gaps")
    return float(steps_ns.mean()) / NS_PER_S

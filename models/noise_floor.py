"""The noise floor of a vibration sensor: what is left in its highest octave in the quietest window of a day.

A structure at rest moves less than the sensor's own noise up there, so the floor belongs to the sensor and its cable:
it rises with a loose connector or a failing supply and falls when the element is detached or its amplifier dead. Damage
moves energy between bands by fractions of these bounds.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

REFERENCE_DAYS, KEPT_DAYS = 14, 28
# Self-set: four times the amplitude, 12 dB; the healthy days of simulated and recorded sensors stay within 2.
RISE, FALL = math.log(4.0), -math.log(10.0)
USUAL = math.log(2.0)  # a day within this of the reference joins it
CONFIRM_DAYS = 2


class Floor(msgspec.Struct):
    """Attributes:
    kept: the newest usual days' floors, natural log of amplitude, oldest first.
    day, lowest: the running UTC day, and its floor so far; infinite before a usable window.
    off_days: finished days in a row that were beyond the bounds.
    off: how far the newest finished day was off, in the log of amplitude.
    """

    kept: list[float] = []
    day: int = -(2**31)
    lowest: float = math.inf
    off_days: int = 0
    off: float = 0.0

    @property
    def changed(self) -> bool:
        """Whether the floor is another one."""
        return self.off_days >= CONFIRM_DAYS


def floor_of(log_rms: NDArray[np.float64], log_share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log amplitude in a band, (k,): ½ ln(rms² · share of the energy)."""
    return log_rms + 0.5 * log_share


def follow(floor: Floor, day: int, values: NDArray[np.float64]) -> None:
    """Take in windows of one day, (k,), NaN where unusable; days ascend. Changed in place."""
    if day > floor.day:
        _close(floor)
        floor.day, floor.lowest = day, math.inf
    if np.isfinite(values).any():
        floor.lowest = min(floor.lowest, float(np.nanmin(values)))


def _close(floor: Floor) -> None:
    if not math.isfinite(floor.lowest):
        return
    known = len(floor.kept) >= REFERENCE_DAYS
    floor.off = floor.lowest - float(np.median(floor.kept)) if known else 0.0
    floor.off_days = floor.off_days + 1 if floor.off > RISE or floor.off < FALL else 0
    if abs(floor.off) <= USUAL:
        floor.kept = [*floor.kept, floor.lowest][-KEPT_DAYS:]

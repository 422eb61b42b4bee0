"""Stress intensity range of a crack that grows, and Paris' integral along it.

Geometry factors: a constant one (1.12 for a shallow edge crack: BS 7910:2019 annex M), and √sec(πa/W) for a central
through crack of length 2a in a plate of width W under tension (Feddersen 1966, ASTM STP 410; ASTM E647 A2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STEPS_PER_E_FOLD = 200  # of the integral, in length


@dataclass(frozen=True, slots=True)
class Loaded:
    """A crack under a stress range that stays as it is.

    Attributes:
        stress_range_mpa: Δσ.
        factor: constant geometry factor; multiplies the plate's.
        plate_width_mm: W of a plate with a central crack; None: only the constant factor.
    """

    stress_range_mpa: float
    factor: float = 1.0
    plate_width_mm: float | None = None

    def range_at(self, length_mm: Floats) -> Floats:
        """ΔK = Y Δσ √(π a), N/mm^1.5, of lengths a (n,); infinite where the plate is cracked through."""
        plain: Floats = self.factor * self.stress_range_mpa * np.sqrt(np.pi * length_mm)
        if self.plate_width_mm is None:
            return plain
        left = np.cos(np.pi * np.minimum(length_mm / self.plate_width_mm, 0.5))
        with np.errstate(divide="ignore"):
            return np.where(left > 1e-9, plain / np.sqrt(np.maximum(left, 1e-9)), np.inf)


def cycles_per_rate(loaded: Loaded, start_mm: Floats, end_mm: Floats, slope: float) -> Floats:
    """∫ ΔK^-m da from each start to its end (n,): the cycles of da/dN = C ΔK^m times C; 0 for no way to go."""
    low, high = float(np.min(start_mm)), float(np.max(end_mm))
    if not low < high:
        return np.zeros(np.broadcast(start_mm, end_mm).shape)
    points = 2 + int(STEPS_PER_E_FOLD * np.log(high / low))
    length = np.geomspace(low, high, points)
    inverse = loaded.range_at(length) ** -slope
    summed = np.concatenate(([0.0], np.cumsum((inverse[1:] + inverse[:-1]) / 2 * np.diff(length))))
    return np.asarray(np.interp(end_mm, length, summed) - np.interp(start_mm, length, summed))

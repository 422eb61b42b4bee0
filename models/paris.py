"""Crack growth in steel by Paris' law, simplified law of BS 7910:2019 8.2.3.

Units are N/mm^1.5 and mm/cycle throughout: C = 5.21e-13 here is 1.65e-8 in MPa√m, and mixing the two errs by 31,600.
"""

from __future__ import annotations

import math

C_STEEL_IN_AIR = 5.21e-13  # mm/cycle with ΔK in N/mm^1.5
M_STEEL_IN_AIR = 3.0
THRESHOLD_STEEL_IN_AIR = 63.0  # ΔK₀, N/mm^1.5


def stress_intensity_range(crack_mm: float, stress_range_mpa: float, geometry: float) -> float:
    """ΔK = Y Δσ √(π a), N/mm^1.5, of a crack of depth a (mm)."""
    return geometry * stress_range_mpa * math.sqrt(math.pi * crack_mm)


def growth_cycles(
    start_mm: float,
    end_mm: float,
    stress_range_mpa: float,
    geometry: float,
    *,
    c: float = C_STEEL_IN_AIR,
    m: float = M_STEEL_IN_AIR,
    threshold: float = THRESHOLD_STEEL_IN_AIR,
) -> float:
    """Cycles for a crack to grow from `start_mm` to `end_mm` under constant ranges; infinite below the threshold.

    The closed integral of da/dN = C ΔK^m with a constant geometry factor Y.

    Raises:
        ValueError: sizes that are not 0 < start < end.
    """
    if not 0 < start_mm < end_mm:
        raise ValueError(f"crack from {start_mm} to {end_mm} mm, expected 0 < start < end")
    if stress_intensity_range(start_mm, stress_range_mpa, geometry) < threshold:
        return math.inf
    per_mm = c * (geometry * stress_range_mpa * math.sqrt(math.pi)) ** m
    if m == 2:
        return float(math.log(end_mm / start_mm) / per_mm)
    power = 1 - m / 2
    return float((end_mm**power - start_mm**power) / (power * per_mm))

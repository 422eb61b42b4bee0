"""Fatigue of welded and bolted steel details: strain ranges → stress ranges → cycles endured → damage.

EN 1993-1-9:2005 7.1: log-log S-N curve of slope 3 through the detail category Δσ_C at 2e6 cycles down to the constant
amplitude limit Δσ_D at 5e6, slope 5 from there to the cut-off limit Δσ_L at 1e8, no damage below. Ranges add up
linearly (Palmgren-Miner, annex A.5).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CYCLES_AT_CATEGORY = 2e6
CYCLES_AT_CONSTANT_AMPLITUDE_LIMIT = 5e6
# Clause 7.1 (2) and (3) as printed: (2/5)^(1/3) = 0.737, and 0.549 · 0.737 = 0.405.
CONSTANT_AMPLITUDE_LIMIT = 0.737
CUT_OFF_LIMIT = 0.405


def stress_ranges_mpa(strain_ranges_ue: Floats, youngs_modulus_gpa: float) -> Floats:
    """Hooke: Δσ = E Δε; ranges in µε, E in GPa, stress in MPa."""
    return strain_ranges_ue * (youngs_modulus_gpa * 1e-3)


def endurance_cycles(ranges_mpa: Floats, detail_category_mpa: float, partial_factor: float = 1.0) -> Floats:
    """Cycles N endured at each stress range, shape (n,); infinite at and below the cut-off limit.

    Args:
        ranges_mpa: Δσ, shape (n,), MPa.
        detail_category_mpa: Δσ_C, MPa.
        partial_factor: γ_Mf, divides the strength.
    """
    category = detail_category_mpa / partial_factor
    knee = CONSTANT_AMPLITUDE_LIMIT * category
    cut_off = CUT_OFF_LIMIT * category
    cycles = np.full(ranges_mpa.shape, np.inf)
    steep = ranges_mpa >= knee
    flat = (ranges_mpa > cut_off) & ~steep
    cycles[steep] = CYCLES_AT_CATEGORY * (category / ranges_mpa[steep]) ** 3
    cycles[flat] = CYCLES_AT_CONSTANT_AMPLITUDE_LIMIT * (knee / ranges_mpa[flat]) ** 5
    return cycles


def damage(ranges_mpa: Floats, counts: Floats, detail_category_mpa: float, partial_factor: float = 1.0) -> float:
    """Miner's sum Σ n/N of cycles (shape (n,) each); 1 is the end of the characteristic life."""
    return float(np.sum(counts / endurance_cycles(ranges_mpa, detail_category_mpa, partial_factor)))

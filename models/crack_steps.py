"""A crack's growth as steps that stand out from the scatter of its readings, and that scatter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

Floats = NDArray[np.float64]

LEAST_GROWTH = 0.004  # of the length; self-set, keeps an e-fold of growth below 250 steps
NOISES_A_STEP = 4.0  # growth by so many standard deviations of the scatter; self-set


def growth_steps(time: Floats, length_mm: Floats) -> tuple[Floats, Floats]:
    """Times and lengths (k,), both strictly ascending: what readings (n,) at ascending times say of a crack that
    cannot close. Neighbours that contradict each other are pooled (isotonic least squares, Barlow et al. 1972); a step
    begins where the crack has grown enough since the last one began, and stands for the mean of its readings at their
    mean time: the reading that begins it alone would be one that happens to lie high.
    """
    if not length_mm.size:
        return length_mm, length_mm
    pooled = isotonic_regression(length_mm)
    scatter = float(np.sqrt(np.mean((length_mm - pooled.x) ** 2)))
    blocks = pooled.blocks[:-1].tolist()
    begins, last = [0], float(pooled.x[0])
    for block in blocks[1:]:
        length = float(pooled.x[block])
        if length >= last + max(LEAST_GROWTH * abs(last), NOISES_A_STEP * scatter):
            begins.append(block)
            last = length
    readings = np.diff([*begins, length_mm.size])
    if readings.size > 1 and 2 * readings[-1] < readings[-2]:  # a few that may happen to lie high: no step yet
        begins.pop()
        readings = np.diff([*begins, length_mm.size])
    return np.add.reduceat(time, begins) / readings, np.add.reduceat(pooled.x, begins) / readings


def reading_error(time: Floats, length_mm: Floats) -> float:
    """Standard deviation of readings (n,) about smooth growth: each from the straight line between its neighbours
    (Gasser, Sroka & Jennen-Steinmetz 1986, Biometrika 73, equation 2.3); 0 for fewer than 3.
    """
    if time.size < 3:
        return 0.0
    share = np.diff(time)[1:] / (time[2:] - time[:-2])
    off = share * length_mm[:-2] + (1 - share) * length_mm[2:] - length_mm[1:-1]
    return float(np.sqrt(np.mean(off**2 / (share**2 + (1 - share) ** 2 + 1))))

"""A crack's growth as steps that stand out from the scatter of its readings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

Floats = NDArray[np.float64]

LEAST_GROWTH = 0.004  # of the length; self-set, keeps an e-fold of growth below 250 steps
NOISES_A_STEP = 4.0  # growth by so many standard deviations of the scatter; self-set


def growth_steps(time: Floats, length_mm: Floats) -> tuple[Floats, Floats]:
    """Times and lengths (k,), both strictly ascending: what readings (n,) at ascending times say of a crack that
    cannot close. Neighbours that contradict each other are pooled (isotonic least squares, Barlow et al. 1972), each
    pool at its mean time; the next step is the first that has grown enough.
    """
    if not length_mm.size:
        return length_mm, length_mm
    pooled = isotonic_regression(length_mm)
    blocks = pooled.blocks
    sizes = np.diff(blocks)
    value = pooled.x[blocks[:-1]]
    when = np.add.reduceat(time, blocks[:-1]) / sizes
    scatter = float(np.sqrt(np.mean((length_mm - pooled.x) ** 2)))
    chosen, last = [0], value[0]
    for index, length in enumerate(value.tolist()):
        if length >= last + max(LEAST_GROWTH * abs(last), NOISES_A_STEP * scatter) and index:
            chosen.append(index)
            last = length
    return when[chosen], value[chosen]

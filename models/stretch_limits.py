"""How high a statistic climbs in a quiet stretch of rows: its limit, from a few out-of-sample stretches.

Gumbel distribution of the logs of the maxima of each stretch (Coles, An Introduction to Statistical Modeling of Extreme
Values, 2001, chapter 3), as the thresholds of single channels (`models.extremes`), but for a handful of stretches
instead of weeks: the scale is drawn towards a prior, and a stretch that reaches beyond `REACH` times the second calmest
is set aside, so that an event in the training part does not blind the detector.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

REACH = 4.0
PRIOR_SCALE, PRIOR_STRETCHES = 0.25, 3.0
_EULER_GAMMA = 0.5772156649015329


def stretches(rows: int, count: int) -> list[tuple[int, int]]:
    """(start, stop) of `count` stretches of nearly equal length."""
    edges = np.linspace(0, rows, count + 1).astype(np.int64).tolist()
    return list(pairwise(edges))


def stretch_limits(statistic: Array, count: int, chance: float) -> Array:
    """What a quiet stretch as long as n / count rows exceeds with probability `chance`, shape (statistics,).

    Args:
        statistic: (n, statistics) of absolute values; NaN where it could not be computed.
        count: stretches, at least 3.
        chance: 0 < chance < 1.

    Returns:
        infinity for a statistic that was zero or unknown throughout a stretch: nothing is known of it.
    """
    known = np.nan_to_num(statistic)
    maxima = np.sort([known[start:stop].max(axis=0) for start, stop in stretches(len(known), count)], axis=0)
    alive = maxima[0] > 0
    logs = np.log(np.where(alive, maxima, 1.0))
    calm = logs <= logs[1] + np.log(REACH)
    calm_count = calm.sum(axis=0)
    mean = np.where(calm, logs, 0.0).sum(axis=0) / calm_count
    own = (np.where(calm, logs - mean, 0.0) ** 2).sum(axis=0) * 6.0 / np.pi**2
    scale = np.sqrt((own + PRIOR_SCALE**2 * PRIOR_STRETCHES) / (calm_count - 1 + PRIOR_STRETCHES))
    reduced = -np.log(-np.log1p(-chance))
    limits = np.exp(mean + scale * (reduced - _EULER_GAMMA))
    return np.where(alive, limits, np.inf)

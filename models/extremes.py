"""The thresholds from weekly maxima: how high a quiet sensor's score climbs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Before weeks exist, by time scale (6 h, 2 d, 10 d): the largest of some fourteen standard scores in a week, fewer of
# them independent the longer the average, widened for deviations that are themselves estimates from three weeks
# (self-set; simulated healthy years stay below, tests/models/test_novelty.py).
PRIOR_MEANS = np.log([3.7, 3.2, 2.6])
PRIOR_SD = 0.16
PRIOR_WEEKS = 6.0
# Expected weeks between false warnings of one scale: six years, so that three scales together warn falsely once in two,
# twice as good as the promise of one a sensor-year.
RETURN_WEEKS = 313.0
# A channel whose quiet weeks reach beyond this is not quiet: the threshold must not climb after a slow change.
CEILING = 8.0
_EULER_GAMMA = 0.5772156649015329


def thresholds(weekly_maxima: Array, return_weeks: float = RETURN_WEEKS) -> Array:
    """The |z| of each scale that a quiet sensor exceeds once in `return_weeks` weeks, shape (scales,).

    Gumbel distribution of the logs of the weekly maxima, fitted by moments with a prior worth `PRIOR_WEEKS` weeks
    (Coles, An Introduction to Statistical Modeling of Extreme Values, 2001, chapter 3; Gumbel 1958).

    Args:
        weekly_maxima: (weeks, scales) out-of-sample weekly maxima of |z|, each > 0.
        return_weeks: the mean time between false warnings.
    """
    logs = np.log(weekly_maxima)
    weeks = PRIOR_WEEKS + len(logs)
    mean = (PRIOR_WEEKS * PRIOR_MEANS + logs.sum(axis=0)) / weeks
    prior = PRIOR_WEEKS * (PRIOR_SD**2 + (PRIOR_MEANS - mean) ** 2)
    scale = np.sqrt(6.0 * (prior + ((logs - mean) ** 2).sum(axis=0)) / weeks) / np.pi
    reduced = -np.log(-np.log1p(-1.0 / return_weeks))
    return np.asarray(np.minimum(np.exp(mean + scale * (reduced - _EULER_GAMMA)), CEILING))

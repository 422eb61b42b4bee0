"""Scores of interval forecasts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def coverage(low: Floats, high: Floats, truth: Floats) -> float:
    """Share of truths (n,) within [low, high]; NaN bounds cover nothing."""
    return float(np.mean((low <= truth) & (truth <= high)))


def interval_score(low: Floats, high: Floats, truth: Floats, nominal: float) -> float:
    """Mean width plus 2/α times what lies outside, α = 1 - nominal (Gneiting & Raftery 2007, JASA 102, eq. 43): a wide
    interval is no answer. In the unit of the truth; lower is better.
    """
    outside = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
    return float(np.mean(high - low + 2 / (1 - nominal) * outside))

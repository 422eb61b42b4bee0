"""How good predictions of remaining life are, as the field scores them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def rms(errors: Floats, weights: Floats | None = None) -> float:
    """Root of the (weighted) mean square."""
    return float(np.sqrt(np.average(errors**2, weights=weights)))


def asymmetric_score(late: Floats) -> float:
    """Σ exp(-d/13) - 1 for early and exp(d/10) - 1 for late predictions, d in cycles.

    Saxena, Goebel, Simon & Eklund 2008, "Damage propagation modeling for aircraft engine run-to-failure simulation",
    PHM, section 5.

    Args:
        late: (n,) predicted minus true life left.
    """
    return float(np.where(late < 0, np.expm1(-late / 13), np.expm1(late / 10)).sum())


def coverage(low: Floats, high: Floats, truth: Floats, weights: Floats | None = None) -> float:
    """Share of truths in [low, high]."""
    return float(np.average((low <= truth) & (truth <= high), weights=weights))


def interval_score(low: Floats, high: Floats, truth: Floats, share: float, weights: Floats | None = None) -> float:
    """Mean width plus 2/α of what lies outside (Gneiting & Raftery 2007, JASA 102, equation 43), α = 1 - share."""
    missed = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
    return float(np.average(high - low + 2 / (1 - share) * missed, weights=weights))


def weighted_interval_score(quantiles: Floats, probabilities: Sequence[float], truth: Floats) -> float:
    """Mean of 2·(1[y < q] - p)·(q - y) over quantiles (n, k) at k probabilities that lie evenly about a half.

    Stands for the CRPS where a forecast is told by quantiles (Bracher, Ray, Gneiting & Reich 2021, PLOS Comput. Biol.
    17 (2), equations 1 to 3).
    """
    over = quantiles - truth[:, None]
    return float(np.mean(2 * ((over > 0) - np.array(probabilities)) * over))


def near(median: Floats, truth: Floats, alpha: float) -> float:
    """Share of medians within α of the truth: the α-λ accuracy at the λ that these were told at (Saxena, Celaya, Saha,
    Saha & Goebel 2010, Int. J. Progn. Health Manag. 1, section 4.3).
    """
    return float(np.mean(np.abs(median - truth) <= alpha * truth))

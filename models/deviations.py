"""How far averages of quiet days stray: learned for each feature and time scale, from days not yet in the baseline.

The white part follows from the number of rows averaged; what is left of weather and traffic after conditioning is
slow, and a 10-day average shows it only after months. So each scale starts from the excess seen at the shorter one.

Days are weighted by how many the regression had learned by then: the first weeks show what a young regression did not
know, not how far quiet averages stray; by the end of a year they hardly count.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.averages import SCALES_H, forgetting

Array = NDArray[np.float64]

CARRY_OVER = 0.4  # share of a scale's excess variance that the next longer one starts with
SLOW_FLOOR = 0.05**2  # residual variances; no season is conditioned away better than this
PRIOR_SAMPLES = 4.0  # independent averages that the starting value is worth
OUTLYING = 6.0  # a day counts as at most so many variances: a shift must not hide by widening its own yardstick
SAMPLES_A_DAY = 24.0 / (2.0 * np.array(SCALES_H))  # independent averages in a day: its length over twice the constant


class Deviations(msgspec.Struct):
    """Weighted sum over learned days of mean squared averages (scales, features), in residual variances; the weights'
    sum, the newest day's being 1; and how many days there were.
    """

    total: Array
    days: float
    learned: int = 0


def empty_deviations(features: int) -> Deviations:
    """Before any day."""
    return Deviations(np.zeros((len(SCALES_H), features)), 0.0)


def learn_deviation(deviations: Deviations, squares: NDArray[np.float32], interval_h: float) -> None:
    """Take in a quiet day's mean squared averages, shape (scales, features); in place."""
    added = np.minimum(squares, OUTLYING * variances(deviations, interval_h))
    older = deviations.learned / (deviations.learned + 1)  # weights in proportion to the number of the day
    deviations.total *= older
    deviations.total += added
    deviations.days = older * deviations.days + 1.0
    deviations.learned += 1


def variances(deviations: Deviations, interval_h: float) -> Array:
    """Variance of the averages of quiet rows that come every `interval_h`, shape (scales, features)."""
    gain = forgetting(interval_h)
    white = gain / (2.0 - gain)
    found = np.empty_like(deviations.total)
    excess = np.zeros(found.shape[1])
    for scale, base in enumerate(white):
        samples = SAMPLES_A_DAY[scale] * deviations.days
        learned = SAMPLES_A_DAY[scale] * deviations.total[scale]
        prior = base + SLOW_FLOOR + CARRY_OVER * excess
        found[scale] = (PRIOR_SAMPLES * prior + learned) / (PRIOR_SAMPLES + samples)
        excess = np.maximum(found[scale] - base, 0.0)
    return found

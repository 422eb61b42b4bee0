"""What a fleet's estimates of remaining life are worth: coverage, width, score and nearness together.

One estimate an asset. Scores are those of ln life: of a life of a month and one of ten years alike, about the relative
error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.life import PLANNING_RANGE_YEARS, QUANTILES
from models.life_scores import coverage, interval_score, near, weighted_interval_score
from telltale.clock import DAYS_PER_YEAR, NS_PER_DAY
from telltale.findings import Life

Floats = NDArray[np.float64]

LONGEST_DAYS = PLANNING_RANGE_YEARS * DAYS_PER_YEAR
SHORTEST_DAYS = 1.0
ALPHA = 0.2
SHARES = ((0.0, 1 / 3), (1 / 3, 2 / 3), (2 / 3, 1.0))  # of the life, used up when the estimate is made


@dataclass(frozen=True, slots=True)
class Asset:
    """One asset's estimate and what became of it.

    Attributes:
        life: as the service tells it.
        left_days: from the estimate to the end of its life.
        seen_days: of its record.
    """

    life: Life
    left_days: float
    seen_days: float


@dataclass(frozen=True, slots=True)
class Lives:
    """A fleet.

    Attributes:
        quantiles: (n, 5) days, of the assets that were given a life.
        left: (n,) days that these had left, at most the planning range.
        used: (n,) share of its life that each had used up.
        refused: how many were refused, by name.
    """

    quantiles: Floats
    left: Floats
    used: Floats
    refused: Counter[str]

    @property
    def asked(self) -> int:
        """Assets, refused ones too."""
        return len(self.left) + self.refused.total()

    def coverage(self, share: float) -> float:
        """Share that ended within the central interval of `share`: 0.8 or 0.9."""
        low, high = self._interval(share)
        return coverage(low, high, self.left)

    def early_percent(self) -> float:
        """Share that ended before P10: nominal 10."""
        return float(100 * np.mean(self.left < self.quantiles[:, 1]))

    def late_percent(self) -> float:
        """Share that ended after P90: nominal 10."""
        return float(100 * np.mean(self.left > self.quantiles[:, 3]))

    def width_ratio(self) -> float:
        """Median of P90/P10."""
        return float(np.median(self.quantiles[:, 3] / np.maximum(self.quantiles[:, 1], SHORTEST_DAYS)))

    def width(self) -> float:
        """Median of (P90 - P10) over the life that was left."""
        return float(np.median((self.quantiles[:, 3] - self.quantiles[:, 1]) / np.maximum(self.left, SHORTEST_DAYS)))

    def bias(self) -> float:
        """Median of the life that was left over P50: 1 without bias."""
        return float(np.median(self.left / np.maximum(self.quantiles[:, 2], SHORTEST_DAYS)))

    def near(self) -> float:
        """Share of P50 within ALPHA of the life that was left."""
        return near(self.quantiles[:, 2], self.left, ALPHA)

    def interval_score(self) -> float:
        """Of P10 to P90 of ln life."""
        low, high = self._interval(0.8)
        return interval_score(_log(low), _log(high), _log(self.left), 0.8)

    def score(self) -> float:
        """Weighted interval score of ln life: stands for the CRPS."""
        return weighted_interval_score(_log(self.quantiles), QUANTILES, _log(self.left))

    def nothing_read(self) -> Lives:
        """A baseline that reads no sensor: each asset is told the quantiles of what all of them had left."""
        told = np.quantile(self.left, QUANTILES)
        return Lives(np.tile(told, (len(self.left), 1)), self.left, self.used, self.refused)

    def at(self, low: float, high: float) -> Lives:
        """Those that had used up more than `low` and at most `high` of their life."""
        chosen = (self.used > low) & (self.used <= high)
        return Lives(self.quantiles[chosen], self.left[chosen], self.used[chosen], Counter())

    def _interval(self, share: float) -> tuple[Floats, Floats]:
        low, high = {0.8: (1, 3), 0.9: (0, 4)}[share]
        return self.quantiles[:, low], self.quantiles[:, high]


def lives_of(assets: Sequence[Asset]) -> Lives:
    """A fleet of assets."""
    told = [one for one in assets if one.life.refused is None]
    left = np.array([min(one.left_days, LONGEST_DAYS) for one in told])
    seen = np.array([one.seen_days for one in told])
    return Lives(
        quantiles=np.array([_days(one.life) for one in told]).reshape(-1, len(QUANTILES)),
        left=left,
        used=seen / (seen + left),
        refused=Counter(one.life.refused.value for one in assets if one.life.refused is not None),
    )


def together(*fleets: Lives) -> Lives:
    """All assets of some fleets."""
    return Lives(
        quantiles=np.concatenate([one.quantiles for one in fleets]),
        left=np.concatenate([one.left for one in fleets]),
        used=np.concatenate([one.used for one in fleets]),
        refused=sum((one.refused for one in fleets), Counter()),
    )


def _days(life: Life) -> list[float]:
    dates = (life.p5_ns, life.p10_ns, life.p50_ns, life.p90_ns, life.p95_ns)
    return [LONGEST_DAYS if date is None else (date - life.t_ns) / NS_PER_DAY for date in dates]


def _log(days: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(days, SHORTEST_DAYS)))

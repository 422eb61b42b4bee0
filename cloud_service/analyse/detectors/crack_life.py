"""The port of a crack's life models: what they are told, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.crack_growth import Growth
from telltale.findings import Life
from telltale.settings import Settings
from telltale.site import Channel


class LifeRules(Settings, frozen=True):
    """How far a history carries; self-set.

    Attributes:
        median_reach, late_reach: a trend's P50 may lie at most this many histories ahead, P90 that many; beyond it is
            refused.
        least_mm_per_year: slower movement is not extrapolated from less than a year.
        widest: P95 of a steel crack's life may be at most this many times P5; a wider answer is refused.
        horizon_years, alarm_years: P10 within the one warns, P50 within the other alarms.
    """

    median_reach: float = 2.0
    late_reach: float = 6.0
    least_mm_per_year: float = 0.1
    widest: float = 20.0
    horizon_years: float = 10.0
    alarm_years: float = 0.5


@dataclass(frozen=True, slots=True)
class CrackHistory:
    """What is known of a crack.

    Attributes:
        day: (n,) ascending days since 1970.
        width: (n,) daily means, mm: the first ones tell on which side of the limit monitoring began.
        found: growth with temperature and season taken out; None where there are too few days to fit.
    """

    day: NDArray[np.float64]
    width: NDArray[np.float64]
    found: Growth | None

    @property
    def days(self) -> float:
        """How many days it spans, both ends counted."""
        return float(self.day[-1] - self.day[0]) + 1 if self.day.size else 0.0


class CrackLife(Protocol):
    """One way to estimate a crack's life; pure, and it answers or refuses by name."""

    def __call__(
        self, channel: Channel, t_ns: int, history: CrackHistory, *, min_history_days: int, rules: LifeRules
    ) -> Life:
        """Remaining life of `channel` as of `t_ns` (UTC); shorter histories than `min_history_days` are refused."""

"""What novelty is given, what it remembers of a channel, and what it answers; the life of it is in `models.novelty`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.averages import SCALES_H, Averages, empty_averages
from models.commissioning import Commissioning
from models.deviations import Deviations, empty_deviations, variances
from models.environment import COLUMNS, LAG_COUNT, Fit, Sums, empty_sums, solve
from models.extremes import thresholds

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """k rows of features.

    Attributes:
        t_ns: (k,) ascending.
        temperature_c: (k, LAG_COUNT), NaN where unknown.
        log_rms: (k,) finite.
        features: (k, features), NaN where absent.
    """

    t_ns: NDArray[np.int64]
    temperature_c: Array
    log_rms: Array
    features: Array


class Scores(NamedTuple):
    """Verdicts, n rows; all of shape (n,).

    Attributes:
        t_ns: when.
        score: |z| over the threshold; 1 is the threshold.
        z, threshold: standard score of the worst average, signed, and what it is judged against.
        feature, scale: index of that feature and of that time scale.
        shift: how far the average is off, in the feature's own unit.
        blind: whether the temperature was unknown.
    """

    t_ns: NDArray[np.int64]
    score: Array
    z: Array
    threshold: Array
    feature: NDArray[np.int64]
    scale: NDArray[np.int64]
    shift: Array
    blind: NDArray[np.bool_]


class Day(msgspec.Struct):
    """A finished day: its rows (lags, ln rms, features; one an hour at most), squared averages, worst |z| by scale."""

    rows: NDArray[np.float32]
    squares: NDArray[np.float32]
    worst_z: Array


class Learned(msgspec.Struct):
    """The large part of a `State`, which changes only where a day ends."""

    sums: Sums
    waiting: list[Day]


class State(msgspec.Struct, dict=True):
    """What a channel's novelty remembers, about 60 KB. What follows from it is worked out once a day (`fit`, `spread`).

    Attributes:
        group: (features,) features that are missing together share a group; group 0 first.
        interval_h: usual time between rows.
        seen, last_ns: how much data came, and up to when.
        sighted_ns: newest row whose temperature was known.
        level_reference: median ln rms of the first fit; NaN before it.
        thermal: whether the baseline is conditioned on temperature.
        sums, averages, deviations, weekly_maxima: what is learned and followed.
        learned_days: days in the baseline.
        week_worst, week_days: of the week that is being learned.
        waiting: days before the first fit, then days in quarantine.
        today, today_squares, today_scored, today_worst_z, today_worst_score: the running day.
        closed_days: how many days have ended: another number, another `Learned`.
    """

    group: NDArray[np.int64]
    interval_h: float
    seen: Commissioning
    last_ns: int
    level_reference: float
    thermal: bool
    sums: Sums
    averages: Averages
    deviations: Deviations
    weekly_maxima: Array
    learned_days: int
    week_worst: Array
    week_days: int
    waiting: list[Day]
    today: NDArray[np.float32]
    today_hour: int
    today_squares: Array
    today_scored: int
    today_worst_z: Array
    today_worst_score: float
    sighted_ns: int = -(2**62)
    closed_days: int = 0

    @cached_property
    def fit(self) -> Fit:
        """The regression that `sums` support."""
        return solve(self.sums, self.group)

    @cached_property
    def spread(self) -> Array:
        """Variance of quiet averages, shape (scales, features)."""
        return variances(self.deviations, self.interval_h)

    def limits(self, return_weeks: float) -> Array:
        """The threshold of each scale; see `models.extremes`."""
        known: dict[float, Array] = self.__dict__.setdefault("limits_by_weeks", {})
        if return_weeks not in known:
            known[return_weeks] = thresholds(self.weekly_maxima, return_weeks)
        return known[return_weeks]

    def work_out(self, return_weeks: float) -> None:
        """What follows from the days that were learned, for a channel with a regression: later uses cost nothing.

        Raises:
            numpy.linalg.LinAlgError: statistics that no regression follows from.
        """
        if "spread" not in self.__dict__:
            _ = self.fit, self.spread
        self.limits(return_weeks)

    def learned(self) -> None:
        """A day was learned: what followed from those before is void."""
        self.__dict__.clear()

    def take_learned(self) -> Learned | None:
        """Take the large part out, and leave nothing in its place; None where it was out already."""
        if not self.sums.count.size:
            return None
        learned = Learned(self.sums, self.waiting)
        self.sums, self.waiting = empty_sums(0, 0), []
        return learned

    def put_learned(self, learned: Learned) -> None:
        """Put back what `take_learned` took."""
        self.sums, self.waiting = learned.sums, learned.waiting

    def suits(self, features: int) -> bool:
        """Whether it was made for so many features and for the regressors of this version."""
        return self.sums.moment.shape == (features, COLUMNS)

    @property
    def fitted(self) -> bool:
        """Whether there is a regression."""
        return bool(np.isfinite(self.level_reference))

    @property
    def judging(self) -> bool:
        """Whether scores are verdicts: the baseline is complete."""
        return self.fitted and self.seen.complete


def initial_state(group: NDArray[np.int64], interval_h: float) -> State:
    """State before any row, for features in `group` (see `State`) that come every `interval_h` hours."""
    groups, features = int(group.max()) + 1, group.size
    deviations = empty_deviations(features)
    return State(
        group=group.astype(np.int64),
        interval_h=interval_h,
        seen=Commissioning(),
        last_ns=-(2**62),
        level_reference=float("nan"),
        thermal=False,
        sums=empty_sums(groups, features),
        averages=empty_averages(groups, features),
        deviations=deviations,
        weekly_maxima=np.empty((0, len(SCALES_H))),
        learned_days=0,
        week_worst=np.zeros(len(SCALES_H)),
        week_days=0,
        waiting=[],
        today=np.empty((0, LAG_COUNT + 1 + features), dtype=np.float32),
        today_hour=-(2**62),
        today_squares=np.zeros_like(deviations.total),
        today_scored=0,
        today_worst_z=np.zeros(len(SCALES_H)),
        today_worst_score=0.0,
    )

"""What a crack's history says of its growth: shapes with their probabilities, and what follows from all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Floats = NDArray[np.float64]

CREDIBLE = 0.05  # a shape of less probability is not reported


@dataclass(frozen=True, slots=True)
class Shape:
    """One candidate: growth that changed `onset_days` before the newest day.

    Attributes:
        onset_days: when.
        powers: how: () not at all, (1,) to another rate, (2,) by an acceleration, (1, 2) by both.
    """

    onset_days: float
    powers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fitted shape.

    Attributes:
        shape: which.
        weight: its probability among the candidates.
        mean, cov: (3,), (3, 3) of level (mm), rate (mm/year), acceleration (mm/year²) at the newest day.
    """

    shape: Shape
    weight: float
    mean: Floats
    cov: Floats


@dataclass(frozen=True, slots=True)
class Growth:
    """What a history says of a crack.

    Attributes:
        candidates: shapes with their probabilities.
        memory_days: e's time constant.
        dof: degrees of freedom of the intervals.
        temperature_effect_per_c: Σ β, mm/°C; NaN without temperature.
        reference_c: mean temperature that levels refer to, shape (l,).
        betas: (l,) mm/°C.
        history_days: from first to last day.
        slow_c: the newest day's temperature with the slow lag.
        offsets_mm: (s,) by how much more the gauge read before each replacement; added up from the newest back.
    """

    candidates: tuple[Candidate, ...]
    memory_days: float
    dof: float
    temperature_effect_per_c: float
    history_days: float
    betas: Floats = field(default_factory=lambda: np.empty(0))
    reference_c: Floats = field(default_factory=lambda: np.empty(0))
    slow_c: float = float("nan")
    offsets_mm: Floats = field(default_factory=lambda: np.empty(0))

    def rate(self) -> float:
        """Rate now, mm/year, averaged over the shapes."""
        return float(sum(one.weight * one.mean[1] for one in self.candidates))

    def level(self) -> float:
        """Width now at the reference temperature, mm."""
        return float(sum(one.weight * one.mean[0] for one in self.candidates))

    def acceleration(self) -> float:
        """Acceleration now, mm/year², averaged over the shapes."""
        return float(sum(one.weight * one.mean[2] for one in self.candidates))

    def probability_faster(self, rate: float) -> float:
        """Probability that the crack opens faster than `rate` mm/year now."""
        return sum(one.weight * _faster(one, rate, self.dof) for one in self.candidates)

    def trend_faster(self, rate: float) -> float:
        """Probability that the trend, as `trend` reports it, is faster than `rate` mm/year.

        Nothing excludes that a crack stopped a week ago: while the straight line is credible, such shapes do not speak
        against a trend that it is sure of.
        """
        straight = self.candidates[0]
        return _faster(straight, rate, self.dof) if straight.weight > CREDIBLE else self.probability_faster(rate)

    def trend(self, coverage: float = 0.9) -> tuple[float, float, float]:
        """Rate (mm/year) with its central interval: of the straight line over the whole history while that is
        credible, else of the rate now, averaged over the shapes.
        """
        straight = self.candidates[0]
        if straight.weight > CREDIBLE:
            half = float(stdtrit(self.dof, (1 + coverage) / 2)) * _sd(straight)
            rate = float(straight.mean[1])
            return rate, rate - half, rate + half
        draws = self.draws(np.random.default_rng(0), 4000)[:, 1]
        low, high = np.quantile(draws, [(1 - coverage) / 2, (1 + coverage) / 2])
        return self.rate(), float(low), float(high)

    def compensated(self, width: Floats, lagged_c: Floats) -> float:
        """The newest day's width brought to the reference temperature, mm.

        Args:
            width: (n,) as given to `growth`.
            lagged_c: (n, l) as given to `growth`.
        """
        if not self.betas.size:
            return float(width[-1])
        slow_effect = self.betas[-1] * (self.slow_c - self.reference_c[-1])
        quick_effect = self.betas[:-1] @ (lagged_c[-1] - self.reference_c[:-1])
        return float(width[-1] - quick_effect - slow_effect)

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        """(count, 3) draws of level, rate, acceleration: multivariate t about each shape by its weight."""
        weights = np.array([one.weight for one in self.candidates])
        which = rng.choice(weights.size, size=count, p=weights / weights.sum())
        stretch = np.sqrt(self.dof / rng.chisquare(self.dof, count))
        normal = rng.normal(size=(count, 3))
        roots = _roots(np.stack([one.cov for one in self.candidates]))
        means = np.stack([one.mean for one in self.candidates])
        spread: Floats = np.einsum("nij,nj->ni", roots[which], normal) * stretch[:, None]
        return means[which] + spread


def _faster(one: Candidate, rate: float, dof: float) -> float:
    return float(stdtr(dof, (one.mean[1] - rate) / _sd(one)))  # Student's t distribution


def _sd(one: Candidate) -> float:
    return float(np.sqrt(max(one.cov[1, 1], 1e-30)))


def _roots(covariances: Floats) -> Floats:
    """A square root of each of (n, 3, 3)."""
    values, vectors = np.linalg.eigh(covariances)
    roots: Floats = vectors * np.sqrt(np.maximum(values, 0))[:, None]
    return roots

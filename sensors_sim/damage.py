"""Damage: what is wrong with a structure, from when, and how much at any time.

Each kind is one class: `amount` gives its size at a time, `record` its entry in the ground truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sensors_sim.span import Span
from telltale.clock import DAYS_PER_YEAR

Truth = Mapping[str, object]


class Damage(Protocol):
    """One thing that is wrong with a structure."""

    @property
    def structure(self) -> str:
        """The structure that is damaged."""

    def amount(self, days: NDArray[np.float64]) -> NDArray[np.float64]:
        """Its size at `days` since the start of the span (any shape); 0 before it begins."""

    def record(self, span: Span) -> Truth:
        """Its entry in the ground truth, the channels that show it left out."""


@dataclass(frozen=True, slots=True)
class StiffnessLoss:
    """Relative loss of bending stiffness, linear between `points` (day, loss), then constant.

    A step is two points a minute apart. Natural frequencies follow √(1 - loss), 0.5·loss to first order
    (f ∝ √(EI/m), Euler-Bernoulli beam).
    """

    structure: str
    points: tuple[tuple[float, float], ...]

    def amount(self, days: NDArray[np.float64]) -> NDArray[np.float64]:
        """Relative loss of stiffness, 0 to 1."""
        at, loss = zip(*self.points, strict=True)
        return np.asarray(np.interp(days, at, loss))

    def record(self, span: Span) -> Truth:
        """Start, end of the growth, final loss and what it does to the frequencies."""
        final = self.points[-1][1]
        return {
            "kind": "stiffness_loss",
            "structure": self.structure,
            "start_ns": span.day_ns(self.points[0][0]),
            "end_ns": None,
            "amount": final,
            "unit": "relative loss of stiffness",
            "frequency_change": float(np.sqrt(1 - final) - 1),
            "points": [[span.day_ns(day), loss] for day, loss in self.points],
        }


@dataclass(frozen=True, slots=True)
class CrackGrowth:
    """A crack that opens from `start_day`: rate·t + ½·acceleration·t²."""

    structure: str
    channel: str
    start_day: float
    rate_mm_per_year: float
    acceleration_mm_per_year2: float = 0.0

    def amount(self, days: NDArray[np.float64]) -> NDArray[np.float64]:
        """Growth, mm."""
        years = np.maximum(days - self.start_day, 0.0) / DAYS_PER_YEAR
        return np.asarray(self.rate_mm_per_year * years + 0.5 * self.acceleration_mm_per_year2 * years**2)

    def record(self, span: Span) -> Truth:
        """Start, rates, and the growth reached at the end of the span."""
        return {
            "kind": "crack_growth",
            "structure": self.structure,
            "channel": self.channel,
            "start_ns": span.day_ns(self.start_day),
            "end_ns": None,
            "amount": float(self.amount(np.array([float(span.days)]))[0]),
            "unit": "mm by the end of the span",
            "rate_mm_per_year": self.rate_mm_per_year,
            "acceleration_mm_per_year2": self.acceleration_mm_per_year2,
        }


@dataclass(frozen=True, slots=True)
class BearingSettlement:
    """A bearing sinks by `settlement_mm` between two days: the span that rests on it turns by settlement / length."""

    structure: str
    start_day: float
    end_day: float
    settlement_mm: float

    def amount(self, days: NDArray[np.float64]) -> NDArray[np.float64]:
        """Settlement, mm."""
        return self.settlement_mm * np.clip((days - self.start_day) / (self.end_day - self.start_day), 0.0, 1.0)

    def record(self, span: Span) -> Truth:
        """Start, end of the movement, and how far."""
        return {
            "kind": "bearing_settlement",
            "structure": self.structure,
            "start_ns": span.day_ns(self.start_day),
            "end_ns": None,
            "settled_ns": span.day_ns(self.end_day),
            "amount": self.settlement_mm,
            "unit": "mm",
        }


@dataclass(frozen=True, slots=True)
class BlockMovement:
    """One block of a dam leans by `moved_mrad` between two days, by itself: its joints slip."""

    structure: str
    channel: str
    start_day: float
    end_day: float
    moved_mrad: float

    def amount(self, days: NDArray[np.float64]) -> NDArray[np.float64]:
        """Inclination gained, mrad."""
        return self.moved_mrad * np.clip((days - self.start_day) / (self.end_day - self.start_day), 0.0, 1.0)

    def record(self, span: Span) -> Truth:
        """Start, end of the movement, and how far."""
        return {
            "kind": "block_movement",
            "structure": self.structure,
            "channel": self.channel,
            "start_ns": span.day_ns(self.start_day),
            "end_ns": None,
            "moved_ns": span.day_ns(self.end_day),
            "amount": self.moved_mrad,
            "unit": "mrad",
        }

"""Works beside a building: sheet piles are driven in working hours, and its foundation shakes with each blow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors_sim.damage import Truth
from sensors_sim.span import Span
from sensors_sim.streams import Streams
from telltale.clock import NS_PER_DAY, NS_PER_HOUR

FIRST_HOUR, LAST_HOUR = 7, 16  # UTC, of workdays
BLOWS_EVERY_S = 1.3
DECAY = 0.08  # share of critical damping of the ground's answer to a blow
WINDOW_SPREAD, BLOW_SPREAD = 0.15, 0.08  # log deviations: from window to window as the pile sinks, and of single blows


@dataclass(frozen=True, slots=True)
class Piling:
    """Blows on workdays from `start_day` to `end_day` of the span.

    Attributes:
        structure: the building beside it.
        peak_mm_s: median peak of the vertical foundation velocity of a blow.
        frequency_hz: at which the ground answers.
    """

    structure: str
    start_day: float
    end_day: float
    peak_mm_s: float
    frequency_hz: float

    def amount(self, days: NDArray[np.float64]) -> NDArray[np.float64]:
        """Median peak while they work on that day, mm/s."""
        return np.where((days >= self.start_day) & (days < self.end_day), self.peak_mm_s, 0.0)

    def record(self, span: Span) -> Truth:
        """Start, end, and how hard."""
        return {
            "kind": "piling",
            "structure": self.structure,
            "start_ns": span.day_ns(self.start_day),
            "end_ns": span.day_ns(self.end_day),
            "amount": self.peak_mm_s,
            "unit": "mm/s, median peak of the vertical foundation velocity of a blow",
            "frequency_hz": self.frequency_hz,
        }

    def acceleration(
        self, streams: Streams, tick: int, t_ns: NDArray[np.int64], share: float, span: Span
    ) -> NDArray[np.float64]:
        """Acceleration of the foundation along an axis that gets `share` of the vertical motion, (n,) m/s².

        The blows of a tick are the same for every axis.
        """
        if not (is_working(int(t_ns[0])) and self.amount(span.days_at(t_ns[:1]))[0] > 0):
            return np.zeros(t_ns.size)
        generator = streams.at(f"{self.structure}/piling", tick)
        at_s = (t_ns - t_ns[0]) / 1e9
        blows_s = np.arange(-generator.uniform(0.5, 1.0) * BLOWS_EVERY_S, at_s[-1], BLOWS_EVERY_S)
        size = np.exp(
            WINDOW_SPREAD * generator.standard_normal() + BLOW_SPREAD * generator.standard_normal(blows_s.size)
        )
        since_s = at_s[None, :] - blows_s[:, None]
        return np.asarray(share * self.peak_mm_s * 1e-3 * (size @ self._answer(since_s)))

    def _answer(self, since_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Acceleration for a peak velocity of 1, (blows, n): of v(t) ∝ ωt exp(-2ζωt) sin(ωt), which begins at rest."""
        omega, kappa = 2 * np.pi * self.frequency_hz, 2 * DECAY
        phase = np.maximum(omega * since_s, 0.0)
        fade = np.exp(-kappa * phase)
        return np.asarray(omega * fade * ((1 - kappa * phase) * np.sin(phase) + phase * np.cos(phase)) / _PEAK)


def is_working(t_ns: int) -> bool:
    """Whether they work at `t_ns`."""
    day, rest = divmod(t_ns, NS_PER_DAY)
    return (day + 3) % 7 < 5 and FIRST_HOUR <= rest // NS_PER_HOUR < LAST_HOUR  # 1970-01-01 was a Thursday


def _peak_of_answer() -> float:
    phase = np.linspace(0.0, 40.0, 40_001)
    return float(np.abs(phase * np.exp(-2 * DECAY * phase) * np.sin(phase)).max())


_PEAK = _peak_of_answer()

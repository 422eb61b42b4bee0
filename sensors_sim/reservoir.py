"""The water level of a pumped-storage reservoir: a daily and a weekly swing, and what the grid asked for beside them.

Nobody measures it here: it moves all blocks of the dam's crest together, further than what one of them may do by
itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors_sim.autoregression import autoregression
from sensors_sim.span import Span
from sensors_sim.streams import Streams
from telltale.clock import NS_PER_DAY, NS_PER_HOUR

DAILY_M, WEEKLY_M, IRREGULAR_M = 1.0, 1.5, 0.8
MEMORY_H = 12.0


@dataclass(frozen=True)
class Level:
    """Metres about the mean, one value an hour from the span's start."""

    start_ns: int
    values_m: NDArray[np.float64]

    def at(self, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Metres about the mean at `t_ns` (any shape), interpolated."""
        hours = (t_ns - self.start_ns) / NS_PER_HOUR
        return np.asarray(np.interp(hours, np.arange(self.values_m.size), self.values_m))


def level(span: Span, streams: Streams) -> Level:
    """The level over the span. A longer span begins with the same values."""
    t_ns = span.start_ns + np.arange(span.ticks + 25, dtype=np.int64) * NS_PER_HOUR
    days = t_ns / NS_PER_DAY
    regular = DAILY_M * np.cos(2 * np.pi * days) + WEEKLY_M * np.cos(2 * np.pi * (days + 4.0) / 7.0)
    irregular = IRREGULAR_M * autoregression(streams.at("reservoir"), t_ns.size, MEMORY_H)
    return Level(span.start_ns, regular + irregular)

"""Air temperature, and what of it reaches a structure.

Air: season + day + weather. A structure follows the air as a first-order lag, dT/dt = (T_air - T)/τ, with τ from hours
(a steel deck) to days (mass concrete). All on a 30-minute grid that begins long before the span, so that the lags have
settled when it starts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors_sim.autoregression import autoregression
from sensors_sim.span import Span
from sensors_sim.streams import Streams
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_YEAR

STEP_NS = NS_PER_HOUR // 2
SETTLE_NS = 60 * NS_PER_DAY
WEATHER_STEP_NS = 6 * NS_PER_HOUR
WARMEST_DAY = 201.0  # 20 July
WARMEST_HOUR = 14.0  # UTC


@dataclass(frozen=True, slots=True)
class Climate:
    """Air temperature of a place, °C: annual mean, half the swing of the year and of the day, and the weather as a
    first-order autoregression with a standard deviation and a memory.
    """

    mean_c: float = 9.0
    season_c: float = 9.5
    day_c: float = 3.5
    weather_c: float = 3.2
    weather_memory_h: float = 60.0


@dataclass(frozen=True)
class Temperature:
    """A temperature on the grid: `values_c` of shape (n,), one each STEP_NS from `origin_ns`."""

    origin_ns: int
    values_c: NDArray[np.float64]

    def at(self, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """°C at `t_ns` (any shape), interpolated."""
        at = (t_ns - self.origin_ns) / STEP_NS
        index = np.clip(at.astype(np.int64), 0, self.values_c.size - 2)
        left, right = self.values_c[index], self.values_c[index + 1]
        return np.asarray(left + (at - index) * (right - left))

    def lagged(self, hours: float) -> Temperature:
        """The same after a first-order lag of `hours`; exact for a temperature that is held over each step."""
        gain = -math.expm1(-STEP_NS / (hours * NS_PER_HOUR))
        state = float(self.values_c[0])
        out = np.empty_like(self.values_c)
        for index, value in enumerate(self.values_c.tolist()):
            state += gain * (value - state)
            out[index] = state
        return Temperature(self.origin_ns, out)

    def damped(self, share: float, around_c: float) -> Temperature:
        """The same with its swing around `around_c` reduced to `share` (air inside a gallery or tunnel)."""
        return Temperature(self.origin_ns, around_c + share * (self.values_c - around_c))


def air(climate: Climate, span: Span, streams: Streams) -> Temperature:
    """Air temperature over the span and the 60 days before it. A longer span begins with the same values."""
    origin_ns = span.start_ns - SETTLE_NS
    t_ns = np.arange(origin_ns, span.end_ns + NS_PER_DAY, STEP_NS, dtype=np.int64)
    day_of_year = (t_ns % NS_PER_YEAR) / NS_PER_DAY  # 1970 began with a year; the quarter day keeps step
    hour = (t_ns % NS_PER_DAY) / NS_PER_HOUR
    season = climate.season_c * np.cos(2 * np.pi * (day_of_year - WARMEST_DAY) / 365.25)
    day = climate.day_c * np.cos(2 * np.pi * (hour - WARMEST_HOUR) / 24)
    return Temperature(origin_ns, climate.mean_c + season + day + _weather(climate, t_ns, streams))


def _weather(climate: Climate, t_ns: NDArray[np.int64], streams: Streams) -> NDArray[np.float64]:
    """AR(1) each six hours, interpolated; °C."""
    count = int((t_ns[-1] - t_ns[0]) // WEATHER_STEP_NS) + 2
    memory = climate.weather_memory_h * NS_PER_HOUR / WEATHER_STEP_NS
    path = climate.weather_c * autoregression(streams.at("weather"), count, memory)
    return np.asarray(np.interp((t_ns - t_ns[0]) / WEATHER_STEP_NS, np.arange(count), path))

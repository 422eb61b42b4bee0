"""Vibration of a building's foundation along one axis: machines and ground noise, and works beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sensors_sim import traffic
from sensors_sim.piling import Piling
from sensors_sim.span import Span
from sensors_sim.streams import Streams

AMBIENT = 0.004  # m/s², in the busiest hour
QUIET_SHARE = 0.3
LOWEST_HZ, HIGHEST_HZ = 5.0, 60.0


@dataclass(frozen=True)
class Foundation:
    """An accelerometer on the foundation, m/s².

    Attributes:
        structure, channel: whose, and the name of its noise.
        works: what is going on beside the building.
        share: of the vertical motion that its axis gets.
        rate_hz: of its windows.
        noise: the sensor's own, standard deviation.
    """

    structure: str
    channel: str
    streams: Streams
    span: Span
    works: tuple[Piling, ...]
    share: float
    rate_hz: float
    noise: float

    def values(self, tick: int, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """One window, shape (n,), m/s²."""
        generator = self.streams.at(self.channel, tick)
        busy = QUIET_SHARE + (1 - QUIET_SHARE) * traffic.level(int(t_ns[0]))
        lines = np.fft.rfft(generator.standard_normal(t_ns.size)) * _ground(t_ns.size, self.rate_hz)
        moved = AMBIENT * busy * np.fft.irfft(lines, t_ns.size) + self.noise * generator.standard_normal(t_ns.size)
        for piling in self.works:
            moved += piling.acceleration(self.streams, tick, t_ns, self.share, self.span)
        return np.asarray(moved)


@lru_cache(maxsize=4)
def _ground(samples: int, rate_hz: float) -> NDArray[np.float64]:
    """Gain of the ground at each spectral line: a band, second order at either end; rms about 1 for white noise."""
    hz = np.fft.rfftfreq(samples, 1 / rate_hz)
    gain = hz**2 / (hz**2 + LOWEST_HZ**2) / np.sqrt(1 + (hz / HIGHEST_HZ) ** 4)
    return np.asarray(gain / np.sqrt(np.mean(gain**2)))

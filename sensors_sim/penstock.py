"""Strain of a penstock's wall, recorded without a break: pressure as the machines start and stop, and temperature.

Each start draws a pulse: pressure rises within a minute, holds, and falls again. The steel's temperature strains the
wall as well; it is free to do so at its expansion joints, so that this is no stress.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors_sim.environment import Temperature
from sensors_sim.streams import Streams
from telltale.clock import NS_PER_HOUR, NS_PER_S

THERMAL_UE_PER_C = 12.0  # expansion of steel (EN 1993-1-1:2005, 3.2.6)
STARTS_AN_HOUR = 0.45
PULSE_UE, PULSE_SPREAD = 215.0, 0.10
RAMP_S = 60.0
HOUR_S = 3600.0


@dataclass(frozen=True)
class PenstockGauge:
    """A gauge along the hoop at a weld, µε.

    Attributes:
        channel: names the streams of its starts and noise.
        temperature: of the wall.
        reference_c: at which the gauge was zeroed.
        noise: the gauge's own, standard deviation.
    """

    channel: str
    streams: Streams
    temperature: Temperature
    reference_c: float
    noise: float

    def values(self, tick: int, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """One hour, shape (n,), µε."""
        noise = self.noise * self.streams.at(self.channel, tick).standard_normal(t_ns.size)
        thermal = THERMAL_UE_PER_C * (self.temperature.at(t_ns) - self.reference_c)
        return np.asarray(self.pressure(tick, t_ns) + thermal + noise)

    def pressure(self, tick: int, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The part that is stress, shape (n,), µε: all that fatigue is made of."""
        generator = self.streams.at(f"{self.channel}/starts", tick)
        at_s = (t_ns % NS_PER_HOUR) / NS_PER_S
        strain = np.zeros(t_ns.size)
        if generator.random() >= STARTS_AN_HOUR:
            return strain
        begins_s = generator.uniform(0.0, 0.5) * HOUR_S
        holds_s = generator.uniform(0.1, 0.4) * HOUR_S
        size_ue = PULSE_UE * np.exp(PULSE_SPREAD * generator.standard_normal())
        corners_s = np.cumsum([begins_s, RAMP_S, holds_s, RAMP_S])
        return np.asarray(np.interp(at_s, corners_s, [0.0, size_ue, size_ue, 0.0]))

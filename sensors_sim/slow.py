"""Slow quantities: crack width, tilt, temperature, lining strain.

A base value, a share of a temperature, damage, noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors_sim.condition import Condition
from sensors_sim.environment import Temperature
from sensors_sim.streams import Streams

Times = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class SlowSignal:
    """base + per_c · (T - reference) + damage + noise.

    Attributes:
        base: reading at the reference temperature, undamaged.
        per_c: change for each °C of `temperature` (a crack in a heated body closes: negative).
        temperature: of the body that moves, its lag included.
        damage: what damage adds at given times.
        noise: standard deviation of the sensor's own noise.
        channel, streams: where that noise comes from.
    """

    channel: str
    streams: Streams
    temperature: Temperature
    base: float
    per_c: float
    reference_c: float
    noise: float
    damage: Callable[[Times], Values] | None = None

    def values(self, tick: int, t_ns: Times) -> Values:
        """Readings at `t_ns`, same shape."""
        noise = self.noise * self.streams.at(self.channel, tick).standard_normal(t_ns.size)
        reading = self.base + self.per_c * (self.temperature.at(t_ns) - self.reference_c) + noise
        return reading if self.damage is None else reading + self.damage(t_ns)


def crack(
    channel: str,
    streams: Streams,
    condition: Condition,
    body: Temperature,
    *,
    width_mm: float,
    per_c: float,
    noise: float,
) -> SlowSignal:
    """A crack that breathes with the temperature of the body and grows with its damage, mm."""
    return SlowSignal(
        channel, streams, body, width_mm, per_c, 10.0, noise, lambda t_ns: condition.crack_growth_mm(channel, t_ns)
    )


def tilt(
    channel: str,
    streams: Streams,
    condition: Condition,
    body: Temperature,
    *,
    per_c: float,
    noise: float,
    length_m: float,
) -> SlowSignal:
    """The inclination of a body of `length_m` whose bearing settles, mrad (mm of settlement a metre of length)."""
    return SlowSignal(
        channel, streams, body, 0.0, per_c, 10.0, noise, lambda t_ns: condition.settlement_mm(t_ns) / length_m
    )


def thermometer(channel: str, streams: Streams, body: Temperature, noise: float) -> SlowSignal:
    """The temperature of the body, °C."""
    return SlowSignal(channel, streams, body, 0.0, 1.0, 0.0, noise)

"""Slow quantities: crack width, tilt, temperature, lining strain.

A base value, a share of a temperature, damage and other loads, noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sensors_sim.condition import Condition
from sensors_sim.environment import Temperature
from sensors_sim.sensor import Correction, Sensor, Signal
from sensors_sim.streams import Streams

Times = NDArray[np.int64]
Values = NDArray[np.float64]

SCALARS_PER_TICK = 2  # one reading each half hour


@dataclass(frozen=True)
class SlowSignal:
    """base + per_c · (T - reference) + more + noise.

    Attributes:
        base: reading at the reference temperature, undamaged.
        per_c: change for each °C of `temperature` (a crack in a heated body closes: negative).
        temperature: of the body that moves, its lag included.
        more: what damage and other loads add at given times.
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
    more: Callable[[Times], Values] | None = None

    def values(self, tick: int, t_ns: Times) -> Values:
        """Readings at `t_ns`, same shape."""
        noise = self.noise * self.streams.at(self.channel, tick).standard_normal(t_ns.size)
        reading = self.base + self.per_c * (self.temperature.at(t_ns) - self.reference_c) + noise
        return reading if self.more is None else reading + self.more(t_ns)


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


class HalfHourly(Signal, Protocol):
    """A signal that knows its channel."""

    @property
    def channel(self) -> str:
        """The channel that reads it."""

    @property
    def noise(self) -> float:
        """Standard deviation of the sensor's own noise."""


def slow_sensor(
    structure: str, unit: str, signal: HalfHourly, resolution: float, correction: Correction | None = None
) -> Sensor:
    """A sensor that is read every half hour."""
    return Sensor(
        signal.channel,
        structure,
        unit,
        signal,
        SCALARS_PER_TICK / 3600.0,
        SCALARS_PER_TICK,
        signal.noise,
        resolution=resolution,
        correction=correction,
    )

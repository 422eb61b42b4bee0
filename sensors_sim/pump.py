"""Drainage pumps: the vibration of a bearing's housing from new to failure, of one pump and of a fleet with histories.

A bearing runs quietly for most of its life and then grows louder, faster and faster:

    rms(age) = base · (1 + GROWTH · exp(-(life - age) / (STAGE · life))) · load · noise

The rate of the last stage goes with life, as defects grow with the same running hours that used the bearing up. It is a
simulation's assumption, of the shape that run-to-failure rigs show, not a law.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors_sim.damage import Truth
from sensors_sim.span import Span
from sensors_sim.streams import Streams
from telltale.clock import NS_PER_DAY

BASE_M_S2, BASE_SPREAD = 0.8, 0.10
GROWTH, STAGE = 2.5, 0.15
LIFE_DAYS, LIFE_SPREAD = 240.0, 0.35  # median, log deviation: seepage water carries sand
NOISE = 0.05  # log deviation of a reading
LOAD_SPREAD = 0.04  # of a day, by inflow
READINGS_A_DAY = 48


@dataclass(frozen=True, slots=True)
class BearingWear:
    """A pump's bearing that is new when the span begins and lives `life_days`."""

    structure: str
    channel: str
    life_days: float

    @property
    def start_day(self) -> float:
        """Day of the span on which wear has made it 5 % louder; damage that can be seen begins there."""
        return self.life_days * (1 + STAGE * float(np.log(0.05 / GROWTH)))

    def amount(self, days: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much louder than when new, as a share."""
        return louder(days, self.life_days)

    def record(self, span: Span) -> Truth:
        """When it can be seen, and when it fails."""
        return {
            "kind": "bearing_wear",
            "structure": self.structure,
            "channel": self.channel,
            "start_ns": span.day_ns(self.start_day),
            "end_ns": None,
            "amount": float(self.amount(np.array([float(span.days)]))[0]),
            "unit": "share by which it is louder at the end of the span",
            "life_days": self.life_days,
            "failure_ns": span.day_ns(self.life_days),
        }


@dataclass(frozen=True)
class PumpSignal:
    """Vibration of the bearing's housing by a transmitter, m/s² rms."""

    channel: str
    streams: Streams
    span: Span
    wear: BearingWear

    @property
    def noise(self) -> float:
        """Standard deviation of a reading of the new bearing, m/s²."""
        return NOISE * BASE_M_S2

    def values(self, tick: int, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Readings at `t_ns`, same shape."""
        day = int(t_ns[0] // NS_PER_DAY)
        load = np.exp(LOAD_SPREAD * self.streams.at(f"{self.channel}/load", day).standard_normal())
        noise = np.exp(NOISE * self.streams.at(self.channel, tick).standard_normal(t_ns.size))
        return np.asarray(BASE_M_S2 * (1 + self.wear.amount(self.span.days_at(t_ns))) * load * noise)


def louder(age_days: NDArray[np.float64], life_days: float) -> NDArray[np.float64]:
    """By what share a bearing of that age is louder than when new."""
    return np.asarray(GROWTH * np.exp(np.minimum(age_days - life_days, 0.0) / (STAGE * life_days)))


def histories_csv(seed: int, pumps: int) -> str:
    """Run-to-failure histories of a fleet: `asset,time,value`, daily means, time in days since new.

    Args:
        seed: of the fleet; the demo's own pumps are in none.
        pumps: how many.
    """
    streams = Streams(seed)
    lines = ["asset,time,value"]
    for number in range(pumps):
        generator = streams.at(f"pump {number}")
        life = LIFE_DAYS * float(np.exp(LIFE_SPREAD * generator.standard_normal()))
        base = BASE_M_S2 * float(np.exp(BASE_SPREAD * generator.standard_normal()))
        age = np.arange(0.5, life, 1.0)
        spread = np.hypot(LOAD_SPREAD, NOISE / np.sqrt(READINGS_A_DAY))
        value = base * (1 + louder(age, life)) * np.exp(spread * generator.standard_normal(age.size))
        lines += [f"P{number},{at:g},{rms:.4f}" for at, rms in zip(age.tolist(), value.tolist(), strict=True)]
    return "\n".join(lines) + "\n"

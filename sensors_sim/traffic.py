"""Who crosses a span, when, and how heavy: the common cause of its vibration and its strain.

The level follows hour and weekday. Crossings are Poisson in classes; one stream for each structure and tick, so that
the accelerometer and the strain gauge of a span see the same vehicles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors_sim.streams import Streams
from telltale.clock import NS_PER_DAY, NS_PER_HOUR

LONGEST_CROSSING_S = 40.0
LONGEST_WINDOW_S = 60.0

# Level by hour (UTC) relative to the busiest hour.
WORKDAY = (4, 3, 2, 2, 5, 18, 50, 95, 80, 50, 45, 55, 65, 55, 50, 60, 90, 100, 75, 45, 30, 20, 12, 7)
WEEKEND = (8, 6, 4, 3, 3, 4, 8, 15, 28, 45, 60, 68, 70, 72, 75, 72, 65, 52, 40, 30, 22, 16, 12, 9)


@dataclass(frozen=True, slots=True)
class VehicleClass:
    """Crossings an hour at full level, gross weight (lognormal: median t, log deviation, cap t), speed m/s, and how
    hard it strikes the joints (impulse per tonne, relative).
    """

    per_hour: float
    median_t: float
    spread: float
    cap_t: float
    speed_m_s: float
    impact: float


# A foot and cycle bridge that service vehicles may use: EN 1991-2:2003, 5.6.3 gives such a vehicle 120 kN.
FOOTBRIDGE = (
    VehicleClass(60.0, 0.4, 0.5, 2.0, 1.4, 0.0),  # groups on foot
    VehicleClass(9.0, 2.6, 0.25, 4.0, 5.0, 1.0),  # vans, small sweepers
    VehicleClass(4.0, 9.5, 0.15, 13.0, 4.2, 1.0),  # service vehicles
)


@dataclass(frozen=True, slots=True)
class Crossings:
    """Vehicles on the span during a window: shape (k,) each; `enter_s` counts from the window's start."""

    enter_s: NDArray[np.float64]
    weight_t: NDArray[np.float64]
    speed_m_s: NDArray[np.float64]
    impact: NDArray[np.float64]


def level(t_ns: int) -> float:
    """Traffic level at `t_ns`, 0 to 1 of the busiest hour, interpolated between the hours."""
    day, rest = divmod(t_ns, NS_PER_DAY)
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
    hour, part = divmod(rest / NS_PER_HOUR, 1.0)
    table = WEEKEND if weekday >= 5 else WORKDAY
    return ((1 - part) * table[int(hour)] + part * table[(int(hour) + 1) % 24]) / 100.0


def crossings(classes: tuple[VehicleClass, ...], structure: str, streams: Streams, tick: int, t0_ns: int) -> Crossings:
    """The crossings around the start of a tick, `t0_ns`: from 40 s before (still on the span) to 60 s after."""
    generator = streams.at(f"{structure}/traffic", tick)
    span_s = LONGEST_CROSSING_S + LONGEST_WINDOW_S
    rates = np.array([item.per_hour for item in classes]) * (level(t0_ns) * span_s / 3600.0)
    counts = generator.poisson(rates)
    if not counts.any():
        return _NOBODY
    kind = np.repeat(np.arange(len(classes)), counts)
    table = np.array([(c.median_t, c.spread, c.cap_t, c.speed_m_s, c.impact) for c in classes])[kind]
    enter_s = generator.uniform(-LONGEST_CROSSING_S, LONGEST_WINDOW_S, kind.size)
    weight_t = np.minimum(table[:, 0] * np.exp(table[:, 1] * generator.standard_normal(kind.size)), table[:, 2])
    speed_m_s = table[:, 3] * np.clip(1.0 + 0.1 * generator.standard_normal(kind.size), 0.6, 1.4)
    return Crossings(enter_s, weight_t, speed_m_s, table[:, 4])


_NOBODY = Crossings(*(np.empty(0) for _ in range(4)))

"""The sensors of the hydropower station: the dam's crest, the old powerhouse with its pump, the penstock."""

from __future__ import annotations

from functools import partial

from sensors_sim.condition import Condition
from sensors_sim.environment import Temperature
from sensors_sim.foundation import Foundation
from sensors_sim.penstock import HOUR_S, PenstockGauge
from sensors_sim.pump import BearingWear, PumpSignal
from sensors_sim.reservoir import Level, level
from sensors_sim.sensor import Sensor
from sensors_sim.slow import SlowSignal, Times, Values, slow_sensor, thermometer
from sensors_sim.streams import Streams

# Block → mrad for a metre of water, mrad for each °C of its concrete.
BLOCKS = {5: (0.018, -0.0030), 6: (0.022, -0.0035), 7: (0.024, -0.0040), 8: (0.020, -0.0032)}
BLOCK_NOISE_MRAD = 0.003

FOUNDATION_AXES = {"x": 0.55, "y": 0.45, "z": 1.0}  # share of the vertical motion
FOUNDATION_RATE_HZ = 250.0
FOUNDATION_SAMPLES = 1024
FOUNDATION_PER_COUNT = 0.0001  # m/s²
FOUNDATION_NOISE = 3 * FOUNDATION_PER_COUNT

PUMP = "powerhouse.pump.bearing"
SOUND_PUMP_LIFE_DAYS = 300.0

PENSTOCK_SAMPLES = 1024  # an hour of them: recorded without a break
PENSTOCK_PER_COUNT = 0.1  # µε
PENSTOCK_NOISE = 15 * PENSTOCK_PER_COUNT


def dam_crest(outside: Temperature, condition: Condition, streams: Streams) -> list[Sensor]:
    """Inclination of four neighbouring blocks, all moved by the water that nobody measures here; air temperature."""
    concrete = outside.lagged(72.0)
    water = level(condition.span, streams)
    found = [slow_sensor("dam-crest", "°C", thermometer("dam.crest.temp", streams, outside.lagged(1.0), 0.05), 0.01)]
    for block, (per_m, per_c) in BLOCKS.items():
        channel = f"dam.crest.block{block}"
        moved = partial(_moved, water, per_m, condition, channel)
        signal = SlowSignal(channel, streams, concrete, 0.0, per_c, 10.0, BLOCK_NOISE_MRAD, moved)
        found.append(slow_sensor("dam-crest", "mrad", signal, 0.0005))
    return found


def _moved(water: Level, per_m: float, condition: Condition, channel: str, t_ns: Times) -> Values:
    """What water and damage add to the inclination of a block, mrad."""
    return per_m * water.at(t_ns) + condition.block_movement_mrad(channel, t_ns)


def powerhouse(condition: Condition, streams: Streams) -> list[Sensor]:
    """Three axes on the foundation of the old powerhouse, and the bearing of its drainage pump."""
    axes = [_foundation(axis, share, condition, streams) for axis, share in FOUNDATION_AXES.items()]
    sound = BearingWear("powerhouse", PUMP, SOUND_PUMP_LIFE_DAYS)
    pump = PumpSignal(PUMP, streams, condition.span, condition.wear(PUMP) or sound)
    return [*axes, slow_sensor("powerhouse", "m/s2", pump, 0.001)]


def penstock(outside: Temperature, streams: Streams) -> list[Sensor]:
    """A gauge at a weld of the penstock, and the temperature of its wall."""
    wall = outside.lagged(2.0)
    name = "penstock.bend.strain"
    gauge = PenstockGauge(name, streams, wall, 10.0, PENSTOCK_NOISE)
    strain = Sensor(
        name, "penstock", "µε", gauge, PENSTOCK_SAMPLES / HOUR_S, PENSTOCK_SAMPLES, PENSTOCK_NOISE,
        scale=PENSTOCK_PER_COUNT,
    )  # fmt: skip
    return [strain, slow_sensor("penstock", "°C", thermometer("penstock.bend.temp", streams, wall, 0.05), 0.01)]


def _foundation(axis: str, share: float, condition: Condition, streams: Streams) -> Sensor:
    channel = f"powerhouse.foundation.a{axis}"
    signal = Foundation(
        "powerhouse",
        channel,
        streams,
        condition.span,
        condition.piling(),
        share,
        FOUNDATION_RATE_HZ,
        FOUNDATION_NOISE,
    )
    return Sensor(
        channel, "powerhouse", "m/s2", signal, FOUNDATION_RATE_HZ, FOUNDATION_SAMPLES, FOUNDATION_NOISE,
        scale=FOUNDATION_PER_COUNT,
    )  # fmt: skip

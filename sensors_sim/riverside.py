"""The sensors of the sample site: what each one would read, given the climate and the damage.

Ids, units and rates agree with `site/site.toml`; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence

from sensors_sim.condition import Condition
from sensors_sim.damage import Damage
from sensors_sim.environment import Climate, Temperature, air
from sensors_sim.hydropower import dam_crest, penstock, powerhouse
from sensors_sim.sensor import Correction, Sensor, Signal
from sensors_sim.slow import SlowSignal, crack, slow_sensor, thermometer, tilt
from sensors_sim.span import Span
from sensors_sim.strain import GirderGauge
from sensors_sim.streams import Streams
from sensors_sim.traffic import FOOTBRIDGE
from sensors_sim.vibration import Accelerometer, Deck, Mode, Softening

FOOTBRIDGE_LENGTH_M = 42.0
GALLERY_BLOCK_M = 15.0
WINDOW_SAMPLES = 1024
STRUCTURES = ("footbridge", "dam-gallery", "dam-crest", "powerhouse", "penstock", "tunnel-lining")

# Steel-concrete composite footbridge: vertical (V) and torsional (T) modes.
MODES = (
    Mode("V1", 2.61, 0.012, 1),
    Mode("T1", 5.35, 0.010, 1, mass=0.8),
    Mode("V2", 9.72, 0.010, 2),
    Mode("T2", 14.6, 0.009, 2, mass=0.8),
    Mode("V3", 21.3, 0.010, 3),
)
ACCELERATION_PER_COUNT = 0.0005  # m/s²
ACCELERATION_NOISE = 3 * ACCELERATION_PER_COUNT
CRACK_NOISE_MM = 0.0015
STRAIN_PER_COUNT = 0.1  # µε
STRAIN_NOISE = 5 * STRAIN_PER_COUNT


def sensors(damages: Sequence[Damage], span: Span, streams: Streams) -> dict[str, Sensor]:
    """Every sensor of the site by its id."""
    outside = air(Climate(), span, streams)
    conditions = {
        name: Condition(tuple(damage for damage in damages if damage.structure == name), span) for name in STRUCTURES
    }
    found = [
        *_footbridge(outside, conditions["footbridge"], streams),
        *_dam_gallery(outside, conditions["dam-gallery"], streams),
        *dam_crest(outside, conditions["dam-crest"], streams),
        *powerhouse(conditions["powerhouse"], streams),
        *penstock(outside, streams),
        *_tunnel_lining(outside, conditions["tunnel-lining"], streams),
    ]
    return {sensor.id: sensor for sensor in found}


def footbridge_deck(outside: Temperature, condition: Condition, streams: Streams) -> Deck:
    """The footbridge's span: its section follows the air by six hours."""
    return Deck(
        "footbridge", MODES, Softening(), outside.lagged(6.0), condition, streams, FOOTBRIDGE, FOOTBRIDGE_LENGTH_M
    )


def _footbridge(outside: Temperature, condition: Condition, streams: Streams) -> list[Sensor]:
    deck = footbridge_deck(outside, condition, streams)
    bearing = tilt(
        "footbridge.bearing.tilt",
        streams,
        condition,
        deck.temperature,
        per_c=0.008,
        noise=0.004,
        length_m=FOOTBRIDGE_LENGTH_M,
    )
    strain = GirderGauge(deck, 13.0, 3.5, 10.0, STRAIN_NOISE, "footbridge.girder.strain")
    return [
        _accelerometer("footbridge.midspan.az", deck, 0.5),
        _accelerometer("footbridge.quarter.az", deck, 0.25),
        Sensor(strain.channel, "footbridge", "µε", strain, 50.0, WINDOW_SAMPLES, STRAIN_NOISE, scale=STRAIN_PER_COUNT),
        slow_sensor("footbridge", "°C", thermometer("footbridge.deck.temp", streams, outside.lagged(1.0), 0.05), 0.01),
        slow_sensor("footbridge", "mrad", bearing, 0.001),
    ]


def _dam_gallery(outside: Temperature, condition: Condition, streams: Streams) -> list[Sensor]:
    gallery = outside.lagged(120.0).damped(0.45, 9.0)
    concrete = gallery.lagged(24.0)
    upstream = crack(
        "dam.gallery.crack_a", streams, condition, concrete, width_mm=0.15, per_c=-0.006, noise=CRACK_NOISE_MM
    )
    vault = crack(
        "dam.gallery.crack_b", streams, condition, concrete, width_mm=0.11, per_c=-0.004, noise=CRACK_NOISE_MM
    )
    block = tilt("dam.gallery.tilt", streams, condition, concrete, per_c=0.006, noise=0.003, length_m=GALLERY_BLOCK_M)
    return [
        slow_sensor("dam-gallery", "mm", upstream, 0.0005),
        slow_sensor("dam-gallery", "mm", vault, 0.0005),
        slow_sensor("dam-gallery", "mrad", block, 0.001),
        slow_sensor("dam-gallery", "°C", thermometer("dam.gallery.temp", streams, gallery, 0.03), 0.01),
    ]


def _tunnel_lining(outside: Temperature, condition: Condition, streams: Streams) -> list[Sensor]:
    inside = outside.lagged(12.0).damped(0.6, 10.0)
    concrete = inside.lagged(18.0)
    crown = crack("tunnel.crown.crack", streams, condition, concrete, width_mm=0.19, per_c=-0.004, noise=CRACK_NOISE_MM)
    wall = crack("tunnel.wall.crack", streams, condition, concrete, width_mm=0.14, per_c=-0.003, noise=CRACK_NOISE_MM)
    strain = SlowSignal("tunnel.lining.strain", streams, concrete, -120.0, 4.0, 10.0, 0.4)
    return [
        slow_sensor("tunnel-lining", "mm", crown, 0.0005),
        slow_sensor("tunnel-lining", "mm", wall, 0.0005),
        slow_sensor("tunnel-lining", "µε", strain, 0.1, Correction("tunnel.lining.temp", 2.2)),
        slow_sensor("tunnel-lining", "°C", thermometer("tunnel.lining.temp", streams, inside, 0.05), 0.01),
    ]


def _accelerometer(channel: str, deck: Deck, position: float) -> Sensor:
    signal: Signal = Accelerometer(
        deck, position, rate_hz=100.0, samples=WINDOW_SAMPLES, noise=ACCELERATION_NOISE, channel=channel
    )
    return Sensor(
        channel,
        deck.structure,
        "m/s2",
        signal,
        100.0,
        WINDOW_SAMPLES,
        ACCELERATION_NOISE,
        scale=ACCELERATION_PER_COUNT,
    )

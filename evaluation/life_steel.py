"""Lives of cracks in steel: simulated ones through the registered crack detector, beside when they met the limit."""

from __future__ import annotations

from pathlib import Path

from evaluation.last_day import life_on_last_day, readings
from evaluation.lives import Asset, Lives, lives_of
from sensors_sim.steel_fleet import SteelCrackRecord, SteelPlan, steel_crack
from telltale.channel_details import CrackDetail
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.findings import Life
from telltale.settings import Settings, load
from telltale.site import Channel
from telltale.steel_crack import GrowthHistory, SteelCrack


class SteelFleetSettings(Settings, frozen=True):
    """The declared settings, `life_steel.toml`; explained there."""

    alone: int
    with_earlier: int


def settings() -> SteelFleetSettings:
    """How many cracks are declared."""
    return load(Path(__file__).with_suffix(".toml"), SteelFleetSettings)


def steel_cracks(seed: int, count: int, *, with_earlier: bool) -> Lives:
    """Lives of cracks in steel, one estimate each, at the end of its record: alone or with earlier ones of its kind."""
    cracks = (steel_crack(seed, number, SteelPlan(), with_earlier=with_earlier) for number in range(count))
    return lives_of([Asset(_estimate(one), one.reached_days, one.record_days) for one in cracks])


def _estimate(one: SteelCrackRecord) -> Life:
    return life_on_last_day(_channel(one), readings(one.t_ns, one.length_mm))


def _channel(one: SteelCrackRecord) -> Channel:
    steel = SteelCrack(
        stress_range_mpa=one.loaded.stress_range_mpa,
        cycles_per_day=one.cycles_per_day,
        geometry="centre_crack" if one.loaded.plate_width_mm else "constant",
        factor=one.loaded.factor,
        plate_width_mm=one.loaded.plate_width_mm,
        histories=tuple(
            GrowthHistory(length_mm=tuple(length.tolist()), cycles=tuple(cycles.tolist()))
            for length, cycles in one.earlier
        ),
    )
    return Channel(
        id=one.name,
        kind="crack",
        unit="mm",
        gateway="evaluation",
        interval_s=one.days_apart * NS_PER_DAY / NS_PER_S,
        crack=CrackDetail(material="steel", limit_mm=one.limit_mm, source="simulated", steel=steel),
    )

"""The site at work: reproducible in any order, damaged where and when it says, described by its truth."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sensors_sim.scenarios import SCENARIOS
from sensors_sim.world import World
from telltale.clock import DAYS_PER_YEAR, NS_PER_DAY, NS_PER_HOUR
from telltale.source import Chunk
from tests.sensors_sim.spans import START_NS, span, world

SHOWN_BY = {
    "footbridge_stiffness": {"footbridge.midspan.az", "footbridge.quarter.az", "footbridge.girder.strain"},
    "footbridge_sudden": {"footbridge.midspan.az", "footbridge.quarter.az", "footbridge.girder.strain"},
    "bearing_settlement": {"footbridge.bearing.tilt"},
    "block_leans": {"dam.crest.block7"},
    "gallery_crack": {"dam.gallery.crack_a"},
}


def _same(ours: Chunk, theirs: Chunk) -> bool:
    assert (ours.input, ours.t0_ns, ours.rate_hz) == (theirs.input, theirs.t0_ns, theirs.rate_hz)
    return np.array_equal(ours.samples, theirs.samples, equal_nan=True) and ours.flags == theirs.flags


def _changed(ours: World, theirs: World, ticks: range) -> set[str]:
    return {
        mine.input
        for tick in ticks
        for mine, other in zip(ours.chunks(tick), theirs.chunks(tick), strict=True)
        if not _same(mine, other)
    }


def test_the_same_seed_gives_the_same_readings_in_any_order() -> None:
    ticks = [1_500, 3, 2_000, 700, 4]
    once, again = world("riverside"), world("riverside")
    forwards = {tick: once.chunks(tick) for tick in sorted(ticks)}
    for tick in ticks:
        for channel in reversed(list(again.sensors)):
            expected = next(chunk for chunk in forwards[tick] if chunk.input == channel)
            assert _same(again.chunk(channel, tick), expected)


def test_a_longer_span_begins_with_the_same_readings() -> None:
    short, long = world("riverside", days=60), world("riverside", days=300)
    assert _changed(short, long, range(0, 60 * 24, 97)) == set()


def test_another_seed_gives_other_readings_on_every_channel() -> None:
    site = world("healthy")
    assert _changed(site, world("healthy", seed=2), range(100, 103)) == set(site.sensors)


def test_ticks_are_whole_hours_and_scalars_come_each_half_hour() -> None:
    site = world()
    for chunk in site.chunks(7):
        assert chunk.t0_ns == START_NS + 7 * NS_PER_HOUR
        assert chunk.t0_ns % NS_PER_HOUR == 0
    assert site.chunk("dam.gallery.temp", 7).rate_hz == pytest.approx(1 / 1800)
    assert site.chunk("dam.gallery.temp", 7).samples.size == 2


@pytest.mark.parametrize("name", sorted(SHOWN_BY))
def test_damage_shows_in_its_channels_and_only_after_its_day(name: str) -> None:
    damaged, sound = world(name), world("healthy")
    start_day = (damaged.truth()["damages"][0]["start_ns"] - START_NS) // NS_PER_DAY
    assert _changed(damaged, sound, range(0, start_day * 24 - 1, 60)) == set()
    assert _changed(damaged, sound, range(110 * 24, 119 * 24)) == SHOWN_BY[name]
    assert {channel for damage in damaged.truth()["damages"] for channel in damage["channels"]} == SHOWN_BY[name]


def test_the_gallery_crack_has_grown_by_the_stated_amount() -> None:
    damaged, sound = world("riverside"), world("healthy")
    ticks = range(110 * 24, 111 * 24)
    growth = np.mean(
        [damaged.reading("dam.gallery.crack_a", t) - sound.reading("dam.gallery.crack_a", t) for t in ticks]
    )
    years = 70.5 / DAYS_PER_YEAR
    assert growth == pytest.approx(0.25 * years + 0.2 * years**2, abs=2e-4)
    truth = damaged.truth()["damages"][0]
    assert (truth["kind"], truth["structure"], truth["channel"]) == (
        "crack_growth",
        "dam-gallery",
        "dam.gallery.crack_a",
    )
    assert truth["rate_mm_per_year"] == 0.25


def test_the_footbridge_of_the_default_scenario_is_sound_and_one_sensor_is_replaced() -> None:
    changed = _changed(world("riverside"), world("healthy"), range(40 * 24, 120 * 24, 50))
    assert {channel for channel in changed if channel.startswith("footbridge")} == {"footbridge.quarter.az"}
    (act,) = world("riverside").truth()["acts"]
    before = _changed(world("riverside"), world("healthy"), range(0, 62 * 24, 50))
    assert act["channel"] not in before
    assert (act["kind"], act["start_ns"]) == ("sensor_replaced", span().day_ns(62))
    assert act["who"]
    assert act["why"]


def test_no_damage_has_the_faults_of_the_default_scenario() -> None:
    assert world("no_damage").truth()["faults"] == world("riverside").truth()["faults"] != []
    assert world("no_damage").truth()["damages"] == []


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_scenario_is_described_by_plain_json(name: str) -> None:
    site = world(name)
    truth = json.loads(json.dumps(site.truth()))
    assert truth == site.truth()
    assert (truth["scenario"], truth["seed"], truth["ticks"]) == (name, 1, 2880)
    assert truth["channels"]["footbridge.midspan.az"]["duty_cycle"] == pytest.approx(1024 / 100 / 3600)
    for cause in (*truth["damages"], *truth["works"], *truth["acts"], *truth["faults"]):
        assert cause["structure"] in {channel["structure"] for channel in truth["channels"].values()}
        assert truth["start_ns"] <= cause["start_ns"] < truth["end_ns"]


def test_the_dead_thermistor_names_what_derives_from_it() -> None:
    faults = {fault["kind"]: fault for fault in world("riverside").truth()["faults"]}
    assert faults["dead_thermistor"]["affects"] == ["tunnel.lining.strain"]
    assert faults["stuck"]["end_ns"] is None

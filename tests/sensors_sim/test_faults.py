"""Broken sensors, as they read in a world; and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from sensors_sim.faults import Clipped, DeadThermistor, Drift, Dropouts, Fault, Noise, Spikes, Stuck
from sensors_sim.scenarios import Scenario
from sensors_sim.world import World
from telltale.readings import Flag
from tests.sensors_sim.spans import world

CRACK, AZ = "tunnel.wall.crack", "footbridge.midspan.az"


def _faulty(fault: Fault) -> World:
    return world(Scenario("test", "", faults=(fault,)), days=40)


def _readings(site: World, channel: str, first_day: int, last_day: int) -> np.ndarray:
    return np.concatenate([site.chunk(channel, tick).samples for tick in range(first_day * 24, last_day * 24)])


@pytest.mark.parametrize(
    "fault",
    [
        Stuck(CRACK, 10.0, 20.0),
        Spikes(CRACK, 10.0, size=0.5, share=0.3, end_day=20.0),
        Dropouts(CRACK, 10.0, share_of_hours=0.3, share=0.2, end_day=20.0),
        Drift(CRACK, 10.0, per_day=0.1, end_day=20.0),
        DeadThermistor("footbridge.deck.temp", 10.0, 20.0),
        Stuck(AZ, 10.0, 20.0),
        Noise(AZ, 10.0, size=0.05, end_day=20.0),
        Clipped(AZ, 10.0, limit=0.01, end_day=20.0),
    ],
    ids=lambda fault: f"{fault.kind} {fault.channel}",
)
def test_a_fault_changes_its_channel_between_its_days_and_nothing_else(fault: Fault) -> None:
    faulty, sound = _faulty(fault), world("healthy", days=40)
    for day in (9, 19, 20):
        for tick in range(day * 24, day * 24 + 24):
            for ours, theirs in zip(faulty.chunks(tick), sound.chunks(tick), strict=True):
                same = np.array_equal(ours.samples, theirs.samples, equal_nan=True)
                assert same or (day == 19 and ours.input == fault.channel), (tick, ours.input)
    assert not np.array_equal(_readings(faulty, fault.channel, 10, 20), _readings(sound, fault.channel, 10, 20))


def test_stuck_repeats_the_last_good_reading() -> None:
    faulty = _faulty(Stuck(CRACK, 10.0))
    last_good = faulty.chunk(CRACK, 10 * 24 - 1).samples[-1]
    np.testing.assert_array_equal(_readings(faulty, CRACK, 10, 12), last_good)


def test_a_stuck_accelerometer_gives_one_count_for_ever() -> None:
    assert np.unique(_readings(_faulty(Stuck(AZ, 1.0)), AZ, 1, 2)).size == 1


def test_spikes_have_the_stated_share_and_size() -> None:
    fault = Spikes(CRACK, 0.0, size=0.5, share=0.1)
    jump = np.abs(_readings(_faulty(fault), CRACK, 0, 40) - _readings(world("healthy", days=40), CRACK, 0, 40))
    assert (jump > 0.1).mean() == pytest.approx(0.1, abs=0.02)
    assert 0.24 < jump[jump > 0.1].min() < jump.max() < 0.76


def test_dropouts_are_nan_and_flagged_missing() -> None:
    faulty = _faulty(Dropouts(CRACK, 0.0, share_of_hours=0.25, share=0.1))
    missing = 0
    for tick in range(40 * 24):
        chunk = faulty.chunk(CRACK, tick)
        flagged = np.zeros(chunk.samples.size, dtype=bool)
        for span in chunk.flags:
            assert span.flag is Flag.MISSING
            flagged[span.start : span.start + span.count] = True
        np.testing.assert_array_equal(np.isnan(chunk.samples), flagged)
        missing += int(flagged.sum())
    assert missing / (40 * 48) == pytest.approx(1 - 0.75 * 0.9, abs=0.04)


def test_missing_counts_are_zero_and_flagged() -> None:
    chunk = _faulty(Dropouts(AZ, 0.0, share_of_hours=1.0, share=0.0)).chunk(AZ, 5)
    assert chunk.samples.dtype == np.int16
    assert not chunk.samples.any()
    assert [(span.start, span.count, span.flag) for span in chunk.flags] == [(0, 1024, Flag.MISSING)]


def test_counts_at_the_end_of_the_range_are_flagged_clipped() -> None:
    chunk = _faulty(Drift(AZ, 0.0, per_day=10.0)).chunk(AZ, 39 * 24)
    assert (chunk.samples == 32_767).all()
    assert chunk.flags[0].flag is Flag.CLIPPED


def test_drift_grows_at_its_rate() -> None:
    drift = _readings(_faulty(Drift(CRACK, 10.0, per_day=0.01)), CRACK, 10, 40)
    gain = drift - _readings(world("healthy", days=40), CRACK, 10, 40)
    np.testing.assert_allclose(gain, 0.01 * np.arange(gain.size) / 48, atol=0.0006)


def test_a_dead_thermistor_reads_far_below_anything_real_and_jumps() -> None:
    dead = _readings(world("riverside"), "tunnel.lining.temp", 20, 40)
    assert dead.min() >= -167.0
    assert dead.max() <= -110.0
    assert np.abs(np.diff(dead)).mean() > 10.0


def test_what_is_corrected_by_a_dead_thermistor_is_wrong_with_it() -> None:
    site, sound = world("riverside"), world("healthy")
    off = _readings(site, "tunnel.lining.strain", 20, 22) - _readings(sound, "tunnel.lining.strain", 20, 22)
    wrong = _readings(site, "tunnel.lining.temp", 20, 22) - _readings(sound, "tunnel.lining.temp", 20, 22)
    np.testing.assert_allclose(off, 2.2 * wrong, atol=0.2)
    assert (off < -200).all()

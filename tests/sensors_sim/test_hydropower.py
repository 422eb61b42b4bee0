"""The hydropower station: what its scenarios do, against the detectors' own arithmetic where that is the point."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from cloud_service.model.file import load_model
from models.velocity import velocity_peaks
from models.vibration_limits import GUIDE_CURVES
from sensors_sim.penstock import STARTS_AN_HOUR, THERMAL_UE_PER_C, PenstockGauge
from sensors_sim.piling import is_working
from sensors_sim.pump import histories_csv
from sensors_sim.scenarios import BLOCK_7, PILING, WORN_PUMP
from sensors_sim.streams import Streams
from telltale.clock import NS_PER_DAY, NS_PER_HOUR
from tests.sensors_sim.spans import span, steady, world

BLOCKS = [f"dam.crest.block{block}" for block in (5, 6, 7, 8)]
FOUNDATION = "powerhouse.foundation.a"


def test_water_moves_all_blocks_further_than_the_damage_moves_one() -> None:
    site = world("healthy")
    tilts = np.array([[site.sound(channel, tick)[0] for tick in range(0, 28 * 24, 3)] for channel in BLOCKS])
    assert np.ptp(tilts, axis=1).min() > 2 * BLOCK_7.moved_mrad
    assert np.corrcoef(tilts).min() > 0.95


def test_only_block_7_leans_and_only_from_its_day() -> None:
    damaged, sound = world("block_leans"), world("healthy")
    for channel in BLOCKS:
        before, after = (damaged.sound(channel, day * 24)[0] - sound.sound(channel, day * 24)[0] for day in (74, 79))
        assert before == 0
        assert after == pytest.approx(BLOCK_7.moved_mrad if channel == BLOCK_7.channel else 0.0)


def test_blows_reach_their_peak_velocity_on_every_axis_and_only_while_they_work() -> None:
    site, day = world("piling"), int(PILING.start_day)
    for axis, share in (("x", 0.55), ("y", 0.45), ("z", 1.0)):
        ticks = [tick for tick in range(day * 24, (day + 5) * 24) if is_working(site.span.tick_ns(tick))]
        windows = np.array([site.sound(FOUNDATION + axis, tick) for tick in ticks], dtype=np.float32)
        peak_mm_s, frequency_hz = velocity_peaks(windows, 250.0)
        # The largest of three blows of a window lies above the median one.
        assert np.median(peak_mm_s) == pytest.approx(1.08 * share * PILING.peak_mm_s, rel=0.1)
        assert np.median(frequency_hz) == pytest.approx(PILING.frequency_hz, rel=0.05)
    night = np.array([site.sound(FOUNDATION + "z", day * 24 + 2)], dtype=np.float32)
    assert velocity_peaks(night, 250.0)[0][0] < 0.1


def test_without_works_the_foundation_stays_far_below_the_guide_value() -> None:
    site = world("healthy")
    windows = np.array([site.sound(FOUNDATION + "z", tick) for tick in range(0, 60 * 24, 31)], dtype=np.float32)
    peak_mm_s, frequency_hz = velocity_peaks(windows, 250.0)
    guide = GUIDE_CURVES["din_4150_3.sensitive.foundation"].velocity_mm_s(frequency_hz)
    assert (peak_mm_s < 0.1 * guide).all()


def test_the_penstock_is_loaded_by_starts_and_strained_by_temperature() -> None:
    def gauge(celsius: float) -> PenstockGauge:
        return PenstockGauge("p", Streams(1), steady(celsius), 10.0, 0.0)

    at = [span().tick_ns(tick) + np.arange(1024) * (NS_PER_HOUR // 1024) for tick in range(500)]
    pulses = [float(gauge(10.0).pressure(tick, t_ns).max()) for tick, t_ns in enumerate(at)]
    assert np.mean(np.array(pulses) > 0) == pytest.approx(STARTS_AN_HOUR, abs=0.06)
    warmer = gauge(15.0).values(0, at[0]) - gauge(10.0).values(0, at[0])
    np.testing.assert_allclose(warmer, 5 * THERMAL_UE_PER_C)
    assert gauge(10.0).pressure(1, at[1])[0] == gauge(10.0).pressure(1, at[1])[-1] == 0


def test_a_worn_bearing_grows_louder_towards_its_end() -> None:
    worn, sound = world("worn_pump"), world("healthy")
    early, late = (
        np.mean([worn.sound(WORN_PUMP.channel, day * 24 + hour) for hour in range(24)])
        / np.mean([sound.sound(WORN_PUMP.channel, day * 24 + hour) for hour in range(24)])
        for day in (30, 119)
    )
    assert early == pytest.approx(1.0, abs=0.02)
    assert late > 1.5
    (truth,) = worn.truth()["damages"]
    assert truth["failure_ns"] == span().start_ns + 140 * NS_PER_DAY


def test_the_shipped_model_is_of_the_histories_that_the_command_writes() -> None:
    path = Path(str(resources.files("sensors_sim") / "site" / "drainage-pump.model"))
    card = load_model(path).card
    assert hashlib.sha256(histories_csv(2026, 60).encode()).hexdigest() == card.data_sha256
    assert (card.assets, card.indicators) == (60, ("value",))
    assert 0.84 <= card.metrics["coverage90"] <= 0.96
    assert path.stat().st_size < 64 * 1024

"""Novelty through simulated seasons: quiet when healthy, awake when frequencies drop, the same however data is cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.averages import SCALES_H
from models.commissioning import BASELINE_DAYS
from models.extremes import CEILING, RETURN_WEEKS, thresholds
from models.novelty import FREEZE_DAYS, step
from models.novelty_state import Rows, initial_state
from tests.models.seasons import GROUP, HOUR_NS, Season, season

DAMAGE_DAY = 40
POOLED_MODE = 3


def judge(rows, pieces=1):
    state = initial_state(GROUP, interval_h=1.0)
    found = []
    for part in np.array_split(np.arange(len(rows.t_ns)), pieces):
        found += step(state, take(rows, part))
    joined = {
        name: np.concatenate([getattr(scores, name) for scores in found] or [np.empty(0)])
        for name in ("t_ns", "score", "z", "feature", "scale", "shift", "blind")
    }
    return state, joined


def take(rows, index):
    return Rows(rows.t_ns[index], rows.temperature_c[index], rows.log_rms[index], rows.features[index])


def days_of(rows, found):
    return (found["t_ns"] - rows.t_ns[0]) / (24 * HOUR_NS)


def warnings(found):
    """Warnings as an incident counts them: opened at the threshold, cleared below 80 % of it."""
    count, is_open = 0, False
    for score in found["score"]:
        count += not is_open and score >= 1.0
        is_open = score >= (0.8 if is_open else 1.0)
    return count


@pytest.mark.parametrize("seed", range(6))
def test_a_healthy_year_stays_quiet(seed):
    """From any season on, with a kink at freezing, lag, weekends and weather: at most one false warning a year."""
    _, found = judge(season(seed, 365, Season(start_day=60 * seed)))
    assert warnings(found) <= 1
    assert len(found["score"]) == 24 * (365 - BASELINE_DAYS)


def test_six_healthy_sensor_years_together_hold_the_promise():
    spells = [warnings(judge(season(50 + seed, 365, Season(start_day=61 * seed)))[1]) for seed in range(6)]
    assert sum(spells) <= 2


@pytest.mark.parametrize("seed", range(4))
def test_a_sudden_loss_of_two_percent_is_found_within_a_week(seed):
    start = Season(start_day=90 * seed)
    loss = np.where(np.arange(24 * 80) >= 24 * DAMAGE_DAY, 0.02, 0.0)
    rows = season(100 + seed, 80, start, loss)
    _, found = judge(rows)
    first = np.argmax(found["score"] >= 1.0)
    assert found["score"][first] >= 1.0
    assert DAMAGE_DAY <= days_of(rows, found)[first] < DAMAGE_DAY + 7
    assert found["feature"][first] <= POOLED_MODE
    assert found["z"][first] < 0
    assert -0.04 < found["shift"][first] < -0.005


def test_a_sudden_loss_of_one_percent_is_mostly_found_within_two_weeks():
    """One 10 s window an hour, whose frequencies scatter by 1.5 %: 6 of 8 sites at least."""
    loss = np.where(np.arange(24 * 60) >= 24 * DAMAGE_DAY, 0.01, 0.0)
    hits = 0
    for seed in range(8):
        rows = season(100 + seed, 60, Season(start_day=(0, 90, 180, 270)[seed % 4]), loss)
        _, found = judge(rows)
        days = days_of(rows, found)[found["score"] >= 1.0]
        assert not (days < DAMAGE_DAY).any()
        hits += bool(days.size and days[0] < DAMAGE_DAY + 14)
    assert hits >= 6


def test_a_slow_loss_of_two_percent_is_not_learned_as_normal():
    """Over two months; the quarantine and the quiet-day rule keep the beginning of it out of the baseline."""
    loss = np.clip((np.arange(24 * 130) / 24 - DAMAGE_DAY) / 60, 0, 1) * 0.02
    hits = 0
    for seed in range(8):
        _, found = judge(season(100 + seed, 130, Season(start_day=(0, 90, 180, 270)[seed % 4]), loss))
        hits += bool((found["score"] >= 1.0).any())
    assert hits >= 7


def test_results_do_not_depend_on_where_batches_are_cut():
    rows = season(3, 40)
    _, whole = judge(rows)
    _, pieces = judge(rows, pieces=397)
    np.testing.assert_array_equal(whole["t_ns"], pieces["t_ns"])
    np.testing.assert_allclose(whole["score"], pieces["score"], rtol=1e-9)


def test_late_rows_move_nothing():
    rows = season(4, 30)
    state, _ = judge(rows)
    before = state.averages.features.copy()
    assert step(state, take(rows, np.arange(100, 200))) == []
    np.testing.assert_array_equal(state.averages.features, before)


def test_no_verdict_before_the_baseline_and_one_soon_after():
    rows = season(5, 25)
    _, found = judge(rows)
    assert days_of(rows, found).min() == BASELINE_DAYS


def test_a_week_without_data_does_not_alarm():
    rows = season(6, 60)
    hours = np.arange(len(rows.t_ns))
    _, found = judge(take(rows, (hours < 24 * 30) | (hours >= 24 * 37)))
    assert warnings(found) == 0


def test_a_dead_thermometer_widens_instead_of_alarming():
    rows = season(7, 120)
    temperature = rows.temperature_c.copy()
    temperature[24 * 40 :] = np.nan
    _, found = judge(replace(rows, temperature_c=temperature))
    assert found["blind"][-1]
    assert warnings(found) == 0


@pytest.mark.parametrize("seed", range(3))
def test_without_a_thermometer_a_year_stays_quiet_and_a_large_loss_is_found(seed):
    loss = np.where(np.arange(24 * 365) >= 24 * 300, 0.20, 0.0)
    rows = season(10 + seed, 365, Season(start_day=120 * seed), loss)
    _, found = judge(replace(rows, temperature_c=np.full_like(rows.temperature_c, np.nan)))
    days = days_of(rows, found)
    assert found["blind"].all()
    assert warnings({"score": found["score"][days < 300]}) <= 1
    assert (found["score"][days >= 300] >= 1.0).any()


def test_a_lost_mode_is_no_alarm():
    rows = season(8, 60)
    features = rows.features.copy()
    features[24 * 35 :, [0, POOLED_MODE]] = np.nan
    _, found = judge(replace(rows, features=features))
    assert warnings(found) == 0


def test_a_damaged_state_never_enters_the_baseline():
    loss = np.where(np.arange(24 * 120) >= 24 * DAMAGE_DAY, 0.04, 0.0)
    state, found = judge(season(9, 120, Season(), loss))
    assert state.learned_days <= DAMAGE_DAY
    assert found["score"][-1] >= 1.0


def test_the_baseline_freezes_after_a_year():
    state, _ = judge(season(11, 430))
    assert state.learned_days <= FREEZE_DAYS
    assert len(state.waiting) <= 15


def test_thresholds_follow_the_channels_own_weeks():
    rng = np.random.default_rng(0)
    quiet = thresholds(np.full((40, len(SCALES_H)), 2.5))
    restless = thresholds(4.0 * np.exp(0.15 * rng.gumbel(size=(40, len(SCALES_H)))))
    assert (quiet < thresholds(np.empty((0, len(SCALES_H))))).all()
    assert (restless > quiet).all()


def test_the_threshold_is_the_return_level_of_a_gumbel_distribution():
    location, scale, weeks = 1.2, 0.1, 200_000
    maxima = np.exp(np.random.default_rng(1).gumbel(location, scale, (weeks, len(SCALES_H))))
    assert thresholds(maxima).max() < CEILING
    exceeded = (maxima > thresholds(maxima)).mean(axis=0)
    np.testing.assert_allclose(exceeded, 1.0 / RETURN_WEEKS, rtol=0.2)

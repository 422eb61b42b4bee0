"""The crack detector: silent while sound, warned soon after growth begins, a life or a named refusal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cloud_service.analyse.detectors.crack import CrackDetector
from telltale.channel_details import CrackDetail
from telltale.clock import NS_PER_DAY, NS_PER_HOUR
from telltale.findings import Reason, Refusal, Tier
from tests.cloud_service.detectors.play import START_NS, findings, lives, place_of, play, rows_of, scalars, table
from tests.models.gallery import Body, Growth, recording

QUIET = Body(noise=0.0015, per_c=-0.006)
GROWS = Growth(onset=40, rate=0.6, acceleration=1.0)


def crack(limit_mm: float | None = 0.6, **more):
    return place_of(kind="crack", unit="mm", crack=CrackDetail(limit_mm=limit_mm, source="self-set: test"), **more)


def batch_of(seed: int, days: int, body: Body = QUIET, grows: Growth | None = None):
    _, width, lagged_c = recording(seed, days, body, grows)
    t_ns = START_NS + np.arange(width.size) * NS_PER_HOUR
    return scalars(t_ns, width, temperature_c=lagged_c)


def day_of(finding) -> float:
    return (finding.t_ns - START_NS) / NS_PER_DAY


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("body", [QUIET, Body(noise=0.01), Body(lag_h=120.0, noise=0.005)], ids=str)
def test_a_sound_crack_stays_silent(seed, body):
    outputs = play(CrackDetector(), crack(), batch_of(seed, 130, body))
    assert findings(outputs) == []
    assert {life.refused for life in lives(outputs)} <= {Refusal.INSUFFICIENT_HISTORY, Refusal.NO_TREND}


@pytest.mark.parametrize("seed", range(4))
def test_growth_from_day_40_is_warned_of_and_its_life_estimated(seed):
    outputs = play(CrackDetector(), crack(limit_mm=0.75), batch_of(seed, 121, QUIET, GROWS))
    alerts = findings(outputs)
    first = min(alerts, key=lambda finding: finding.t_ns)
    assert 44 <= day_of(first) <= 75
    assert {Reason.CRACK_TREND, Reason.LIFE} == {finding.reason for finding in alerts}
    last = lives(outputs)[-1]
    assert last.refused is None
    assert last.p5_ns <= last.p10_ns <= last.p50_ns <= last.p90_ns <= last.p95_ns
    assert last.assumptions
    # 0.35 mm of growth, more or less by the temperature that widths refer to: about day 210.
    assert 150 <= (last.p50_ns - START_NS) / NS_PER_DAY <= 280


def test_batches_do_not_change_the_verdict():
    batch = batch_of(1, 70, QUIET, GROWS)
    whole = play(CrackDetector(), crack(), batch)
    parts = play(CrackDetector(), crack(), batch, at_once=7)
    assert findings(whole, clear=True) == findings(parts, clear=True)
    assert lives(whole) == lives(parts)


def test_the_state_stays_small_once_days_become_weeks():
    _, width, lagged_c = recording(2, 500, QUIET)
    t_ns = START_NS + np.arange(width.size) * NS_PER_HOUR
    batch = scalars(t_ns[::6], width[::6], temperature_c=lagged_c[::6])
    outputs = play(CrackDetector(), crack(interval_s=21600.0), batch, at_once=400)
    assert findings(outputs) == []
    last = list(table(outputs, "trend").values())[-1]
    assert last["low_per_year"] <= 0 <= last["high_per_year"]
    assert abs(last["trend_per_year"]) < 0.01


def test_late_readings_complete_their_day_and_do_not_crash():
    batch = batch_of(3, 40)
    detector, place = CrackDetector(), crack()
    state = detector.initial(place)
    late = slice(24 * 10, 24 * 12)
    for part in (slice(0, 240), slice(288, 24 * 35), late, slice(24 * 35, None)):
        state, output = detector.step(place, state, rows_of(batch, part))
    assert output.lives
    days = state.days[:, 0]
    assert np.array_equal(days, np.unique(days))
    assert (state.days[:, 1] == 24).all()


def test_distrusted_and_missing_readings_are_not_learned_from():
    batch = batch_of(4, 45)
    spoiled = batch.values.copy()
    bad = np.random.default_rng(0).random(spoiled.size) < 0.2
    spoiled[bad] += 5.0
    spoiled[::17] = np.nan
    doubted = scalars(batch.t_ns, spoiled, temperature_c=batch.temperature_c, faulty=bad)
    assert findings(play(CrackDetector(), crack(), doubted)) == []


def test_a_thermistor_that_dies_makes_the_verdict_wider_not_wrong():
    batch = batch_of(5, 120)
    batch.temperature_c[24 * 20 :] = np.nan
    outputs = play(CrackDetector(), crack(), batch)
    assert findings(outputs) == []
    last = list(table(outputs, "trend").values())[-1]
    assert np.isnan(last["temperature_effect_per_c"])
    assert last["high_per_year"] - last["low_per_year"] > 0.2


def test_no_limit_no_life():
    outputs = play(CrackDetector(), crack(limit_mm=None), batch_of(6, 40))
    assert {life.refused for life in lives(outputs)} == {Refusal.NO_LIMIT}
    assert {finding.reason for finding in findings(outputs, clear=True)} == {Reason.CRACK_TREND}


def test_a_limit_far_ahead_is_refused_not_extrapolated():
    outputs = play(CrackDetector(), crack(limit_mm=3.0), batch_of(7, 90, QUIET, Growth(rate=1.0)))
    last = lives(outputs)[-1]
    assert last.refused is Refusal.INSUFFICIENT_HISTORY
    assert "2 times as far" in last.detail
    assert {Reason.CRACK_TREND} == {finding.reason for finding in findings(outputs)}


def test_a_crack_that_closes_towards_a_lower_limit():
    outputs = play(CrackDetector(), crack(limit_mm=0.1), batch_of(8, 90, QUIET, Growth(rate=-2.0, acceleration=-2.0)))
    assert lives(outputs)[-1].p50_ns is not None
    trends = [one for one in findings(outputs) if one.reason is Reason.CRACK_TREND]
    assert trends[-1].value < 0
    assert trends[-1].tier is Tier.ALARM


def test_a_grade_is_proposed_where_the_channel_names_the_scheme():
    outputs = play(CrackDetector(), crack(condition_scheme="kr_rc_deck_crack"), batch_of(9, 40))
    evidence = findings(outputs, clear=True)[-1].evidence
    assert evidence["grade_proposal"] == "c"
    assert "not verified" in evidence["grade_source"]


def test_readings_of_unknown_time_are_no_part_of_a_trend_and_life_is_refused_by_name():
    batch = batch_of(1, 121, QUIET, GROWS)
    first = batch.t_ns < START_NS + 90 * NS_PER_DAY
    whole = play(CrackDetector(), crack(), replace(batch, undated=~first))
    assert lives(whole)[-1].refused is Refusal.CLOCK_UNRELIABLE
    dated = play(CrackDetector(), crack(), replace(batch, undated=np.zeros(len(batch), dtype=bool)))
    assert lives(dated)[-1].refused is None
    assert findings(whole) == [finding for finding in findings(dated) if finding.t_ns < START_NS + 90 * NS_PER_DAY]


@pytest.mark.parametrize("at_once", [1, 50, 10**6])
def test_days_on_which_the_sensor_is_distrusted_throughout_refuse_life_by_name(at_once):
    batch = batch_of(3, 62, QUIET, GROWS)
    days = (batch.t_ns - START_NS) // NS_PER_DAY
    batch = replace(batch, faulty=((days >= 40) & (days < 45)) | (batch.t_ns % NS_PER_DAY == 0))
    answers = lives(play(CrackDetector(), crack(), batch, at_once=at_once))
    refused = [day_of(life) - 1 for life in answers if life.refused is Refusal.SENSOR_FAULT]
    assert refused == [40, 41, 42, 43, 44], "a single bad reading a day is no reason"
    assert [life.t_ns for life in answers] == sorted(life.t_ns for life in answers)
    assert answers[-1].refused is not Refusal.SENSOR_FAULT


@pytest.mark.parametrize("seed", range(4))
def test_a_trend_that_is_sure_to_lead_to_the_limit_has_a_life_or_a_reason_other_than_no_trend(seed):
    outputs = play(CrackDetector(), crack(limit_mm=0.75), batch_of(seed, 90, QUIET, GROWS))
    answers = {life.t_ns: life.refused for life in lives(outputs)}
    warned = [finding for finding in findings(outputs) if finding.reason is Reason.CRACK_TREND]
    assert warned
    for finding in warned:
        refused = answers[finding.t_ns]
        assert finding.evidence.get("refused") == (refused.value if refused else None)
        if finding.evidence["probability"] > 0.99:
            assert refused is not Refusal.NO_TREND

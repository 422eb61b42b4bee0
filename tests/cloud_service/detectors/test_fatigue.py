"""The fatigue detector: what it counts over batches and windows is what the whole record counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rainflow as oracle

from cloud_service.analyse.detector import LAGS_H
from cloud_service.analyse.detectors.fatigue import FatigueDetector
from cloud_service.analyse.state_codec import decode_state, encode_state
from cloud_service.baseline_record import Act, BaselineEvent
from models import fatigue
from telltale.channel_details import FatigueDetail
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from telltale.findings import Reason, Refusal, Tier
from telltale.kinds import Shape
from tests.cloud_service.detectors.play import START_NS, findings, lives, place_of, play, rows_of, table, windows_of

RATE_HZ = 50.0
WINDOW = 1024
WINDOW_NS = round(WINDOW / RATE_HZ * NS_PER_S)


def girder(duty_cycle: float = 1.0, interval_s: float = WINDOW / RATE_HZ, category: float = 71.0):
    detail = FatigueDetail(detail_category_mpa=category, duty_cycle=duty_cycle)
    return place_of(kind="strain", unit="µε", rate_hz=RATE_HZ, interval_s=interval_s, fatigue=detail)


def continuous(seed: int, windows: int):
    rng = np.random.default_rng(seed)
    drift = 200 * np.sin(2 * np.pi * np.arange(windows * WINDOW) / (windows * WINDOW))
    history = (drift + rng.normal(0, 120, windows * WINDOW)).astype(np.float32).reshape(windows, WINDOW)
    return windows_of(START_NS + np.arange(windows) * WINDOW_NS, history, RATE_HZ)


def by_oracle(history: np.ndarray, category: float = 71.0) -> tuple[float, float]:
    cycles = [(span, share) for span, _, share, _, _ in oracle.extract_cycles(history.tolist())]
    ranges, counts = np.array(cycles).T
    return counts.sum(), fatigue.damage(ranges * 0.21, counts, category)


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_the_record_in_batches_counts_as_the_whole(at_once):
    batch = continuous(1, 60)
    outputs = play(FatigueDetector(), girder(), batch, at_once=at_once)
    rows = list(table(outputs, "fatigue").values())
    cycles, damage = by_oracle(batch.windows.astype(float).reshape(-1))
    assert sum(row["cycles"] for row in rows) == cycles
    assert sum(row["damage"] for row in rows) == pytest.approx(damage, rel=1e-9)
    assert rows[-1]["damage_total"] == pytest.approx(damage, rel=1e-9)


def test_a_record_over_midnight_counts_as_the_whole():
    batch = continuous(2, 80)
    batch.t_ns[:] += NS_PER_DAY - 40 * WINDOW_NS
    outputs = play(FatigueDetector(), girder(), batch, at_once=9)
    rows = table(outputs, "fatigue")
    cycles, damage = by_oracle(batch.windows.astype(float).reshape(-1))
    assert len(rows) == 2
    assert sum(row["cycles"] for row in rows.values()) == cycles
    assert sum(row["damage"] for row in rows.values()) == pytest.approx(damage, rel=1e-9)
    assert len(lives(outputs)) == 1  # the first day is over


def hourly(seed: int, days: int, peak_ue: float, thermal_ue: float = 0.0):
    """A window an hour: a few lorries, on thermal strain that moves with the day."""
    rng = np.random.default_rng(seed)
    count = 24 * days
    t = np.arange(WINDOW) / RATE_HZ
    history = rng.normal(0, 0.5, (count, WINDOW))
    for row in range(count):
        for _ in range(rng.poisson(2)):
            history[row] += peak_ue * rng.lognormal(0, 0.3) * np.exp(-(((t - rng.uniform(2, 18)) / 0.6) ** 2))
    day = np.arange(count)[:, None] / 24
    history += thermal_ue * np.sin(2 * np.pi * day)
    return windows_of(START_NS + np.arange(count) * NS_PER_HOUR, history, RATE_HZ)


DUTY = WINDOW / RATE_HZ / 3600


def test_thermal_strain_between_sampled_windows_closes_no_cycles():
    still = play(FatigueDetector(), girder(DUTY, 3600.0), hourly(3, 3, 150.0), at_once=5)
    moving = play(FatigueDetector(), girder(DUTY, 3600.0), hourly(3, 3, 150.0, thermal_ue=400.0), at_once=5)
    damage = [sum(row["damage"] for row in table(outputs, "fatigue").values()) for outputs in (still, moving)]
    assert damage[1] == pytest.approx(damage[0], rel=0.01)
    ground = [finding.evidence["ground_cycle_mpa"] for finding in findings(moving, clear=True)]
    assert ground[0] == pytest.approx(2 * 400 * 0.21, rel=0.05)


def test_sampled_damage_stands_for_the_whole_time():
    place = girder(DUTY, 3600.0)
    batch = hourly(4, 2, 300.0)
    rows = table(play(FatigueDetector(), place, batch), "fatigue")
    windows = batch.windows.astype(float)
    windows -= np.median(windows, axis=1, keepdims=True)
    _, damage = by_oracle(windows.reshape(-1))
    assert sum(row["damage"] for row in rows.values()) == pytest.approx(damage / DUTY, rel=1e-6)


def test_life_is_refused_before_four_weeks_then_estimated_and_warned_of():
    outputs = play(FatigueDetector(), girder(DUTY, 3600.0), hourly(5, 40, 450.0), at_once=24)
    estimates = lives(outputs)
    assert {life.refused for life in estimates[:27]} == {Refusal.INSUFFICIENT_HISTORY}
    last = estimates[-1]
    assert last.refused is None
    assert last.p5_ns <= last.p10_ns <= last.p50_ns <= last.p90_ns <= last.p95_ns
    assert any("stand for the rest" in text for text in last.assumptions)
    assert "EN 1993-1-9" in last.source
    alert = findings(outputs)[-1]
    assert alert.reason is Reason.LIFE
    assert alert.tier in (Tier.WARN, Tier.ALARM)
    assert alert.value < alert.limit


def test_a_detail_of_the_registry_is_cited_with_what_it_is():
    detail = FatigueDetail(detail="cover_plate_20", duty_cycle=DUTY)
    place = place_of(kind="strain", unit="µε", rate_hz=RATE_HZ, interval_s=3600.0, fatigue=detail)
    last = lives(play(FatigueDetector(), place, hourly(5, 32, 450.0), at_once=24))[-1]
    assert "56 MPa (end of a cover plate" in last.assumptions[0]
    assert "table 8.5 (6)" in last.assumptions[0]
    assert "tables 8.1 to 8.5 (transcribed, not verified)" in last.source


def test_ranges_below_the_cut_off_do_no_damage_and_give_no_life():
    outputs = play(FatigueDetector(), girder(DUTY, 3600.0), hourly(6, 32, 20.0), at_once=24)
    assert lives(outputs)[-1].refused is Refusal.NO_TREND
    assert "cut-off" in lives(outputs)[-1].detail
    assert findings(outputs) == []


def with_temperature(batch, temperature_c):
    lagged = np.repeat(np.asarray(temperature_c)[:, None], len(LAGS_H), axis=1)
    return replace(batch, temperature_c=lagged)


def a_fortnight(seed: int, thermal_ue: float):
    """A continuous record by its reversals, a window in ten minutes, and the air's daily cycle of ±10 °C."""
    rng = np.random.default_rng(seed)
    count = 14 * 144
    crossings = np.zeros((count, 16))
    crossings[:, 1::4] = 200 * rng.lognormal(0, 0.3, (count, 4)) * (rng.uniform(size=(count, 4)) < 0.5)
    at_ns = START_NS + np.arange(count) * NS_PER_HOUR // 6
    air_c = 10 * np.sin(2 * np.pi * np.arange(count) / 144) + rng.normal(0, 0.2, count)
    history = crossings + thermal_ue / 10 * air_c[:, None] + rng.normal(0, 0.5, (count, 16))
    return with_temperature(windows_of(at_ns, history, 16 / 600), air_c)


def damage_after(outputs, days: int) -> float:
    rows = table(outputs, "fatigue")
    return sum(row["damage"] for t_ns, row in rows.items() if t_ns >= START_NS + days * NS_PER_DAY)


def test_thermal_strain_of_a_continuous_record_is_taken_out():
    place = place_of(
        kind="strain", unit="µε", rate_hz=16 / 600, interval_s=600.0, window_samples=16, temperature="s.t",
        fatigue=FatigueDetail(detail_category_mpa=71.0),
    )  # fmt: skip
    still, moving = (play(FatigueDetector(), place, a_fortnight(3, ue), at_once=100) for ue in (0.0, 200.0))
    unknown = replace(a_fortnight(3, 200.0), temperature_c=np.full((14 * 144, len(LAGS_H)), np.nan))
    counted = play(FatigueDetector(), place, unknown, at_once=100)
    truth = damage_after(still, 3)
    assert damage_after(moving, 3) == pytest.approx(truth, rel=0.05)
    # Without a temperature it counts as stress: too much, never too little.
    assert damage_after(counted, 3) > 1.1 * truth
    batches = [table(play(FatigueDetector(), place, a_fortnight(3, 200.0), at_once=n), "fatigue") for n in (1, 2016)]
    for t_ns, row in batches[0].items():
        assert row["damage_total"] == pytest.approx(batches[1][t_ns]["damage_total"], rel=1e-9)


@pytest.mark.parametrize("duty_cycle", [1.0, 0.5])
@pytest.mark.parametrize(("newest", "later"), [(7, 60), (39, 60), (59, 60)])
def test_a_window_that_was_cut_short_and_comes_again_is_counted_as_if_it_had_come_whole(duty_cycle, newest, later):
    batch = continuous(9, 60)
    batch.t_ns[:] += NS_PER_DAY - 40 * WINDOW_NS  # the fortieth is the first of a day
    detector, place = FatigueDetector(), girder(duty_cycle)
    state, outputs = detector.initial(place), []
    cut = rows_of(batch, slice(newest, newest + 1))
    for samples in (100, 700):  # twice cut short, the second time later
        shorter = replace(cut, windows=cut.windows[:, :samples])
        parts = [rows_of(batch, slice(0, newest)), shorter] if samples == 100 else [shorter]
        for part in parts:
            state, output = detector.step(place, decode_state(encode_state(state), detector.state_type), part)
            outputs.append(output)
    for part in (cut, rows_of(batch, slice(newest + 1, later)), cut):
        state, output = detector.step(place, decode_state(encode_state(state), detector.state_type), part)
        outputs.append(output)
    whole = table(play(detector, place, batch), "fatigue")
    found = table(outputs, "fatigue")
    assert found.keys() == whole.keys()
    for t_ns, row in whole.items():
        for name, value in row.items():
            assert found[t_ns][name] == pytest.approx(value, rel=1e-12), name
    assert state.days[:, 4].sum() == pytest.approx(60 * WINDOW / RATE_HZ)


def test_a_cut_window_that_comes_whole_after_later_ones_changes_nothing():
    batch = continuous(10, 12)
    detector, place = FatigueDetector(), girder()
    cut = rows_of(batch, slice(5, 6))
    shorter = replace(cut, windows=cut.windows[:, :300])
    parts = (rows_of(batch, slice(0, 5)), shorter, rows_of(batch, slice(6, 12)))
    states = []
    for more in ((), (cut,)):
        state = detector.initial(place)
        for part in (*parts, *more):
            state, _ = detector.step(place, state, part)
        states.append(encode_state(state))
    assert states[0] == states[1]


def test_windows_of_unknown_time_do_damage_on_no_day_and_life_is_refused():
    batch = hourly(5, 40, 450.0)
    undated = np.zeros(len(batch), bool)
    undated[35 * 24 : 35 * 24 + 5] = True
    place = girder(DUTY, 3600.0)
    dated = play(FatigueDetector(), place, replace(batch, undated=np.zeros(len(batch), bool)), at_once=24)
    for at_once in (1, 24, 1000):
        outputs = play(FatigueDetector(), place, replace(batch, undated=undated), at_once=at_once)
        refused = [life for life in lives(outputs) if life.refused is Refusal.CLOCK_UNRELIABLE]
        assert [life.t_ns for life in refused] == [START_NS + 36 * NS_PER_DAY]
        assert "clock could not be trusted" in refused[0].detail
        assert lives(outputs)[-1].refused is None
        last, same = (list(table(found, "fatigue").values())[-1]["damage_total"] for found in (outputs, dated))
        assert last == pytest.approx(same, rel=0.02)  # each is a record of its own
        assert len(table(outputs, "fatigue")) == 40


def test_late_windows_are_counted_once():
    batch = hourly(7, 3, 300.0)
    detector, place = FatigueDetector(), girder(DUTY, 3600.0)
    state, outputs = detector.initial(place), []
    outage, rest = slice(20, 30), slice(30, None)
    for part in (slice(0, 20), rest, outage, outage, slice(0, 10)):
        state, output = detector.step(place, state, rows_of(batch, part))
        outputs.append(output)
    rows = table(outputs, "fatigue")
    first_day = state.days[0]
    assert first_day[4] == pytest.approx(24 * WINDOW / RATE_HZ)  # seconds recorded: no window twice, none lost
    in_time = table(play(detector, place, batch), "fatigue")
    total, expected = (sum(row["damage"] for row in found.values()) for found in (rows, in_time))
    assert total == pytest.approx(expected, rel=0.02)  # late windows are a record of their own


def test_distrusted_windows_and_scalar_strain_are_left_alone():
    batch = continuous(8, 10)
    batch.faulty[:] = True
    assert table(play(FatigueDetector(), girder(), batch), "fatigue") == {}
    detail = FatigueDetail(detail_category_mpa=71)
    assert not FatigueDetector().applies(place_of(kind="strain", unit="µε", shape=Shape.SCALAR, fatigue=detail))


def act(kind: Act) -> BaselineEvent:
    return BaselineEvent(channel="s.channel", act=kind, declared_ns=0, recorded_ns=0, effective_ns=0, who="A", why="b")


@pytest.mark.parametrize("kind", list(Act))
def test_another_zero_is_no_cycle_and_damage_that_was_done_stays(kind):
    """Another gauge reads 3000 µε more: counted through, that would be the largest range of all."""
    first, second = continuous(1, 60), continuous(2, 60)
    second = replace(second, t_ns=second.t_ns + 60 * WINDOW_NS, windows=second.windows + np.float32(3000))
    detector, place = FatigueDetector(), girder()
    state, one = detector.step(place, detector.initial(place), first)
    state = detector.renewed(place, state, act(kind))
    state = decode_state(encode_state(state), detector.state_type)
    _, two = detector.step(place, state, second)
    parts = [by_oracle(batch.windows.astype(float).reshape(-1)) for batch in (first, second)]
    cycles, damage = np.sum(parts[1:] if kind is Act.SENSOR_MOVED else parts, axis=0)
    row = list(table([one, two], "fatigue").values())[-1]
    assert row["cycles"] == cycles
    assert row["damage_total"] == pytest.approx(damage, rel=1e-9)
    assert row["range_max_mpa"] < 3000 * 0.21


@pytest.mark.parametrize("at_once", [1, 24, 10**6])
def test_days_on_which_the_sensor_is_distrusted_throughout_refuse_life_by_name(at_once):
    batch = hourly(1, 40, 150.0)
    days = (batch.t_ns - START_NS) // NS_PER_DAY
    batch = replace(batch, faulty=((days >= 33) & (days < 36)) | (batch.t_ns % NS_PER_DAY == 0))
    place = girder(DUTY, 3600.0)
    answers = lives(play(FatigueDetector(), place, batch, at_once=at_once))
    refused = [(life.t_ns - START_NS) / NS_PER_DAY - 1 for life in answers if life.refused is Refusal.SENSOR_FAULT]
    assert refused == [33, 34, 35], "a single bad window a day is no reason"
    assert [life.t_ns for life in answers] == sorted(life.t_ns for life in answers)
    assert answers[-1].refused is None

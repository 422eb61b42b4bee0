"""The fatigue detector: what it counts over batches and windows is what the whole record counts."""

from __future__ import annotations

import numpy as np
import pytest
import rainflow as oracle

from cloud_service.analyse.detectors.fatigue import FatigueDetector
from models import fatigue
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from telltale.findings import Reason, Refusal, Tier
from telltale.kinds import Shape
from telltale.site import FatigueDetail
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

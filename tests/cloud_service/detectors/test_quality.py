"""The quality detector: masks, findings with a hold, late rows, derived channels."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cloud_service.analyse.detectors.quality import QualityDetector
from telltale.clock import NS_PER_DAY, NS_PER_HOUR
from telltale.findings import Reason, Tier
from telltale.readings import Flag
from tests.cloud_service.detectors.play import START_NS, findings, place_of, play, rows_of, scalars, windows_of

GAUGE = place_of(kind="crack", unit="mm", plausible=(-5.0, 20.0))
THERMISTOR = place_of(kind="temperature", unit="°C")


def readings(n: int = 2000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    t_ns = START_NS + np.arange(n) * NS_PER_HOUR
    return t_ns, 0.3 + 0.02 * np.sin(2 * np.pi * np.arange(n) / 24) + 0.0015 * rng.normal(size=n)


def mask(outputs) -> np.ndarray:
    return np.concatenate([output.faulty for output in outputs])


def reasons(outputs) -> set[Reason]:
    return {finding.reason for finding in findings(outputs)}


@pytest.mark.parametrize("at_once", [1, 50, 5000])
def test_a_healthy_gauge_is_clear_once_a_day(at_once):
    t_ns, values = readings(480)
    outputs = play(QualityDetector(), GAUGE, scalars(t_ns, values), at_once=at_once)
    assert not mask(outputs).any()
    assert findings(outputs) == []
    assert [one.t_ns for one in findings(outputs, clear=True)] == np.repeat(t_ns[::24], 6).tolist()


@pytest.mark.parametrize("at_once", [1, 7, 5000])
def test_one_spike_is_masked_told_and_held_for_a_day(at_once):
    t_ns, values = readings()
    values[1000] += 1.0
    outputs = play(QualityDetector(), GAUGE, scalars(t_ns, values), at_once=at_once)
    assert np.flatnonzero(mask(outputs)).tolist() == [1000]
    changes = [one for one in findings(outputs, clear=True) if one.reason is Reason.SENSOR_SPIKES]
    suspect = [one.t_ns for one in changes if one.tier is Tier.SUSPECT]
    assert suspect[0] == t_ns[1001]
    assert suspect[-1] <= t_ns[1001] + NS_PER_DAY
    assert changes[-1].tier is Tier.CLEAR
    assert len([one for one in changes if one.t_ns % NS_PER_DAY]) == 2  # the beginning and the end, at their times
    assert next(one.value for one in changes if one.tier is Tier.SUSPECT) == pytest.approx(1.3, abs=0.1)


def test_a_step_of_the_structure_is_no_fault():
    t_ns, values = readings()
    values[1000:] += 0.5
    outputs = play(QualityDetector(), GAUGE, scalars(t_ns, values), at_once=50)
    assert findings(outputs) == []
    assert not mask(outputs)[1002:].any()


def test_a_dead_thermistor_is_distrusted_as_a_whole_and_trusted_again():
    t_ns, _ = readings(1200)
    rng = np.random.default_rng(1)
    values = 12 + 5 * np.sin(np.arange(1200) / 4) + rng.normal(0, 0.1, 1200)
    values[300:600] = np.where(rng.random(300) < 0.7, rng.uniform(-167, -110, 300), values[300:600])
    outputs = play(QualityDetector(), THERMISTOR, scalars(t_ns, values), at_once=24)
    faulty = mask(outputs)
    assert not faulty[:299].any()
    assert faulty[310:600].all()
    assert not faulty[800:].any()  # 48 readings' memory: from all bad to 2 % in about 8 days
    assert Reason.SENSOR_RANGE in reasons(outputs)


def test_dropouts_need_a_share_and_do_not_flicker():
    t_ns, values = readings(1200)
    values[100] = np.nan  # one missing reading is no fault of the sensor
    rng = np.random.default_rng(2)
    values[500:800][rng.random(300) < 0.12] = np.nan
    outputs = play(QualityDetector(), GAUGE, scalars(t_ns, values), at_once=1)
    told = [one for one in findings(outputs, clear=True) if one.reason is Reason.SENSOR_DROPOUTS]
    tiers = [one.tier for one in told]
    changes = sum(a is not b for a, b in pairwise(tiers))
    assert changes == 2
    assert t_ns[500] < next(one.t_ns for one in told if one.tier is Tier.SUSPECT) < t_ns[600]
    assert np.isnan(values[mask(outputs)]).all()


@pytest.mark.parametrize("at_once", [1, 7, 48])
def test_what_is_said_does_not_depend_on_where_batches_are_cut(at_once):
    """Faults that begin and end within a batch are told like any other."""
    t_ns, values = readings(1500)
    rng = np.random.default_rng(4)
    values[200:230] += np.where(rng.random(30) < 0.3, 1.0, 0.0)
    values[400:500] = values[400]
    values[700:800][rng.random(100) < 0.3] = np.nan
    values[1000:1010] = 99.0
    batch = scalars(t_ns, values, inputs_faulty=np.arange(1500) // 20 == 60)
    whole, parts = play(QualityDetector(), GAUGE, batch), play(QualityDetector(), GAUGE, batch, at_once=at_once)
    assert findings(whole, clear=True) == findings(parts, clear=True)
    assert np.array_equal(mask(whole), mask(parts))
    assert len(reasons(whole)) == 5


def test_stuck():
    t_ns, values = readings(600)
    values[300:] = values[300]
    outputs = play(QualityDetector(), GAUGE, scalars(t_ns, values), at_once=10)
    assert reasons(outputs) == {Reason.SENSOR_STUCK}
    assert mask(outputs)[330:].all()


def test_derived_rows_are_masked_and_told():
    t_ns, values = readings(100)
    bad = np.zeros(100, bool)
    bad[40:60] = True
    place = place_of(kind="crack", unit="mm", derived_from=("s.other",))
    outputs = play(QualityDetector(), place, scalars(t_ns, values, inputs_faulty=bad), at_once=5)
    assert np.array_equal(mask(outputs), bad)
    assert reasons(outputs) == {Reason.SENSOR_DERIVED}
    assert findings(outputs)[0].evidence["derived_from"] == "s.other"


def test_what_the_source_flags_is_masked():
    t_ns, values = readings(100)
    flags = np.zeros(100, np.uint8)
    flags[10], flags[20], flags[30] = Flag.CLIPPED, Flag.SUSPECT, Flag.MISSING
    outputs = play(QualityDetector(), GAUGE, scalars(t_ns, values, flags=flags))
    assert np.flatnonzero(mask(outputs)).tolist() == [10, 20, 30]


def test_late_rows_are_masked_by_what_they_show_and_change_nothing():
    t_ns, values = readings(400)
    values[50] = 99.0
    batch = scalars(t_ns, values)
    detector = QualityDetector()
    state = detector.initial(GAUGE)
    state, _ = detector.step(GAUGE, state, rows_of(batch, slice(100, None)))
    before = state.newest_ns
    state, late = detector.step(GAUGE, state, rows_of(batch, slice(0, 100)))
    assert np.flatnonzero(late.faulty).tolist() == [50]
    assert state.newest_ns == before
    assert [one for one in late.findings if one.tier is not Tier.CLEAR] == []


def test_windows():
    place = place_of(kind="vibration", unit="m/s2", rate_hz=100.0)
    samples = np.random.default_rng(3).normal(size=(60, 1024))
    samples[30, 500] = 45.0
    samples[40:50] = samples[40, 0]
    samples[55, ::2] = np.nan
    batch = windows_of(START_NS + np.arange(60) * NS_PER_HOUR, samples, 100.0)
    outputs = play(QualityDetector(), place, batch, at_once=4)
    assert mask(outputs)[[30, *range(40, 50), 55]].all()
    assert not mask(outputs)[:30].any()
    assert {Reason.SENSOR_SPIKES, Reason.SENSOR_STUCK} <= reasons(outputs)

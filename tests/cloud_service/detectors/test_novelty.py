"""The novelty detector: what it says before and after its baseline, and that its state stays small and exact."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from cloud_service.analyse.detectors.novelty import NoveltyDetector
from cloud_service.analyse.detectors.vibration_rows import feature_names
from cloud_service.store.schema import decode_rows, encode_rows
from models.blocks import fold, no_block
from models.commissioning import BASELINE_DAYS
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from telltale.findings import Reason, Tier
from tests.cloud_service.detectors.vibration import HOURLY, batch_of, part_of, run, vibration_place
from tests.models.seasons import BANDS, MODES, season

DAMAGE_DAY = 40
LOST = np.where(np.arange(24 * 70) >= 24 * DAMAGE_DAY, 0.03, 0.0)


def hourly(rows):
    """A batch with the features of `season`."""
    values = np.exp(rows.features)
    features = {
        "rms": np.exp(rows.log_rms),
        **{f"mode{i + 1}_hz": values[:, i] for i in range(MODES)},
        **{f"band{i}": rows.features[:, MODES + 1 + i] for i in range(BANDS)},
        "crest": values[:, -2],
        "kurtosis": values[:, -1],
    }
    return batch_of(rows.t_ns, features, temperature_c=rows.temperature_c)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return vibration_place(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def damaged(place):
    rows = season(21, 70, loss=LOST)
    return rows, *run(NoveltyDetector(), place, [hourly(rows)])


def judged(findings):
    return [finding for finding in findings if "baseline_needs_days" not in finding.evidence]


def day_of(rows, t_ns):
    return (t_ns - rows.t_ns[0]) / NS_PER_DAY


def test_every_finding_before_the_baseline_is_clear_and_says_how_far_it_is(place):
    rows = season(20, 15)
    pieces = [part_of(hourly(rows), index) for index in np.array_split(np.arange(24 * 15), 15)]
    _, findings, stored = run(NoveltyDetector(), place, pieces)
    assert {finding.tier for finding in findings} == {Tier.CLEAR}
    assert [finding.evidence["baseline_days"] for finding in findings] == list(range(1, 16))
    assert findings[0].evidence["baseline_needs_days"] == BASELINE_DAYS
    assert not stored


def test_damage_is_found_with_its_evidence(damaged):
    rows, _, findings, _ = damaged
    warned = [finding for finding in findings if finding.tier is not Tier.CLEAR]
    assert all(day_of(rows, finding.t_ns) >= DAMAGE_DAY for finding in warned)
    assert day_of(rows, warned[0].t_ns) < DAMAGE_DAY + 5
    assert Tier.ALARM in {finding.tier for finding in warned}
    worst = max(warned, key=lambda finding: finding.score)
    assert worst.reason is Reason.NOVELTY
    assert worst.evidence["feature"] in {"mode1_hz", "mode2_hz", "mode3_hz", "modes_hz"}
    assert worst.evidence["sign"] == "lower"
    assert -4.5 < worst.evidence["shift_percent"] < -1.0
    assert worst.evidence["conditioned_on"] == "temperature and level"
    assert worst.evidence["baseline_days"] >= BASELINE_DAYS
    assert worst.score == pytest.approx(worst.value / worst.limit)
    assert not worst.provisional


def test_each_judged_window_is_a_row_for_the_store(damaged):
    _, _, findings, rows = damaged
    findings = judged(findings)
    stored = decode_rows(encode_rows(rows))
    times = np.concatenate([batch.t_ns for batch in stored])
    assert times.tolist() == [finding.t_ns for finding in findings]
    scores = np.concatenate([batch.columns["score"] for batch in stored])
    assert scores.tolist() == [finding.score for finding in findings]


def test_results_do_not_depend_on_where_batches_are_cut(place, damaged):
    rows, _, findings, _ = damaged
    pieces = [part_of(hourly(rows), index) for index in np.array_split(np.arange(len(rows.t_ns)), 101)]
    _, apart, _ = run(NoveltyDetector(), place, pieces)
    assert [(f.t_ns, f.tier) for f in apart] == [(f.t_ns, f.tier) for f in findings]
    np.testing.assert_allclose([f.score for f in apart], [f.score for f in findings], rtol=1e-9)
    for name in ("baseline_days", "conditioned_on", "feature"):
        assert [f.evidence.get(name) for f in apart] == [f.evidence.get(name) for f in findings]


def test_sparse_windows_are_judged_from_the_same_one_on_wherever_batches_are_cut(place):
    """Four windows a day: the baseline is complete in the middle of a day, by the number of its rows."""
    rows = season(26, 42)
    sparse = part_of(hourly(rows), np.flatnonzero(np.arange(len(rows.t_ns)) % 24 % 7 == 0))
    pieces = [part_of(sparse, index) for index in np.array_split(np.arange(len(sparse)), len(sparse))]
    _, together, _ = run(NoveltyDetector(), place, [sparse])
    _, apart, _ = run(NoveltyDetector(), place, pieces)
    assert [f.t_ns for f in judged(apart)] == [f.t_ns for f in judged(together)]
    assert judged(together)[0].t_ns % NS_PER_DAY


def test_distrusted_windows_are_neither_judged_nor_learned(place):
    rows = season(22, 45, loss=LOST[: 24 * 45])
    batch = hourly(rows)
    batch.faulty[24 * DAMAGE_DAY :] = True
    _, findings, _ = run(NoveltyDetector(), place, [batch])
    assert findings[-1].t_ns < rows.t_ns[0] + DAMAGE_DAY * NS_PER_DAY
    assert {finding.tier for finding in findings} == {Tier.CLEAR}


def test_without_a_thermometer_it_warns_at_most_and_says_so(place):
    rows = season(23, 60, loss=np.where(np.arange(24 * 60) >= 24 * DAMAGE_DAY, 0.4, 0.0))
    batch = hourly(replace(rows, temperature_c=np.full_like(rows.temperature_c, np.nan)))
    _, findings, _ = run(NoveltyDetector(), place, [batch])
    worst = max(findings, key=lambda finding: finding.score)
    assert worst.tier is Tier.WARN
    assert worst.evidence["conditioned_on"] == "level only: no temperature in the baseline"
    assert "temperature_c" not in worst.evidence


def test_the_state_stays_small_with_every_mode_tracked(tmp_path):
    bands = "[[2.0, 3.0], [5.0, 7.0], [9.0, 11.0], [13.0, 16.0]]"
    place = vibration_place(tmp_path, f"interval_s = 3600\nrate_hz = 100.0\nmodes_hz = {bands}")
    batch = hourly(season(24, 60))
    batch.features["mode4_hz"] = batch.features["mode1_hz"] * 5.0
    run(NoveltyDetector(), place, [batch])  # asserts on the size of the packed state


def test_continuous_windows_are_judged_in_half_hours(tmp_path):
    """Ten-second windows for a while: rows are half-hour means, the same however batches are cut."""
    place = vibration_place(
        tmp_path, "interval_s = 10.24\nrate_hz = 100.0\nmodes_hz = [[2.0, 3.0], [5.0, 7.0], [9.0, 11.0]]"
    )
    rows = season(25, 2)
    state, findings, _ = run(NoveltyDetector(), place, [hourly(rows)])
    assert state.model.seen.rows == 47  # the last block is still open
    assert len(findings) == 2  # one a day


def test_blocks_do_not_depend_on_where_batches_are_cut():
    rng = np.random.default_rng(0)
    t_ns = np.sort(rng.choice(10 * 3600, 2000, replace=False)).astype(np.int64) * NS_PER_S
    values = rng.standard_normal((2000, 3))
    values[rng.random((2000, 3)) < 0.2] = np.nan
    whole, whole_means = fold(no_block(3), t_ns, values)
    pending, times, means = no_block(3), [], []
    for index in np.array_split(np.arange(2000), 77):
        closed, mean = fold(pending, t_ns[index], values[index])
        times.append(closed)
        means.append(mean)
    np.testing.assert_array_equal(np.concatenate(times), whole)
    np.testing.assert_array_equal(np.concatenate(means), whole_means)
    assert len(whole) == 19
    first = t_ns < NS_PER_HOUR // 2
    np.testing.assert_allclose(whole_means[0], np.nanmean(values[first], axis=0))
    assert whole[0] == t_ns[first][-1]


def test_a_state_of_other_settings_is_put_away(tmp_path):
    detector = NoveltyDetector()
    one = vibration_place(tmp_path, HOURLY.replace(", [5.0, 7.0], [9.0, 11.0]", ""))
    place = vibration_place(tmp_path)
    state, _ = detector.step(place, detector.initial(one), hourly(season(3, 2)))
    assert state.model.suits(len(feature_names(place.channel)))


def test_rows_after_an_outage_of_the_thermometer_say_nothing_and_a_long_one_is_judged_in_doubt(place):
    rows = season(22, 60)
    batch = hourly(rows)
    hours = np.arange(len(rows.t_ns))
    unsettled = (hours >= 24 * 40) & (hours < 24 * 41)
    dead = hours >= 24 * 50
    batch = replace(batch, unsettled=unsettled, temperature_c=np.where(dead[:, None], np.nan, batch.temperature_c))
    for size in (1, 60):
        pieces = [part_of(batch, index) for index in np.array_split(np.arange(len(hours)), size)]
        _, findings, _ = run(NoveltyDetector(), place, pieces)
        said = {int(finding.t_ns) for finding in judged(findings)}
        assert not said & set(rows.t_ns[unsettled].tolist())
        assert not said & set(rows.t_ns[24 * 50 : 24 * 52].tolist())
        assert set(rows.t_ns[24 * 53 :].tolist()) <= said
        assert len(findings) == len(judged(findings)) + BASELINE_DAYS


def test_like_channels_of_a_structure_share_its_false_warnings(place):
    many = replace(place, structure=msgspec.structs.replace(place.structure, channels=(place.channel,) * 40))
    rows = season(23, 30)
    alone, shared = (judged(run(NoveltyDetector(), where, [hourly(rows)])[1])[-1].limit for where in (place, many))
    assert alone * 1.2 < shared < alone * 2

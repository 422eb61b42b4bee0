"""`evaluate skab` and `evaluate yonghe` on small files of the published formats, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation.group_replay import GroupRule, play_group
from evaluation.port import Options
from evaluation.skab import count
from evaluation.skab import evaluate as evaluate_skab
from evaluation.skab_files import RigRun, read_runs
from evaluation.yonghe import FILE, area
from evaluation.yonghe import evaluate as evaluate_yonghe
from telltale.errors import UserError

HEADER = "datetime;A;B;C;Temperature;Thermocouple;anomaly;changepoint"


def rig(folder: Path, seed: int) -> None:
    """A run whose second column steps for 150 rows."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((700, 5)) * [1, 0.1, 5, 0.1, 0.1] + [3, 20, 230, 70, 25]
    anomalous = (np.arange(700) >= 480) & (np.arange(700) < 630)
    values[anomalous, 1] += 0.5
    start = np.datetime64("2020-03-09T10:00:00")
    lines = [
        f"{str(start + row).replace('T', ' ')};{';'.join(f'{cell:.6f}' for cell in values[row])};{float(anomalous[row])};0.0"
        for row in range(700)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{seed}.csv").write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")


def test_steps_are_found_and_the_copy_says_the_same(tmp_path):
    for at, name in enumerate(("valve1", "valve2", "other")):
        rig(tmp_path / "skab" / name, at)
    report = evaluate_skab(Options(tmp_path))
    keys = "f1 far_percent mar_percent events_found events false_events rest_f1 rest_far_percent"
    assert list(report.metrics) == keys.split()
    assert report.metrics["events_found"] == report.metrics["events"] == 3
    assert report.metrics["f1"] > 0.8
    assert report.unchanged


def test_rows_and_events_are_counted_as_defined():
    truth = np.array([0, 0, 1, 1, 1, 0, 0, 1, 0, 0], dtype=bool)
    said = np.array([1, 0, 0, 1, 1, 1, 0, 0, 0, 1], dtype=bool)
    run = RigRun("valve1", "1.csv", ("a",), np.arange(10), np.zeros((10, 1)), truth)
    found = count([run], [said])
    assert (found.true, found.false, found.missed) == (2, 3, 2)
    assert (found.events, found.events_found, found.false_events) == (2, 1, 2)
    assert found.f1 == pytest.approx(2 * 2 / (2 * 2 + 3 + 2))
    assert found.far_percent == pytest.approx(50.0)


@pytest.mark.parametrize("text", ["a,b\n1,2\n", HEADER + "\n2020-01-01 00:00:00;1;2;x;4;5;0;0\n"])
def test_another_format_is_refused_by_name(tmp_path, text):
    (tmp_path / "valve1").mkdir()
    (tmp_path / "valve1" / "1.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"1\.csv"):
        read_runs(tmp_path, ("valve1",))


def test_a_damaged_day_is_found_from_seven_others(tmp_path):
    rng = np.random.default_rng(1)
    hz = np.array([0.33, 0.52, 0.91, 1.10]) * (1 + 0.01 * rng.standard_normal((216, 4)))
    hz[192:] *= 0.85
    lines = ["Mode," + ",".join(f"Sample_{at + 1}" for at in range(216))]
    lines += [f"Mode_{at + 1}," + ",".join(str(value) for value in hz[:, at]) for at in range(4)]
    (tmp_path / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    report = evaluate_yonghe(Options(tmp_path))
    assert list(report.metrics) == ["auc", "far_percent", "found_percent", "found_percent_scaled"]
    assert list(report.metrics["found_percent_scaled"]) == ["10", "25", "50"]
    assert report.metrics["far_percent"] <= 5
    assert report.metrics["found_percent"] >= 95
    assert report.unchanged
    with pytest.raises(UserError, match="expected the published"):
        evaluate_yonghe(Options(Path("/nowhere").parent))


def test_a_group_that_wanders_says_the_same_however_its_rows_are_cut():
    """Levels that follow, and what is learned anew once the baseline has doubled, through the bytes of the state."""
    rng = np.random.default_rng(3)
    values = np.cumsum(0.01 * rng.standard_normal((420, 3)), axis=0) + rng.standard_normal((420, 3))
    values[380:, 1] += 6.0
    rule = GroupRule(100, 0.1, 4, 0.01, wanders=True, freeze_rows=360, quarantine_rows=10)
    t_ns, names, none = np.arange(420) * 10**9, ("a", "b", "c"), np.empty((420, 0))
    whole = play_group(rule, names, t_ns, values, none, at_once=420)
    for at_once in (1, 7, 100):
        parts = play_group(rule, names, t_ns, values, none, at_once=at_once)
        np.testing.assert_allclose(parts.score, whole.score, rtol=1e-9)  # sums of other lengths, as elsewhere
        np.testing.assert_array_equal(parts.flagged, whole.flagged)
    assert whole.flagged[400:].all()
    assert set(whole.contributor[400:]) == {"b"}
    assert whole.flagged[:380].mean() < 0.05


def test_area_counts_pairs():
    assert area(np.array([0.0, 1.0]), np.array([0.5, 1.0])) == pytest.approx(0.625)


@pytest.mark.data
def test_the_bridge_itself(recordings):
    metrics = evaluate_yonghe(Options(recordings)).metrics
    assert metrics["far_percent"] <= 5
    assert metrics["found_percent"] >= 95

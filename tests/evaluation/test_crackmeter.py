"""Crack meters across rock joints: what the service says of twelve weeks, and that it says so by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.crackmeter import evaluate
from evaluation.port import Options
from telltale.errors import UserError


@pytest.mark.data
def test_a_broken_thermistor_is_a_sensor_fault_and_a_drift_is_the_structure_s(recordings: Path) -> None:
    report = evaluate(Options(recordings))
    lower, upper, ctrl = (report.metrics[f"Disp_{name}"] for name in ("Lower", "Upper", "CTRL"))
    assert report.unchanged
    assert lower["faults"] == upper["faults"] == 0
    assert "sensor_derived" in ctrl["fault_names"]
    assert ctrl["findings"] == ""  # never the structure
    assert ctrl["trend_mm_per_year"] is None
    low, high = upper["interval_mm_per_year"]
    assert low <= -6.2 < -3.6 <= high < 0
    assert lower["r2_below_36h"] >= 0.7


def test_a_folder_without_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no zion_eng_data"):
        evaluate(Options(tmp_path))

"""`telltale evaluate rainflow` on small histories in the published formats."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from evaluation.command import evaluate as command
from evaluation.port import Options
from evaluation.rainflow import evaluate
from telltale.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    load = np.cumsum(rng.normal(0, 0.1, 2_500)) + rng.normal(0, 0.3, 2_500)
    lines = [f"{at / 100:g},{value:.6f}" for at, value in enumerate(load)]
    (tmp_path / "truck_switchingload.csv").write_text("\n".join(["time_s,load", *lines]) + "\n")
    strain = -1e-4 + 3e-6 * rng.normal(size=3_000)
    (tmp_path / "py_fatigue_strain_signal.txt").write_text("\n".join(f"{value:.6g}" for value in strain) + "\n")
    return tmp_path


def test_equal_to_the_package_whole_in_pieces_and_through_the_service(folder):
    report = evaluate(Options(folder))
    assert report.metrics["equal"] is True
    assert report.metrics["astm_e1049"] is True
    assert report.unchanged is True
    for name in ("truck", "py_fatigue"):
        found = report.metrics["histories"][name]
        assert found["largest_difference"] == 0
        assert found["in_pieces_equal"]
        assert found["restarted_equal"]


def test_one_json_object_with_the_promised_keys(folder, capsys):
    assert command(["rainflow", "--data", str(folder), "--json"]) == 0
    said = msgspec.json.decode(capsys.readouterr().out)
    assert said["name"] == "rainflow"
    assert isinstance(said["metrics"]["equal"], bool)
    assert said["metrics"]["speed_ratio"] > 0


def test_a_counter_that_errs_is_found(folder, monkeypatch):
    import rainflow as package

    honest = package.extract_cycles
    monkeypatch.setattr(package, "extract_cycles", lambda series: list(honest(series))[:-1])
    assert evaluate(Options(folder)).metrics["equal"] is False


def test_without_the_package_it_says_how_to_get_it(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "rainflow", None)
    with pytest.raises(UserError, match=r"package 'rainflow' is not installed.*pip install"):
        evaluate(Options(folder))


def test_a_folder_without_histories_and_a_file_without_numbers_are_named(tmp_path):
    with pytest.raises(UserError, match=r"no history that is known.*truck_switchingload\.csv"):
        evaluate(Options(tmp_path))
    (tmp_path / "strain_signal.txt").write_text("1.0\nbad\n")
    with pytest.raises(UserError, match=r"strain_signal\.txt: no numbers in column 0"):
        evaluate(Options(tmp_path))


@pytest.mark.data
def test_the_recordings_count_as_the_package_counts(recordings):
    assert evaluate(Options(recordings)).metrics["equal"] is True

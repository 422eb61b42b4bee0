"""`telltale evaluate cmapss`: the published files in, the promised keys out, nothing changed by names or units."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from evaluation import cmapss
from evaluation.cmapss import CmapssSettings, Engines, changed, evaluate, figures_of, read, run
from evaluation.port import Options
from models.remaining_life_settings import Training
from telltale.errors import UserError
from telltale.settings import load
from tests.models.fleet import fleet

KEYS = {"rmse", "rmse_uncapped", "score", "coverage90", "interval_score", "train_s"}
BESIDE = {"coverage80", "weighted_interval_score", "near_percent"}


def written(folder: Path) -> Path:
    """A fleet in the published format, its test engines cut 20 cycles before their end."""
    for name, seed, cut in (("train", 1, 0), ("test", 2, 20)):
        found = fleet(seed)
        kept = found.left >= cut
        rows = np.zeros((len(found.age), 26))
        rows[:, 0], rows[:, 1], rows[:, 5:9] = found.asset + 1, found.age, found.values
        np.savetxt(folder / f"{name}_FD001.txt", rows[kept], fmt="%.6g")
    np.savetxt(folder / "RUL_FD001.txt", np.full(16, 20), fmt="%d")
    return folder


def test_the_command_prints_what_is_promised(tmp_path, monkeypatch):
    quick = tmp_path / "quick.toml"
    quick.write_text(
        "seeds = 2\n[training]\ncap = 55.0\nspans = [4.0, 12.0]\ntrees = 15\nmembers = 1\nfolds = 3\n"
        "every = 2\nleaf_rows = 10\n[regimes]\nFD001 = 1\n"
    )
    monkeypatch.setattr(cmapss, "SETTINGS", quick)
    report = evaluate(Options(data=written(tmp_path)))
    assert set(report.metrics) == KEYS | BESIDE
    assert report.unchanged
    assert report.metrics["rmse"] < 12
    with pytest.raises(UserError, match="FD009"):
        evaluate(Options(data=tmp_path, subset="FD009"))


def test_files_in_another_format_are_named(tmp_path):
    written(tmp_path)
    (tmp_path / "train_FD001.txt").write_text("1 2 3\n")
    with pytest.raises(UserError, match=r"train_FD001\.txt: 3 columns"):
        evaluate(Options(data=tmp_path))
    (tmp_path / "train_FD001.txt").unlink()
    with pytest.raises(UserError, match=r"train_FD001\.txt: cannot be read"):
        evaluate(Options(data=tmp_path))


def test_the_copy_is_another_one():
    engines = Engines(np.array([1, 1]), np.array([1.0, 2.0]), np.ones((2, 3)), np.arange(42.0).reshape(2, 21))
    other = changed(engines)
    assert not np.isin(other.sensors, engines.sensors).any()
    assert (other.cycle > engines.cycle).all()


@pytest.mark.data
def test_fd001_with_a_small_ensemble(recordings):
    """A quarter of the trees that the command grows, every other engine; its figures are the command's own."""
    folder = recordings / "cmapss_fd001"
    settings = load(cmapss.SETTINGS, CmapssSettings)
    small = msgspec.structs.replace(settings.training, members=1, trees=60, folds=2, every=6, learning_rate=0.12)
    learned = read(folder / "train_FD001.txt")
    kept = learned.engine % 2 == 0
    half = Engines(learned.engine[kept], learned.cycle[kept], learned.settings[kept], learned.sensors[kept])
    judged = run(half, read(folder / "test_FD001.txt"), small, 1)
    found = figures_of(judged, np.loadtxt(folder / "RUL_FD001.txt"), small.cap)
    assert found["rmse"] < 13
    assert 0.8 <= found["coverage90"] <= 1


def test_the_settings_are_those_of_the_product():
    settings = load(cmapss.SETTINGS, CmapssSettings)
    declared = {
        name for name in Training.__struct_fields__ if getattr(settings.training, name) != getattr(Training(), name)
    }
    assert declared == {"cap", "spans", "early"}

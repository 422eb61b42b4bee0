"""`telltale model`: train, judge on others, show the card."""

from __future__ import annotations

import json

import pytest

from cloud_service.model.command import model
from telltale.errors import UserError
from tests.cloud_service.model.trained import tilt_csv

SETTINGS = "trees = 20\nleaf_rows = 10\nevery = 1\nmembers = 1\nfolds = 3\n"


@pytest.fixture
def trained(tmp_path, capsys):
    (tmp_path / "train.csv").write_text(tilt_csv())
    (tmp_path / "how.toml").write_text(SETTINGS)
    model(["train", f"{tmp_path}/train.csv", "-o", f"{tmp_path}/m", "--settings", f"{tmp_path}/how.toml", "--json"])
    return json.loads(capsys.readouterr().out)


def test_the_card_says_what_it_is(tmp_path, trained, capsys):
    card = trained["card"]
    assert card["indicators"] == ["value"]
    assert card["unused"] == ["still"]
    assert card["assets"] == 12
    assert 0.8 <= card["metrics"]["coverage90"] <= 1
    assert model(["card", f"{tmp_path}/m"]) == 0
    text = capsys.readouterr().out
    for part in (trained["sha256"], "12 assets", "value: ", "coverage90", "train.csv", "median"):
        assert part in text


def test_it_is_judged_on_assets_that_it_has_not_seen(tmp_path, trained, capsys):
    (tmp_path / "others.csv").write_text(tilt_csv(seed=2))
    model(["evaluate", f"{tmp_path}/m", f"{tmp_path}/others.csv", "--json"])
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["assets"] == 12
    assert metrics["rmse"] < 1.6 * trained["card"]["metrics"]["rmse"]
    assert metrics["coverage90"] >= 0.75
    with pytest.raises(UserError, match="trained on this file"):
        model(["evaluate", f"{tmp_path}/m", f"{tmp_path}/train.csv"])


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--unit", "cycles"], "--unit-s"),
        (["--conditions", "still"], "regimes"),
        (["--asset", "who"], "'who'"),
        (["--seed", "x"], "seed"),
    ],
)
def test_mistakes_are_named(tmp_path, more, why):
    (tmp_path / "train.csv").write_text(tilt_csv())
    with pytest.raises(UserError, match=why):
        model(["train", f"{tmp_path}/train.csv", "-o", f"{tmp_path}/m", *more])
    assert not (tmp_path / "m").exists()


def test_few_assets_teach_nothing(tmp_path):
    (tmp_path / "train.csv").write_text(tilt_csv(assets=3))
    with pytest.raises(UserError, match="3 assets ran to failure"):
        model(["train", f"{tmp_path}/train.csv", "-o", f"{tmp_path}/m"])

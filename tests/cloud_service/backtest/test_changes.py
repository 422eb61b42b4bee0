"""`--set` on groups and assets of a site, whose ids may hold dots."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_service.backtest.changes import Setup, changed, parse_change
from cloud_service.model.file import save_model
from cloud_service.settings import load_cloud
from telltale.errors import UserError
from tests.cloud_service.model.trained import two_piers_model

CHANNEL = """
[[facilities.structures.channels]]
id = "bridge.{id}"
kind = "tilt"
unit = "mrad"
gateway = "gw"
interval_s = 3600
"""
SITE = (
    '[[facilities]]\nid = "f"\nname = "F"\n[[facilities.structures]]\nid = "bridge"\nname = "B"\n'
    + "".join(CHANNEL.format(id=name) for name in ("left", "right"))
    + """
[[facilities.structures.groups]]
id = "piers.all"
channels = ["bridge.left", "bridge.right"]
[[facilities.structures.assets]]
id = "deck"
model = "m"
inputs = {left = {channel = "bridge.left"}, right = {channel = "bridge.right"}}
"""
)


def setup(folder: Path, *changes: str) -> Setup:
    (folder / "cloud.toml").write_text('site = "site.toml"\n')
    (folder / "site.toml").write_text(SITE)
    save_model(folder / "m", two_piers_model().card, two_piers_model().model)
    return changed(load_cloud(folder / "cloud.toml"), [parse_change(text) for text in changes])


def test_a_group_and_an_asset_are_changed(tmp_path: Path) -> None:
    found = setup(
        tmp_path, "bridge.groups.piers.all.chance=0.01", "bridge.assets.deck.horizon_years=2", "bridge.left.name=West"
    )
    ((_, structure),) = found.site.structures()
    assert structure.groups[0].chance == 0.01
    assert structure.assets[0].horizon_years == 2.0
    assert found.site.places["bridge.left"].channel.name == "West"
    assert set(found.life_models) == {"m"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("bridge.groups.pears.chance=0.01", "unknown key"),
        ("bridge.groups.piers.all.chance=2", "chance"),
        ("bridge.assets.deck.colour=2", "unknown field `colour`"),
        ("bridge.assets.deck.model=other", "other: cannot be read"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, change: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        setup(tmp_path, change)

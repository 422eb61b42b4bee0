"""A backup holds what its databases were made with; a restore says what is no longer so."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_service.journal.writer import open_journal
from cloud_service.model.file import save_model
from cloud_service.operate.backup import copy_all
from cloud_service.operate.manifest import read_manifest
from cloud_service.operate.settings_copy import ELSEWHERE, FOLDER, differing
from cloud_service.settings import CloudSettings, load_cloud
from cloud_service.state import open_state
from telltale.errors import FatalError
from tests.cloud_service.model.trained import tilting_model
from tests.cloud_service.operate.load import site_toml

CHANNEL = """
[[facilities.structures.channels]]
id = "s.{id}"
kind = "{kind}"
unit = "{unit}"
gateway = "gw"
interval_s = 3600
"""
STEEL = """
[facilities.structures.channels.crack]
material = "steel"
limit_mm = 40.0
[facilities.structures.channels.crack.steel]
stress_range_mpa = 60.0
cycles_per_day = 1000.0
histories_file = "histories.csv"
"""
ASSET = """
[[facilities.structures.assets]]
id = "pump"
model = "{model}"
inputs = {{value = {{channel = "s.tilt"}}}}
"""


@pytest.fixture
def cloud(tmp_path: Path) -> CloudSettings:
    """A service that has run: cloud.toml in one folder, the site in one below, a model in one beside."""
    (tmp_path / "etc" / "sites").mkdir(parents=True)
    model = tmp_path / "models" / "pump.model"
    model.parent.mkdir()
    save_model(model, tilting_model().card, tilting_model().model)
    tilt = CHANNEL.format(id="tilt", kind="tilt", unit="mrad")
    (tmp_path / "etc" / "sites" / "site.toml").write_text(site_toml() + tilt + ASSET.format(model=model))
    (tmp_path / "etc" / "cloud.toml").write_text('site = "sites/site.toml"\n[store]\nkind = "influxdb"\n')
    found = load_cloud(tmp_path / "etc" / "cloud.toml")
    for connection in (open_journal(found.data_dir), open_state(found.data_dir)):
        connection.close()
    return found


def test_settings_models_and_what_differs_later(cloud: CloudSettings, tmp_path: Path) -> None:
    copy_all(cloud, tmp_path / "backup")
    kept = read_manifest(tmp_path / "backup").settings
    model = f"{ELSEWHERE}{tmp_path}/models/pump.model"
    assert set(kept) == {"cloud.toml", "sites/site.toml", model}
    assert (tmp_path / "backup" / FOLDER / model).read_bytes() == (tmp_path / "models" / "pump.model").read_bytes()
    assert (tmp_path / "backup" / FOLDER / "cloud.toml").stat().st_mode & 0o077 == 0
    assert differing(cloud, kept) == []

    with cloud.path.open("a") as file:
        file.write("# another\n")
    assert differing(load_cloud(cloud.path), kept) == ["cloud.toml"]
    (tmp_path / "models" / "pump.model").unlink()
    assert differing(cloud, kept) == sorted(["cloud.toml", model])
    with pytest.raises(FatalError, match=r"pump\.model: cannot be read"):
        copy_all(cloud, tmp_path / "another")


def test_crack_histories_are_among_them(cloud: CloudSettings, tmp_path: Path) -> None:
    site = cloud.path.parent / "sites"
    rows = [f"a{number},{9 + cycle},{cycle * 1000}" for number in range(3) for cycle in range(6)]
    (site / "histories.csv").write_text("specimen,length_mm,cycles\n" + "\n".join(rows) + "\n")
    (site / "site.toml").write_text(site_toml() + CHANNEL.format(id="crack", kind="crack", unit="mm") + STEEL)
    copy_all(load_cloud(cloud.path), tmp_path / "backup")
    assert "sites/histories.csv" in read_manifest(tmp_path / "backup").settings

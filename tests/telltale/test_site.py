"""`site.toml`: strict, and its errors name file, key and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from telltale.errors import SettingsError
from telltale.site import Site
from telltale.site_file import load_site

GOOD = """
[[facilities]]
id = "valley"
name = "Valley"
[[facilities.structures]]
id = "bridge"
name = "Bridge"
[[facilities.structures.channels]]
id = "bridge.az"
kind = "vibration"
unit = "m/s2"
gateway = "gw-1"
rate_hz = 100
interval_s = 3600
temperature = "bridge.t"
modes_hz = [[2.0, 3.0]]
[[facilities.structures.channels]]
id = "bridge.t"
kind = "temperature"
unit = "°C"
gateway = "gw-1"
interval_s = 1800
[[contacts]]
name = "Ada"
email = "ada@example.org"
structures = ["bridge"]
"""


def load_text(tmp_path: Path, text: str) -> Site:
    path = tmp_path / "site.toml"
    path.write_text(text, encoding="utf-8")
    return load_site(path)


def test_a_site_is_indexed_by_channel(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(GOOD, encoding="utf-8")
    site = load_site(tmp_path / "site.toml")
    assert site.places["bridge.az"].structure.name == "Bridge"
    assert [place.channel.id for place in site.gateways()["gw-1"]] == ["bridge.az", "bridge.t"]
    assert [contact.name for contact in site.contacts_for("bridge", suspect=False)] == ["Ada"]
    assert site.contacts_for("bridge", suspect=True) == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('unit = "m/s2"', 'unit = "kg"', ["bridge.az", "'kg'", "vibration", "m/s2"]),
        ('kind = "vibration"', 'kind = "noise"', ["bridge.az", "'noise'", "strain"]),
        ("rate_hz = 100\n", "", ["bridge.az", "rate_hz"]),
        ("rate_hz = 100\n", 'rate_hz = "fast"\n', ["facilities[0].structures[0].channels[0].rate_hz", "str"]),
        ("rate_hz = 100\n", "rate_hz = 100\nrat_hz = 5\n", ["rat_hz", "remove the key"]),
        ("interval_s = 3600\n", "", ["interval_s", "add the key"]),
        ("[[2.0, 3.0]]", "[[2.0, 300.0]]", ["modes_hz", "50 Hz"]),
        ('temperature = "bridge.t"', 'temperature = "bridge.x"', ["bridge.x", "bridge"]),
        ('id = "bridge.t"', 'id = "bridge.az"', ["bridge.az", "twice"]),
        (
            "rate_hz = 100\n",
            'rate_hz = 100\nfatigue = {detail = "weld"}\n',
            ["channels[0].fatigue", "'weld'", "stiffener_50"],
        ),
        ("rate_hz = 100\n", "rate_hz = 100\nfatigue = {}\n", ["channels[0].fatigue", "detail_category_mpa or detail"]),
        ("rate_hz = 100\n", "rate_hz = 100\ncrack = {limit_mm = 1}\n", ["bridge.az", "crack", "scalars of kind crack"]),
        ("rate_hz = 100\n", "rate_hz = 100\nfatigue = {detail_category_mpa = 71}\n", ["fatigue", "kind strain"]),
        ("rate_hz = 100\n", 'rate_hz = 100\nshape = "scalar"\n', ["bridge.az", "modes_hz", "waveforms"]),
        (
            "interval_s = 1800\n",
            "interval_s = 1800\nplausible = [60, -40]\n",
            ["bridge.t", "[60.0, -40.0]", "low < high"],
        ),
        (
            "interval_s = 1800\n",
            'interval_s = 1800\nlimits = [{level = "warn", value = 1, source = "x", quantity = "rms"}]\n',
            ["bridge.t", "a limit of rms", "value"],
        ),
        (
            "interval_s = 1800\n",
            'interval_s = 1800\nlimits = [{level="warn",value=30,source="x"}, {level="alarm",value=20,source="x"}]\n',
            ["bridge.t", "alarm at 20", "warning at 30"],
        ),
        ('structures = ["bridge"]', 'structures = ["tower"]', ["Ada", "tower", "bridge"]),
        ("ada@example.org", "ada@example.org\\nBcc: x@y.z", ["email"]),
        ('id = "valley"', "id = valley", ["not valid TOML", "line 3"]),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    assert old in GOOD
    with pytest.raises(SettingsError) as caught:
        load_text(tmp_path, GOOD.replace(old, new))
    text = str(caught.value)
    assert "site.toml" in text
    assert "\n" not in text
    for word in words:
        assert word in text


def test_a_fatigue_detail_of_the_registry_brings_its_category(tmp_path: Path) -> None:
    text = GOOD.replace("modes_hz = [[2.0, 3.0]]\n", 'fatigue = {detail = "stiffener_50"}\n')
    text = text.replace('"vibration"', '"strain"').replace('"m/s2"', '"µε"')
    site = load_text(tmp_path, text)
    assert site.places["bridge.az"].channel.fatigue.category_mpa == 80


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: no such file"):
        load_site(tmp_path / "nowhere.toml")


GROUP = """
[[facilities.structures.channels]]
id = "bridge.t2"
kind = "temperature"
unit = "°C"
gateway = "gw-1"
interval_s = 1800
[[facilities.structures.groups]]
id = "air"
channels = ["bridge.t", "bridge.t2"]
[[contacts]]
"""
GROUPED = GOOD.replace("[[contacts]]", GROUP.strip(), 1)


def test_a_group_holds_like_sensors(tmp_path: Path) -> None:
    site = load_text(tmp_path, GROUPED)
    assert site.places["bridge.t2"].structure.groups[0].channels == ("bridge.t", "bridge.t2")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('["bridge.t", "bridge.t2"]', '["bridge.t", "bridge.t3"]', ["group 'air'", "bridge.t3", "bridge.t2"]),
        ('["bridge.t", "bridge.t2"]', '["bridge.t", "bridge.t"]', ["group 'air'", "twice"]),
        (
            '["bridge.t", "bridge.t2"]',
            '["bridge.t", "bridge.az"]',
            ["group 'air'", "kind", "bridge.az", "like sensors"],
        ),
        ('["bridge.t", "bridge.t2"]', '["bridge.t"]', ["groups[0].channels"]),
        ('id = "air"', 'id = "air"\nquantity = "rms"', ["group 'air'", "quantity 'rms'", "value"]),
        ('id = "air"', 'id = "air"\nevery_s = 60', ["group 'air'", "every_s 60", "1800"]),
        ('id = "air"', 'id = "air"\nbaseline_rows = 5', ["groups[0].baseline_rows"]),
        (
            "[[contacts]]",
            '[[facilities.structures.groups]]\nid = "more"\nchannels = ["bridge.t", "bridge.t2"]\n[[contacts]]',
            ["group 'more'", "begins with 'bridge.t'", "'air'"],
        ),
    ],
)
def test_a_mistake_in_a_group_is_named(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    assert old in GROUPED
    with pytest.raises(SettingsError) as caught:
        load_text(tmp_path, GROUPED.replace(old, new))
    for word in words:
        assert word in str(caught.value)

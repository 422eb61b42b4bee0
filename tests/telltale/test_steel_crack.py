"""Settings of a crack in steel: what does not fit together is named, and earlier cracks come from a file beside."""

from __future__ import annotations

from pathlib import Path

import pytest

from telltale.errors import SettingsError
from telltale.site_file import load_site

SITE = """
[[facilities]]
id = "valley"
name = "Valley"
[[facilities.structures]]
id = "bridge"
name = "Bridge"
[[facilities.structures.channels]]
id = "bridge.web"
kind = "crack"
unit = "mm"
gateway = "gw-1"
interval_s = 86400
[facilities.structures.channels.crack]
material = "steel"
limit_mm = 60.0
source = "end of the web"
[facilities.structures.channels.crack.steel]
stress_range_mpa = 40.0
cycles_per_day = 2000.0
geometry = "centre_crack"
plate_width_mm = 200.0
histories_file = "earlier.csv"
"""
EARLIER = "specimen,length_mm,cycles\na,10,0\nb,11,0\na,12,5e4\nb,20,9e4\n"


def load_text(folder: Path, site: str = SITE, earlier: str = EARLIER) -> object:
    (folder / "site.toml").write_text(site, encoding="utf-8")
    (folder / "earlier.csv").write_text(earlier, encoding="utf-8")
    return load_site(folder / "site.toml")


def test_earlier_cracks_are_read_from_beside_the_site_file(tmp_path: Path) -> None:
    site = load_text(tmp_path)
    for channel in (site.places["bridge.web"].channel, site.facilities[0].structures[0].channels[0]):
        assert [one.length_mm for one in channel.crack.steel.histories] == [(10.0, 12.0), (11.0, 20.0)]
        assert channel.crack.steel.histories[0].cycles == (0.0, 5e4)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('material = "steel"', 'material = "concrete"', ["bridge.web", "concrete", "steel"]),
        ("plate_width_mm = 200.0\n", "", ["bridge.web", "plate_width_mm"]),
        ('geometry = "centre_crack"\n', "", ["bridge.web", "centre_crack"]),
        ("limit_mm = 60.0", "limit_mm = 99.0", ["bridge.web", "limit_mm 99", "95"]),
        ("limit_mm = 60.0", "limit_mm = -1.0", ["bridge.web", "limit_mm -1"]),
        ("stress_range_mpa = 40.0\n", "", ["stress_range_mpa", "add the key"]),
        ("cycles_per_day = 2000.0", "cycles_per_day = 0.0", ["cycles_per_day"]),
        ("earlier.csv", "nowhere.csv", ["nowhere.csv", "cannot be read"]),
        ("histories_file", "histories_fil", ["histories_fil", "remove the key"]),
    ],
)
def test_a_mistake_in_the_site_file_is_named(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    assert old in SITE
    with pytest.raises(SettingsError) as caught:
        load_text(tmp_path, SITE.replace(old, new))
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    ("earlier", "words"),
    [
        ("", ["specimen,length_mm,cycles"]),
        (EARLIER.replace("12,5e4", "9,5e4"), ["specimen 'a'", "ascending"]),
        (EARLIER.replace("20,9e4", "20,nan"), ["specimen 'b'", "ascending"]),
        (EARLIER.replace("20,9e4", "inf,9e4"), ["specimen 'b'", "ascending"]),
        (EARLIER.replace("b,20,9e4\n", ""), ["specimen 'b'", "2 or more"]),
        (EARLIER.replace("20,9e4", "20"), ["earlier.csv:5", "two numbers"]),
        (EARLIER.replace("20,9e4", "20,many"), ["earlier.csv:5", "two numbers"]),
        (EARLIER + "x" * 5_000_000, ["larger than"]),
    ],
)
def test_a_mistake_in_the_file_of_earlier_cracks_is_named(tmp_path: Path, earlier: str, words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load_text(tmp_path, earlier=earlier)
    assert all(word in str(caught.value) for word in ("earlier.csv", *words)), caught.value

"""The settings that go with a load are settings: they parse, and say what the load says."""

import tomllib

import pytest

from sensors_sim.load import LoadSettings
from sensors_sim.load_site import write_site


@pytest.mark.parametrize("live", [False, True])
def test_the_edge_settings_of_a_load_parse(tmp_path, live):
    load = LoadSettings(sensors=2, live=live, truth_dir="truth")
    site, edge = write_site(tmp_path, load)
    assert tomllib.loads(site.read_text())["facilities"]
    source = tomllib.loads(edge.read_text())["source"][0]["settings"]
    assert source == {name: getattr(load, name) for name in LoadSettings.__struct_fields__}

"""Every settings file that ships in deploy/ loads, and they agree with each other."""

from __future__ import annotations

import tomllib
from pathlib import Path

from cloud_service.settings import load_cloud
from cloud_service.store.influxdb import InfluxSettings
from edge_agent.settings import load_edge
from telltale.broker import BrokerSettings
from telltale.settings import convert
from telltale.site_file import load_site
from tests.deploy.secrets import DEPLOY, make_secrets

SITE = load_site(DEPLOY / "site.toml")
CLOUD = tomllib.loads((DEPLOY / "cloud.toml").read_text(encoding="utf-8"))


def test_the_service_s_settings_load():
    settings = load_cloud(DEPLOY / "cloud.toml")
    assert settings.file.clock == "system"
    assert settings.site.places.keys() == SITE.places.keys()


def test_every_section_of_the_service_s_settings_is_accepted(tmp_path: Path):
    """With the certificates where this machine has them: `check` opens them."""
    make_secrets(tmp_path)
    text = (DEPLOY / "cloud.toml").read_text(encoding="utf-8").replace("/run/telltale", str(tmp_path / "service"))
    (tmp_path / "cloud.toml").write_text(text, encoding="utf-8")
    (tmp_path / "site.toml").write_bytes((DEPLOY / "site.toml").read_bytes())
    load_cloud(tmp_path / "cloud.toml").check()


def test_the_broker_and_store_sections_are_what_the_compose_file_runs():
    broker = convert(CLOUD["broker"], BrokerSettings, "cloud.toml: broker")
    assert (broker.host, broker.port) == ("mosquitto", 8883)
    store = convert({k: v for k, v in CLOUD["store"].items() if k != "kind"}, InfluxSettings, "cloud.toml: store")
    assert (store.url, store.bucket) == ("https://influxdb:8086", "telltale")


def test_the_gateway_sends_channels_that_the_site_knows_as_its_own():
    edge = load_edge(DEPLOY / "edge.toml")
    known = {place.channel.id: place.channel for place in SITE.gateways()[edge.gateway]}
    for channel in edge.channel:
        assert channel.id in known
        assert (channel.rate_hz or 0.0) == known[channel.id].rate_hz
        if channel.window_samples:
            assert channel.window_samples == known[channel.id].window_samples


def test_the_duty_cycle_of_the_strain_channel_is_that_of_its_windows():
    channel = SITE.places["footbridge.girder.strain"].channel
    assert channel.fatigue is not None
    share = channel.window_samples / channel.rate_hz / channel.interval_s
    assert abs(channel.fatigue.duty_cycle - share) < 1e-5


def test_somebody_is_told_about_every_structure():
    for _, structure in SITE.structures():
        assert SITE.contacts_for(structure.id, suspect=False)
        assert SITE.contacts_for(structure.id, suspect=True)

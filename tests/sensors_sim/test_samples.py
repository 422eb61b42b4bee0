"""Every shipped sample loads, and says what the simulator does."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from edge_agent.settings import load_edge
from sensors_sim.load import LoadSettings
from sensors_sim.load_site import write_site
from sensors_sim.source import open_source
from telltale.clock import DataClock
from telltale.kinds import KINDS, Shape
from telltale.site_file import load_site
from telltale.source import SourceContext
from tests.sensors_sim.spans import world

SITE = Path(str(resources.files("sensors_sim") / "site"))


def test_every_sample_file_is_one_that_is_tested_here() -> None:
    assert {path.name for path in SITE.glob("*.toml")} == {"site.toml", "edge.toml", "drainage-pump.toml"}


def test_the_site_describes_exactly_the_simulated_sensors() -> None:
    site, sensors = load_site(SITE / "site.toml"), world().sensors
    assert set(site.places) == set(sensors)
    for channel, place in site.places.items():
        sensor = sensors[channel]
        assert (place.structure.id, place.channel.unit) == (sensor.structure, sensor.unit), channel
        assert place.channel.is_waveform is (sensor.scale is not None), channel
        if place.channel.is_waveform:
            assert (place.channel.rate_hz, place.channel.window_samples) == (sensor.rate_hz, sensor.samples), channel
            assert place.channel.interval_s == 3600
        else:
            assert place.channel.interval_s == pytest.approx(1 / sensor.rate_hz), channel
        corrected_by = (sensor.correction.channel,) if sensor.correction else ()
        assert place.channel.derived_from == corrected_by, channel


def test_stated_duty_cycle_and_mode_bands_are_the_simulated_ones() -> None:
    site, sensors = load_site(SITE / "site.toml"), world().sensors
    strain = site.places["footbridge.girder.strain"].channel
    assert strain.fatigue is not None
    assert strain.fatigue.duty_cycle == pytest.approx(1024 / 50 / 3600, rel=1e-5)
    for channel in ("footbridge.midspan.az", "footbridge.quarter.az"):
        deck = sensors[channel].signal._deck  # type: ignore[attr-defined]
        for low, high in site.places[channel].channel.modes_hz:
            inside = [mode.frequency_hz for mode in deck.modes if low < mode.frequency_hz < high]
            assert len(inside) == 1, channel
            assert low < 0.93 * inside[0] < 1.06 * inside[0] < high, channel


def test_a_healthy_site_stays_within_every_limit_and_the_plausible_range() -> None:
    site, healthy = load_site(SITE / "site.toml"), world("healthy", days=365)
    for channel, place in site.places.items():
        for tick in range(0, healthy.span.ticks, 29):
            values = healthy.reading(channel, tick)
            low, high = place.channel.plausible or (-1e9, 1e9)
            assert low < values.min() <= values.max() < high, channel
            for limit in place.channel.limits:
                judged = np.abs(values) if limit.side == "absolute" or limit.quantity == "peak" else values
                crossed = judged < limit.value if limit.side == "below" else judged > limit.value
                assert not crossed.any(), (channel, tick, limit)


def test_every_limit_and_every_kind_has_its_source_and_shape() -> None:
    for place in load_site(SITE / "site.toml").channels():
        assert all(limit.source for limit in place.channel.limits)
        assert place.channel.kind in KINDS
    assert KINDS["crack"].shape is Shape.SCALAR


async def test_the_gateway_maps_every_channel_of_the_site_with_the_calibration_of_the_simulator(tmp_path: Path) -> None:
    edge, site = load_edge(SITE / "edge.toml"), load_site(SITE / "site.toml")
    assert {channel.id for channel in edge.channel} == set(site.places)
    assert set(site.gateways()) == {edge.gateway}
    for channel in edge.channel:
        scale = world().sensors[channel.id].scale
        assert (channel.calibration.scale if channel.calibration else None) == scale, channel.id
    (source,) = edge.source
    opened = open_source(source.settings, SourceContext(DataClock(), tmp_path, "edge.toml"))
    assert set(opened.inputs) == {channel.input for channel in edge.channel}  # type: ignore[attr-defined]
    await opened.close()


def test_managers_are_told_of_damage_and_operators_of_sensors() -> None:
    site = load_site(SITE / "site.toml")
    assert {contact.role for contact in site.contacts} == {"manager", "operator"}
    assert [contact.role for contact in site.contacts_for("tunnel-lining", suspect=True)] == ["operator"]
    assert all(contact.email.endswith("@example.org") for contact in site.contacts)


def test_a_generated_load_site_loads(tmp_path: Path) -> None:
    settings = LoadSettings(sensors=8, rate_hz=1000.0, noise_counts=20.0, seconds=60.0)
    site_file, edge_file = write_site(tmp_path, settings)
    site, edge = load_site(site_file), load_edge(edge_file)
    assert set(site.places) == {channel.id for channel in edge.channel} == set(settings.channels)
    assert set(site.gateways()) == {edge.gateway}
    assert open_source(edge.source[0].settings, SourceContext(DataClock(), tmp_path, "edge.toml")).live is False

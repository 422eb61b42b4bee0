from __future__ import annotations

from pathlib import Path

import pytest

from cloud_service.analyse.decode import Decoded
from cloud_service.analyse.liveness import GatewayWatch, Heard
from cloud_service.analyse.outcome import Judged
from cloud_service.analyse.settings import AnalyseSettings
from cloud_service.analyse.state_codec import decode_state, encode_state
from telltale.clock import NS_PER_HOUR
from telltale.findings import Reason, Tier
from telltale.site import Site
from telltale.site_file import load_site
from tests.cloud_service.analyse.site import T0_NS, bridge, scalar


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return bridge(tmp_path)


def watch_of(site: Site, state: Heard | None = None) -> GatewayWatch:
    return GatewayWatch("gw", site.gateways()["gw"], state or Heard(), AnalyseSettings())


def at(hour: float, *channels: str) -> Decoded:
    heard_ns = T0_NS + round(hour * NS_PER_HOUR)
    return Decoded(1, "gw", heard_ns, tuple(scalar(channel, heard_ns, 1.0) for channel in channels))


def brief(judged: list[Judged]) -> list[tuple[str, Tier]]:
    return [(item.finding.channel, item.finding.tier) for item in judged]


ALL = ("bridge.gauge", "bridge.air", "bridge.az")


def test_a_channel_is_silent_within_two_of_its_intervals(site: Site) -> None:
    watch = watch_of(site)
    heard = [brief(watch.hear(at(hour, *ALL), 0)) for hour in range(5)]
    assert heard == [[]] * 5
    assert brief(watch.hear(at(5, *ALL[:2]), 0)) == []
    assert brief(watch.hear(at(6, *ALL[:2]), 0)) == [("bridge.az", Tier.SUSPECT)]
    assert brief(watch.hear(at(7, *ALL[:2]), 0)) == []
    assert brief(watch.hear(at(8, *ALL), 0)) == [("bridge.az", Tier.CLEAR)]


def test_the_channels_of_a_gateway_that_restarts_may_come_one_after_another(tmp_path: Path) -> None:
    """An agent started an hour ahead on a slow machine: its first frame holds the first reading of one channel alone."""
    bridge(tmp_path)
    path = tmp_path / "site.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("interval_s = 3600", "interval_s = 0.5"), encoding="utf-8")
    watch = watch_of(load_site(path))
    s = 1 / 3_600
    for step in range(8):
        assert brief(watch.hear(at(step * s / 2, *ALL), 0)) == []
    assert brief(watch.hear(at(1.0, "bridge.air"), 0)) == []
    assert brief(watch.hear(at(1.0 + 1.2 * s, "bridge.air"), 0)) == []
    assert brief(watch.hear(at(1.0 + 2.4 * s, *ALL), 0)) == []
    assert brief(watch.hear(at(1.0 + 30 * s, *ALL[:2]), 0)) == []
    assert brief(watch.hear(at(1.0 + 33 * s, *ALL[:2]), 0)) == [("bridge.az", Tier.SUSPECT)]


def test_a_channel_never_heard_gets_grace(site: Site) -> None:
    watch = watch_of(site)
    silent = {hour: brief(watch.hear(at(hour, *ALL[:2]), 0)) for hour in range(6)}
    assert {hour: found for hour, found in silent.items() if found} == {4: [("bridge.az", Tier.SUSPECT)]}


def test_a_silent_gateway_is_one_finding_and_its_channels_none(site: Site) -> None:
    watch = watch_of(site)
    watch.hear(at(0, *ALL), 0)
    assert watch.tick(T0_NS + NS_PER_HOUR, 0, offline=None) == []
    found = watch.tick(T0_NS + 2 * NS_PER_HOUR, 0, offline=None)
    assert [(item.finding.reason, item.finding.channel) for item in found] == [(Reason.SILENT_GATEWAY, "gw")]
    assert watch.tick(T0_NS + 9 * NS_PER_HOUR, 0, offline=None) == []
    assert brief(watch.hear(at(10, "bridge.air"), 0)) == [("gw", Tier.CLEAR)]
    assert brief(watch.hear(at(11, *ALL), 0)) == []


def test_health_messages_keep_a_gateway_alive(site: Site) -> None:
    watch = watch_of(site)
    watch.hear(at(0, *ALL), 0)
    now_ns = T0_NS + 2 * NS_PER_HOUR
    assert {item.finding.channel for item in watch.tick(now_ns, now_ns, offline=None)} == set(ALL)


def test_in_a_time_lapse_a_gateway_that_is_behind_is_not_silent_unless_it_is_gone(site: Site) -> None:
    watch = watch_of(site)
    watch.hear(at(0, *ALL), 0)
    assert watch.tick(T0_NS + 50 * NS_PER_HOUR, 0, offline=False) == []
    assert brief(watch.tick(T0_NS + 50 * NS_PER_HOUR, 0, offline=True)) == [("gw", Tier.SUSPECT)]


def test_while_the_service_was_away_nobody_was_silent(site: Site) -> None:
    watch = watch_of(site)
    watch.hear(at(0, *ALL), 0)
    back = watch_of(site, decode_state(encode_state(watch.keep()), Heard))
    back.restart(T0_NS + 100 * NS_PER_HOUR)
    assert back.tick(T0_NS + 101 * NS_PER_HOUR, 0, offline=None) == []
    assert brief(back.tick(T0_NS + 102 * NS_PER_HOUR, 0, offline=None)) == [("gw", Tier.SUSPECT)]


def test_what_was_silent_before_a_restart_is_not_told_again(site: Site) -> None:
    watch = watch_of(site)
    for hour in range(5):
        watch.hear(at(hour, *(ALL if hour < 2 else ALL[:2])), 0)
    again = watch_of(site, decode_state(encode_state(watch.keep()), Heard))
    assert brief(again.hear(at(5, *ALL[:2]), 0)) == []
    assert brief(again.hear(at(6, *ALL), 0)) == [("bridge.az", Tier.CLEAR)]

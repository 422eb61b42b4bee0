from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from cloud_service.alert.record import record_updates
from cloud_service.alert.stages import Alerts
from cloud_service.incident_record import list_incidents
from cloud_service.state import open_state
from telltale.findings import Finding, Reason, Tier
from telltale.site import Site
from tests.cloud_service.alert.test_evaluate import finding
from tests.cloud_service.alert.test_stages import acts, play
from tests.cloud_service.analyse.site import bridge

DAY = 24 * 60


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return bridge(tmp_path)


def daily(days: Sequence[int], reason: Reason, tier: Tier, value: float = 1.0) -> list[Finding]:
    return [msgspec.structs.replace(finding(day * DAY, tier, reason=reason), value=value) for day in days]


def trend(days: Sequence[int], tier: Tier = Tier.WARN, value: float = 1.0) -> list[Finding]:
    return daily(days, Reason.CRACK_TREND, tier, value)


def life(days: Sequence[int], tier: Tier = Tier.WARN, value: float = 1.0) -> list[Finding]:
    return daily(days, Reason.LIFE, tier, value)


def in_order(*stories: Sequence[Finding]) -> list[Finding]:
    return sorted((item for story in stories for item in story), key=lambda item: item.t_ns)


def told(out: Alerts) -> tuple[Reason, float]:
    last = out.updates[-1].incident
    return last.finding.reason, last.finding.value


def test_a_crack_that_grows_and_its_life_are_one_incident_and_one_mail_a_level(site: Site) -> None:
    out = play(
        site,
        in_order(trend(range(5)), trend(range(5, 20), Tier.ALARM), life(range(3, 9)), life(range(9, 20), Tier.ALARM)),
    )
    assert acts(out).count("opened") == 1
    assert [mail.tier for mail in out.mails] == [Tier.WARN, Tier.ALARM]
    assert len({mail.incident for mail in out.mails}) == 1
    kept = out.updates[-1].incident.findings
    assert {item.reason for item in kept.values()} == {Reason.CRACK_TREND, Reason.LIFE}


def test_the_trend_leads_whichever_came_first(site: Site) -> None:
    assert told(play(site, in_order(life(range(9), Tier.ALARM), trend(range(3, 9))))) == (Reason.CRACK_TREND, 1.0)
    assert told(play(site, in_order(trend(range(9)), life(range(3, 9), Tier.ALARM)))) == (Reason.CRACK_TREND, 1.0)
    assert told(play(site, life(range(9)))) == (Reason.LIFE, 1.0)


def test_the_trend_is_told_as_it_got_worse_although_life_had_alarmed_before(site: Site) -> None:
    worse = trend(range(9, 12), Tier.ALARM, value=2.0)
    out = play(site, in_order(trend(range(9)), life(range(3, 12), Tier.ALARM), worse))
    assert told(out) == (Reason.CRACK_TREND, 2.0)
    assert [mail.tier for mail in out.mails] == [Tier.WARN, Tier.ALARM]


def test_life_of_another_place_does_not_hide_behind_a_crack(site: Site) -> None:
    other = [msgspec.structs.replace(item, channel="bridge.az") for item in life(range(3, 9), Tier.ALARM)]
    out = play(site, in_order(trend(range(9)), other))
    assert told(out)[0] is Reason.LIFE
    assert out.updates[-1].incident.finding.channel == "bridge.az"


@pytest.mark.parametrize("clears_first", ["life", "trend"])
def test_the_incident_stands_while_one_of_them_does(site: Site, clears_first: str) -> None:
    first, second = (life, trend) if clears_first == "life" else (trend, life)
    story = in_order(first(range(5)), first(range(5, 9), Tier.CLEAR), second(range(9)))
    out = play(site, story)
    assert "resolved" not in acts(out)
    over = play(site, in_order(story, second(range(9, 12), Tier.CLEAR)))
    assert acts(over)[-1] == "resolved"


def test_a_limit_that_is_reached_is_news_of_its_own(site: Site) -> None:
    out = play(site, in_order(trend(range(9), Tier.ALARM), daily(range(5, 9), Reason.LIMIT, Tier.ALARM)))
    assert len({mail.incident for mail in out.mails}) == 2


def test_what_joined_is_kept_with_the_incident(site: Site, tmp_path: Path) -> None:
    connection = open_state(tmp_path)
    record_updates(connection, play(site, in_order(life(range(9)), trend(range(3, 9)))).updates)
    (incident,) = list_incidents(connection)
    assert incident.reason is Reason.CRACK_TREND
    assert {item.reason for item in incident.findings} == {Reason.CRACK_TREND, Reason.LIFE}
    connection.close()

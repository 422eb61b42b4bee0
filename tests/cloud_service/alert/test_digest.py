from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_service.alert.record import record_mails, record_updates
from cloud_service.alert.settings import AlertSettings
from cloud_service.alert.stages import Alerts, AlertState, Stages
from cloud_service.notify.outbox import of_incident
from cloud_service.state import open_state
from telltale.clock import NS_PER_S
from telltale.findings import Finding, Reason, Tier
from telltale.settings import convert
from telltale.site import Site
from telltale.site_file import SiteFile, build_site
from tests.cloud_service.alert.test_evaluate import T0_NS, finding
from tests.cloud_service.alert.test_stages import PLAIN, acts, play
from tests.cloud_service.analyse.site import bridge

DAY = 24 * 60
MINUTE_NS = 60 * NS_PER_S
CHANNELS = ("bridge.gauge", "bridge.air", "bridge.az", "bridge.other")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return bridge(tmp_path)


def wide_site(count: int) -> Site:
    channels = [
        {"id": f"s.{number}", "kind": "temperature", "unit": "°C", "gateway": "gw", "interval_s": 600.0}
        for number in range(count)
    ]
    facility = {"id": "f", "name": "F", "structures": [{"id": "s", "name": "S", "channels": channels}]}
    contacts = [{"name": "Operator", "email": "operator@example.org", "role": "operator"}]
    return build_site(convert({"contacts": contacts, "facilities": [facility]}, SiteFile, "site.toml"), "site.toml")


def bad(minute: float, channel: str, reason: Reason = Reason.SENSOR_STUCK, tier: Tier = Tier.SUSPECT) -> Finding:
    return finding(minute, tier, reason=reason, channel=channel)


def beat(start: float, stop: float, step: float = 60) -> list[Finding]:
    """Verdicts that change nothing, so that time passes."""
    count = int((stop - start) / step) + 1
    return [finding(start + number * step, Tier.CLEAR, channel="bridge.other") for number in range(count)]


def ordered(*stories: Sequence[Finding]) -> list[Finding]:
    return sorted((item for story in stories for item in story), key=lambda item: item.t_ns)


def about(out: Alerts) -> list[list[str]]:
    """For each mail, the channels whose incidents it tells of."""
    subject = {update.incident.id: update.incident.subject for update in out.updates}
    return [[subject[incident] for incident in mail.incidents] for mail in out.mails]


def test_a_sensor_that_fails_later_is_told_too(site: Site) -> None:
    story = [bad(0, "bridge.az", Reason.SENSOR_SPIKES), bad(5 * DAY, "bridge.air", Reason.SENSOR_RANGE)]
    out = play(site, ordered(story, [bad(15 * DAY, "bridge.gauge")], beat(0, 16 * DAY)))
    assert about(out) == [["bridge.az"], ["bridge.air"], ["bridge.gauge"]]


def test_what_fails_together_is_one_mail(site: Site) -> None:
    together = [bad(minute, channel) for minute, channel in enumerate(CHANNELS[:3])]
    assert about(play(site, ordered(together, beat(0, DAY)))) == [list(CHANNELS[:3])]


def test_one_mail_a_day_lists_what_failed_meanwhile(site: Site) -> None:
    story = [bad(0, "bridge.az"), bad(60, "bridge.air"), bad(600, "bridge.gauge")]
    out = play(site, ordered(story, beat(0, 3 * DAY)))
    assert about(out) == [["bridge.az"], ["bridge.air", "bridge.gauge"]]
    assert [(mail.created_ns - T0_NS) / MINUTE_NS for mail in out.mails] == [10, 10 + DAY]


def test_a_silent_sensor_is_told_like_a_faulty_one(site: Site) -> None:
    story = [bad(0, "bridge.az", Reason.SILENT_CHANNEL), bad(2, "bridge.air", Reason.SILENT_CHANNEL)]
    out = play(site, ordered(story, [bad(9 * DAY, "bridge.gauge", Reason.SILENT_CHANNEL)], beat(0, 10 * DAY)))
    assert about(out) == [["bridge.az", "bridge.air"], ["bridge.gauge"]]


@pytest.mark.parametrize("derived_at", [-1, 0, 5])
def test_a_derived_value_belongs_to_its_faulty_input(site: Site, derived_at: int) -> None:
    derived = bad(derived_at, "bridge.gauge", Reason.SENSOR_DERIVED)
    story = [derived, bad(0, "bridge.air", Reason.SENSOR_RANGE)]
    out = play(site, ordered(story, beat(20, 2 * DAY)))
    assert about(out) == [["bridge.air"]]
    incident = out.updates[-1].incident
    assert incident.finding.reason is Reason.SENSOR_RANGE
    assert set(incident.subjects) == {"bridge.air", "bridge.gauge"}


@pytest.mark.parametrize(
    ("reason", "of_its_own"), [(Reason.SENSOR_SPIKES, False), (Reason.SENSOR_RANGE, False), (Reason.SENSOR_STUCK, True)]
)
def test_values_spoilt_by_a_faulty_input_are_no_fault_of_the_sensor(
    site: Site, reason: Reason, of_its_own: bool
) -> None:
    story = [bad(0, "bridge.air", Reason.SENSOR_RANGE), bad(0.1, "bridge.gauge", reason)]
    out = play(site, ordered(story, beat(20, 2 * DAY)))
    assert about(out) == ([["bridge.air", "bridge.gauge"]] if of_its_own else [["bridge.air"]])
    over = [bad(3000, "bridge.air", Reason.SENSOR_RANGE, Tier.CLEAR), bad(3001, "bridge.gauge", reason, Tier.CLEAR)]
    assert acts(play(site, ordered(story, beat(20, 2 * DAY), over)))[-1] == "resolved"


def test_the_incident_of_an_input_is_over_when_what_derives_from_it_is_too(site: Site) -> None:
    story = [
        bad(0, "bridge.air"),
        bad(1, "bridge.gauge", Reason.SENSOR_DERIVED),
        bad(50, "bridge.air", tier=Tier.CLEAR),
    ]
    assert acts(play(site, story)) == ["opened", "suspect", "joined"]
    over = bad(60, "bridge.gauge", Reason.SENSOR_DERIVED, Tier.CLEAR)
    assert acts(play(site, [*story, over]))[-1] == "resolved"


def test_what_is_over_before_its_mail_is_void_unless_it_comes_back(site: Site) -> None:
    story = [bad(0, "bridge.az"), bad(3, "bridge.az", tier=Tier.CLEAR)]
    assert play(site, ordered(story, beat(0, 2 * DAY))).mails == []
    back = play(site, ordered(story, [bad(100, "bridge.az")], beat(0, 2 * DAY)))
    assert about(back) == [["bridge.az"]]
    assert back.mails[0].created_ns == T0_NS + 110 * MINUTE_NS


def test_the_clock_alone_sends_what_was_gathered(site: Site) -> None:
    stages, state, out = Stages(site, PLAIN), AlertState(), Alerts()
    stages.take(state, bad(0, "bridge.az"), T0_NS, out)
    stages.tick(state, T0_NS + 9 * MINUTE_NS, out)
    assert out.mails == []
    stages.tick(state, T0_NS + 30 * MINUTE_NS, out)
    assert [mail.created_ns for mail in out.mails] == [T0_NS + 10 * MINUTE_NS]


def test_a_mail_to_everybody_needs_none_to_operators(site: Site) -> None:
    story = [bad(0, "bridge.az"), bad(5, "bridge.az", tier=Tier.WARN)]
    assert [mail.tier for mail in play(site, ordered(story, beat(0, 2 * DAY))).mails] == [Tier.WARN]


def test_ten_thousand_sensors_are_one_mail_an_interval() -> None:
    stages, state, out = Stages(wide_site(10_000), PLAIN), AlertState(), Alerts()
    for number in range(10_000):
        item = bad(number / 100, f"s.{number}")
        stages.take(state, item, item.t_ns, out)
    stages.tick(state, T0_NS + 3 * DAY * MINUTE_NS, out)
    assert len(out.mails) == 2
    told = [incident for mail in out.mails for incident in mail.incidents]
    assert len(told) == len(set(told)) == 10_000
    assert out.mails[1].created_ns - out.mails[0].created_ns == DAY * MINUTE_NS


def test_each_incident_of_a_mail_knows_its_mail(site: Site, tmp_path: Path) -> None:
    connection = open_state(tmp_path)
    out = play(site, ordered([bad(0, "bridge.az"), bad(1, "bridge.air")], beat(0, DAY)))
    record_updates(connection, out.updates)
    record_mails(connection, out.mails, 0)
    record_mails(connection, out.mails, 0)
    (mail,) = out.mails
    for incident in mail.incidents:
        assert [row.about for row in of_incident(connection, incident)] == [mail.incidents]
    connection.close()


STORIES = st.lists(
    st.tuples(
        st.integers(0, 12_000),
        st.sampled_from(CHANNELS),
        st.sampled_from((Reason.SENSOR_STUCK, Reason.SENSOR_DERIVED, Reason.SILENT_CHANNEL)),
        st.sampled_from((Tier.SUSPECT, Tier.CLEAR)),
    ),
    max_size=80,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STORIES, st.lists(st.integers(0, 12_000), max_size=20))
def test_mails_are_rare_complete_and_the_same_whoever_looked_when(
    site: Site, story: list[tuple[int, str, Reason, Tier]], looks: list[int]
) -> None:
    findings = ordered([bad(minute, channel, reason, tier) for minute, channel, reason, tier in story])
    plain = _run(site, findings, [])
    assert _run(site, findings, looks).mails == plain.mails
    times = [mail.created_ns for mail in plain.mails]
    assert all(later - earlier >= DAY * MINUTE_NS for earlier, later in pairwise(times))
    told = Counter(incident for mail in plain.mails for incident in mail.incidents)
    assert all(count == 1 for count in told.values())
    standing = {}
    for update in plain.updates:
        standing[update.incident.id] = update.incident.resolved_ns is None
    assert {name for name, stands in standing.items() if stands} <= set(told)


def _run(site: Site, findings: Sequence[Finding], looks: Sequence[int]) -> Alerts:
    stages, state, out = Stages(site, AlertSettings()), AlertState(), Alerts()
    steps: list[tuple[int, Finding | None]] = [(item.t_ns, item) for item in findings]
    steps += [(T0_NS + minute * MINUTE_NS, None) for minute in (*looks, 40_000)]
    for t_ns, item in sorted(steps, key=lambda step: step[0]):
        if item is None:
            stages.tick(state, t_ns, out)
        else:
            stages.take(state, item, t_ns, out)
    return out

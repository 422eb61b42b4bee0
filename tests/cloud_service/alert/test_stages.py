from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_service.alert.deduplicate import Act
from cloud_service.alert.group import GROUP_OF, OF_EACH_CHANNEL
from cloud_service.alert.record import record_mails, record_updates
from cloud_service.alert.settings import AlertSettings, Maintenance, check
from cloud_service.alert.stages import Alerts, AlertState, Stages
from cloud_service.incident_record import find_incident, incident_log, list_incidents
from cloud_service.state import open_state
from telltale.clock import NS_PER_HOUR, NS_PER_S
from telltale.errors import SettingsError
from telltale.findings import Finding, Reason, Tier
from telltale.site import Site
from tests.cloud_service.alert.test_evaluate import T0_NS, finding
from tests.cloud_service.analyse.site import bridge

PLAIN = AlertSettings()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return bridge(tmp_path)


def play(
    site: Site, findings: Sequence[Finding], given: AlertSettings = PLAIN, state: AlertState | None = None
) -> Alerts:
    stages, out = Stages(site, given), Alerts()
    state = AlertState() if state is None else state
    for item in findings:
        stages.take(state, item, item.t_ns, out)
    return out


def acts(out: Alerts) -> list[str]:
    return [act.value for update in out.updates for act, _ in update.acts]


def warned(start: float, stop: float, tier: Tier = Tier.WARN, channel: str = "bridge.gauge") -> list[Finding]:
    """Two evaluations that confirm at `start`, two that clear at `stop` (minutes)."""
    return [
        *(finding(minute, tier, channel=channel) for minute in (start, start + 1)),
        *(finding(minute, Tier.CLEAR, channel=channel) for minute in (stop, stop + 1)),
    ]


def test_every_reason_has_a_group() -> None:
    assert set(GROUP_OF) == set(Reason)


def test_open_rise_resolve(site: Site) -> None:
    out = play(site, [*warned(0, 999)[:2], *warned(2, 10, Tier.ALARM)])
    assert acts(out) == ["opened", "warn", "alarm", "resolved"]
    assert [mail.tier for mail in out.mails] == [Tier.WARN, Tier.ALARM]
    assert len({update.incident.id for update in out.updates}) == 1
    last = out.updates[-1].incident
    assert (last.tier, last.subjects, last.structure) == (Tier.ALARM, ["bridge.gauge"], "bridge")
    assert last.occurred_ns == T0_NS


def test_sensor_faults_go_to_operators_only(site: Site) -> None:
    stuck = [finding(minute, Tier.SUSPECT, reason=Reason.SENSOR_STUCK) for minute in range(3)]
    out = play(site, [*stuck, *warned(0, 9)])
    people = {mail.tier: [contact.name for contact in mail.recipients] for mail in out.mails}
    assert people == {Tier.SUSPECT: ["Operator"], Tier.WARN: ["Manager", "Operator"]}


def test_a_second_channel_joins_without_a_mail(site: Site) -> None:
    both = sorted([*warned(0, 20), *warned(5, 30, channel="bridge.az")], key=lambda item: item.t_ns)
    out = play(site, both)
    assert acts(out) == ["opened", "warn", "joined", "resolved"]
    assert out.updates[-1].incident.subjects == ["bridge.gauge", "bridge.az"]
    assert out.updates[-1].incident.resolved_ns == T0_NS + 31 * 60 * NS_PER_S
    assert len(out.mails) == 1


def test_what_comes_back_within_a_day_is_the_same_incident_without_a_mail(site: Site) -> None:
    out = play(site, [*warned(0, 10), *warned(60, 70)])
    assert acts(out) == ["opened", "warn", "resolved", "reopened", "resolved"]
    assert len(out.mails) == 1


def test_what_comes_back_after_a_day_is_another(site: Site) -> None:
    out = play(site, [*warned(0, 10), *warned(60 * 30, 60 * 31)])
    assert len({mail.incident for mail in out.mails}) == 2


def test_what_is_judged_once_a_day_comes_back_within_a_fortnight_as_itself(site: Site) -> None:
    day = 60 * 24
    tiers = [Tier.ALARM] * 5 + [Tier.CLEAR] * 5 + [Tier.ALARM] * 3
    assert len(play(site, [finding(number * day, tier) for number, tier in enumerate(tiers)]).mails) == 1


def test_a_dead_gateway_is_one_mail_to_the_operators_of_its_structures(site: Site) -> None:
    out = play(site, [finding(0, Tier.SUSPECT, reason=Reason.SILENT_GATEWAY, channel="gw")])
    assert [[contact.name for contact in mail.recipients] for mail in out.mails] == [["Operator"]]
    assert (out.updates[0].incident.structure, out.updates[0].incident.subject) == ("", "gw")


def test_an_alarm_that_came_late_and_has_passed_is_one_mail_and_over(site: Site) -> None:
    state = AlertState()
    play(site, [finding(5000, Tier.CLEAR), finding(5001, Tier.CLEAR)], state=state)
    out = play(site, [finding(minute, Tier.ALARM) for minute in range(50)], state=state)
    assert acts(out) == ["opened", "alarm", "resolved"]
    assert len(out.mails) == 1
    again = play(site, [finding(minute, Tier.ALARM) for minute in range(100, 150)], state=state)
    assert not again.mails


def test_ids_are_the_same_when_all_is_analysed_again(site: Site) -> None:
    findings = [*warned(0, 10), *warned(60 * 30, 60 * 31, Tier.ALARM)]
    first, second = play(site, findings), play(site, findings)
    assert [mail.message_id for mail in first.mails] == [mail.message_id for mail in second.mails]
    assert [update.incident.id for update in first.updates] == [update.incident.id for update in second.updates]


def _maintenance(start: float, end: float, structure: str = "bridge") -> AlertSettings:
    begin, finish = (datetime.fromtimestamp(T0_NS / NS_PER_S + minute * 60, UTC) for minute in (start, end))
    return AlertSettings(maintenance=(Maintenance(start=begin, end=finish, structure=structure),))


def test_maintenance_records_and_does_not_mail(site: Site) -> None:
    out = play(site, warned(5, 10), _maintenance(0, 60))
    assert acts(out) == ["opened", "warn", "resolved"]
    assert not out.mails


def test_what_outlasts_maintenance_is_mailed_once(site: Site) -> None:
    lasting = [finding(minute, Tier.WARN) for minute in range(5, 100, 5)]
    out = play(site, lasting, _maintenance(0, 60))
    assert len(out.mails) == 1
    assert out.mails[0].created_ns == T0_NS + 60 * 60 * NS_PER_S


def test_maintenance_of_another_structure_silences_nothing(site: Site) -> None:
    assert play(site, warned(5, 10), _maintenance(0, 60, "elsewhere")).mails


@pytest.mark.parametrize(("structure", "start", "end"), [("elsewhere", 0, 5), ("bridge", 5, 0)])
def test_maintenance_that_cannot_be_meant_is_refused(site: Site, structure: str, start: float, end: float) -> None:
    with pytest.raises(SettingsError, match=r"cloud.toml: alert: maintenance\[0\]"):
        check(_maintenance(start, end, structure), site, "cloud.toml")


CHANNELS = ("bridge.gauge", "bridge.air", "bridge.az")
REASONS = (Reason.LIMIT, Reason.NOVELTY, Reason.NOVELTY_PROVISIONAL, Reason.SENSOR_STUCK, Reason.SILENT_CHANNEL)
STORIES = st.lists(
    st.tuples(
        st.integers(0, 4000),  # minute: some late, some at once
        st.sampled_from(CHANNELS),
        st.sampled_from(REASONS),
        st.sampled_from(list(Tier)),
        st.floats(0, 3),
    ),
    max_size=120,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STORIES, st.booleans())
def test_never_two_open_incidents_a_group_nor_two_mails_a_level(
    site: Site, story: list[tuple[int, str, Reason, Tier, float]], in_order: bool
) -> None:
    if in_order:
        story = sorted(story, key=lambda item: item[0])
    out = play(site, [finding(minute, tier, score, reason, channel) for minute, channel, reason, tier, score in story])
    most = Counter((incident, mail.tier) for mail in out.mails for incident in mail.incidents)
    assert all(count == 1 for count in most.values())
    standing: dict[str, str] = {}
    for update in out.updates:
        incident = update.incident
        group = GROUP_OF[incident.finding.reason]
        if group in OF_EACH_CHANNEL:
            group = f"{group} {incident.subject}"
        if incident.resolved_ns is None:
            assert standing.setdefault(group, incident.id) == incident.id
        elif standing.get(group) == incident.id:
            del standing[group]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([Tier.CLEAR, Tier.WARN, Tier.ALARM]), min_size=10, max_size=300))
def test_a_flapping_channel_mails_at_most_once_a_level_a_day(site: Site, tiers: list[Tier]) -> None:
    out = play(site, [finding(minute, tier) for minute, tier in enumerate(tiers)])
    assert len({update.incident.id for update in out.updates}) <= 1
    assert len(out.mails) <= 2


def test_a_storm_is_one_mail(site: Site) -> None:
    storm = [finding(number / 100, Tier.WARN, channel=CHANNELS[number % 3]) for number in range(10_000)]
    assert len(play(site, storm).mails) == 1


def test_record_keeps_what_a_person_acknowledged_until_it_gets_worse(site: Site, tmp_path: Path) -> None:
    connection = open_state(tmp_path)
    state = AlertState()

    def take(findings: Sequence[Finding]) -> None:
        out = play(site, findings, state=state)
        record_updates(connection, out.updates)
        record_mails(connection, out.mails, 7)

    take(warned(0, 999)[:2])
    (incident,) = list_incidents(connection)
    connection.execute("UPDATE incidents SET state = 'acknowledged'")
    take(warned(2, 999, channel="bridge.az")[:2])
    joined = find_incident(connection, incident.id)
    assert joined is not None
    assert (joined.state, joined.subjects) == ("acknowledged", ("bridge.gauge", "bridge.az"))
    take(warned(5, 999, Tier.ALARM)[:2])
    worse = find_incident(connection, incident.id)
    assert worse is not None
    assert (worse.state, worse.tier) == ("open", Tier.ALARM)
    take([*warned(7, 20)[2:], *warned(7, 20, channel="bridge.az")[2:]])
    (over,) = list_incidents(connection)
    assert (over.state, over.resolved_ns) == ("resolved", T0_NS + 21 * 60 * NS_PER_S)
    assert [entry.what for entry in incident_log(connection, incident.id)] == [
        Act.OPENED,
        Act.WARN,
        Act.JOINED,
        Act.ALARM,
        Act.RESOLVED,
    ]
    rows = connection.execute("SELECT tier, spool_id, state FROM outbox ORDER BY id").fetchall()
    assert rows == [("warn", 7, "pending"), ("alarm", 7, "pending")]
    connection.close()


def test_a_held_warning_is_released_by_the_clock(site: Site) -> None:
    stages, state, out = Stages(site, PLAIN), AlertState(), Alerts()
    heard_ns = T0_NS + 30 * NS_PER_HOUR
    for minute in range(4):
        stages.take(state, finding(minute, Tier.WARN), heard_ns, out)
    assert not out.updates
    stages.tick(state, heard_ns + 2 * NS_PER_HOUR, out)
    assert [mail.tier for mail in out.mails] == [Tier.WARN]
    assert out.updates[0].incident.received_ns == heard_ns + 2 * NS_PER_HOUR

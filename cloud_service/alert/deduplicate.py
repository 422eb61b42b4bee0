"""Deduplicate: events of one group → one incident, which rises, is joined, ends, and comes back as itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from cloud_service.alert.evaluate import LONG_AGO, RANK, Change, Event
from cloud_service.alert.group import leads, member_of
from cloud_service.alert.incident import MAX_FINDINGS, Incident, incident_id
from cloud_service.alert.settings import AlertSettings
from telltale.clock import NS_PER_HOUR
from telltale.findings import Finding, Tier


class Told(msgspec.Struct, frozen=True):
    """An incident that people were told of before its turn (`cloud_service.alert.early`), and when it began."""

    incident: str
    occurred_ns: int


class Matter(msgspec.Struct):
    """State of one group of one structure.

    Attributes:
        incident: the newest; None before the first.
        members: "channel reason" → what stands of it; empty once the incident is resolved.
        passed_ns: occurrence of the newest alarm that came late and had passed.
        told: what was told early and is not confirmed yet.
    """

    incident: Incident | None = None
    members: list[str] = []
    passed_ns: int = LONG_AGO
    told: Told | None = None


class Act(StrEnum):
    """What happened to an incident; the words of `incident_log`."""

    OPENED = "opened"
    WARN = "warn"
    ALARM = "alarm"
    SUSPECT = "suspect"
    JOINED = "joined"
    REOPENED = "reopened"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Update:
    """An incident that changed.

    Attributes:
        incident: as it is now (a copy).
        acts: what happened, in order, each with its event time.
        reached: the tier that it newly reached, which is what mails are about; None: nothing to tell.
        heard_ns: the run's clock.
    """

    incident: Incident
    acts: tuple[tuple[Act, int], ...]
    reached: Tier | None
    heard_ns: int


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose matter it is: ids of facility and structure, or the gateway alone; the group; and where it began.

    Attributes:
        subject: channel or gateway.
        group: of `GROUP_OF`, with the sensor where each has its own.
    """

    facility: str
    structure: str
    subject: str
    group: str


def deduplicate(matter: Matter, event: Event, owner: Owner, settings: AlertSettings) -> Update | None:
    """Take one event into `matter` (changed in place); the update that it makes, if any."""
    match event.change:
        case Change.RAISED:
            return _raised(matter, event, owner, _repeat_ns(event, settings))
        case Change.CLEARED:
            return _cleared(matter, event)
        case Change.PASSED:
            return _passed(matter, event, owner, _repeat_ns(event, settings))


def _raised(matter: Matter, event: Event, owner: Owner, repeat_ns: float) -> Update:
    member = member_of(event.finding)
    if member not in matter.members:
        matter.members.append(member)
    incident = matter.incident
    if incident is None or _is_over(incident, event, repeat_ns):
        matter.incident = _named(_open(event, owner), matter)
        return _update(matter.incident, event, (Act.OPENED, _act(event.tier)), event.tier)
    acts: tuple[Act, ...] = ()
    if incident.resolved_ns is not None:
        incident.resolved_ns = None
        acts = (Act.REOPENED,)
    return _grow(incident, event, acts)


def _named(incident: Incident, matter: Matter) -> Incident:
    """By the id that people know, where they were told early of a condition that began at the same time or later."""
    told = matter.told
    if told is not None and incident.occurred_ns <= told.occurred_ns:
        incident.id = told.incident
        matter.told = None
    return incident


def _cleared(matter: Matter, event: Event) -> Update | None:
    member = member_of(event.finding)
    if member in matter.members:
        matter.members.remove(member)
    incident = matter.incident
    if incident is None or incident.resolved_ns is not None or matter.members:
        return None
    incident.resolved_ns = incident.updated_ns = event.finding.t_ns
    return _update(incident, event, (Act.RESOLVED,), None)


def _passed(matter: Matter, event: Event, owner: Owner, repeat_ns: float) -> Update | None:
    """An alarm in late data that has cleared since: one incident that is over when it is told."""
    known = matter.incident
    if known is not None and _covers(known, event.occurred_ns):
        return _grow(known, event, ())
    if abs(event.occurred_ns - matter.passed_ns) < repeat_ns:
        return None
    matter.passed_ns = event.occurred_ns
    incident = _open(event, owner)
    incident.resolved_ns = event.finding.t_ns
    return _update(incident, event, (Act.OPENED, Act.ALARM, Act.RESOLVED), Tier.ALARM)


def _repeat_ns(event: Event, settings: AlertSettings) -> float:
    return max(settings.repeat_after_h * NS_PER_HOUR, settings.repeat_after_evaluations * event.spacing_ns)


def _covers(incident: Incident, t_ns: int) -> bool:
    end_ns = incident.resolved_ns
    return incident.occurred_ns <= t_ns and (end_ns is None or t_ns <= end_ns)


def _is_over(incident: Incident, event: Event, repeat_ns: float) -> bool:
    if incident.resolved_ns is None:
        return False
    return event.finding.t_ns - incident.resolved_ns >= repeat_ns


def _grow(incident: Incident, event: Event, acts: tuple[Act, ...]) -> Update:
    """A member joins or worsens an incident that stands."""
    incident.updated_ns = max(incident.updated_ns, event.finding.t_ns)
    if event.finding.channel not in incident.subjects:
        incident.subjects.append(event.finding.channel)
        acts = (*acts, Act.JOINED)
    reached = None
    if _is_told_by(incident, event):
        incident.finding = event.finding
    if RANK[event.tier] > RANK[incident.tier]:
        incident.tier = reached = event.tier
        acts = (*acts, _act(event.tier))
    _keep(incident, event.finding)
    return _update(incident, event, acts, reached)


def _is_told_by(incident: Incident, event: Event) -> bool:
    """Whether the new finding takes the place of the one that the incident is told by."""
    told, new = incident.finding, event.finding
    if leads(told, new):
        return False
    return leads(new, told) or RANK[event.tier] > RANK[incident.tier] or _worsened(told, new)


def _worsened(told: Finding, new: Finding) -> bool:
    return member_of(told) == member_of(new) and RANK[new.tier] > RANK[told.tier]


def _keep(incident: Incident, finding: Finding) -> None:
    member = member_of(finding)
    if member in incident.findings or len(incident.findings) < MAX_FINDINGS:
        incident.findings[member] = finding


def _open(event: Event, owner: Owner) -> Incident:
    return Incident(
        id=incident_id(owner.structure, owner.subject, owner.group, event.occurred_ns),
        facility=owner.facility,
        structure=owner.structure,
        subject=owner.subject,
        tier=event.tier,
        opened_ns=event.finding.t_ns,
        occurred_ns=event.occurred_ns,
        received_ns=event.heard_ns,
        updated_ns=event.finding.t_ns,
        finding=event.finding,
        subjects=[event.finding.channel],
        findings={member_of(event.finding): event.finding},
    )


def _update(incident: Incident, event: Event, acts: tuple[Act, ...], reached: Tier | None) -> Update:
    dated = tuple((act, event.finding.t_ns) for act in acts)
    copy = msgspec.structs.replace(incident, subjects=list(incident.subjects), findings=dict(incident.findings))
    return Update(copy, dated, reached, event.heard_ns)


def _act(tier: Tier) -> Act:
    return Act(tier.value)

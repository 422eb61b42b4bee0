"""Early: an alarm by a fixed limit is told while the frame that it is in still waits for those before it.

A fork of the structure's limit watches sees such readings as they come. What it raises to alarm is told at once; when
the frames are judged in order, the same condition is the same incident, with the same mail, and changes nothing. Where
it turns out to have begun before, in what came later, the incident keeps the id that people know.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cloud_service.alert.deduplicate import Act, Matter, Told, Update
from cloud_service.alert.group import GROUP_OF
from cloud_service.alert.incident import Incident
from cloud_service.alert.stages import Alerts, AlertState, Stages
from telltale.findings import Finding, Reason, Tier

GROUP = GROUP_OF[Reason.LIMIT]


class EarlyState(msgspec.Struct):
    """State of one structure while frames of it wait.

    Attributes:
        fork: watches and matter of its limits, ahead of those that have been judged in order.
        told: incident id → when it began, of those that were told early.
        is_open: whether frames have waited since the fork was made.
    """

    fork: AlertState = msgspec.field(default_factory=AlertState)
    told: dict[str, int] = {}
    is_open: bool = False


def take(
    early: EarlyState, real: AlertState, findings: Iterable[tuple[Finding, int]], stages: Stages, out: Alerts
) -> None:
    """Findings of frames that wait, with the run's clock at each.

    Args:
        early: changed in place.
        real: the structure's own alerts; its matter learns what was told.
        findings: verdicts of fixed limits.
        stages: as for what is judged in order.
        out: takes the alarms.
    """
    if not early.is_open:
        early.fork, early.is_open = _fork(real), True
    seen = Alerts()
    for finding, heard_ns in findings:
        stages.take(early.fork, finding, heard_ns, seen)
    for update in seen.updates:
        if update.reached is Tier.ALARM and update.incident.id not in early.told:
            incident = update.incident
            early.told[incident.id] = incident.occurred_ns
            real.matters.setdefault(GROUP, Matter()).told = Told(incident.id, incident.occurred_ns)
            out.updates.append(Update(incident, (), update.reached, update.heard_ns))
    out.mails.extend(mail for mail in seen.mails if mail.tier is Tier.ALARM)


def close(early: EarlyState, real: AlertState, out: Alerts) -> None:
    """All that waited has been judged in order: what it did not confirm is over."""
    matter = real.matters.get(GROUP)
    if matter is not None and matter.told is not None:
        incident = _as_judged(early.fork.matters[GROUP], matter, matter.told.incident)
        if incident is not None:
            acts = () if incident is matter.incident else ((Act.RESOLVED, incident.updated_ns),)
            out.updates.append(Update(incident, acts, None, incident.received_ns))
        matter.told = None
    early.fork, early.told, early.is_open = AlertState(), {}, False


def _as_judged(ahead: Matter, matter: Matter, told: str) -> Incident | None:
    """The incident that was told early as it is after all: as it stands, or else over."""
    if matter.incident is not None and matter.incident.id == told:
        return matter.incident
    if ahead.incident is None or ahead.incident.id != told:
        return None
    ahead.incident.resolved_ns = ahead.incident.updated_ns
    return ahead.incident


def _fork(real: AlertState) -> AlertState:
    suffix = f" {Reason.LIMIT.value}"
    some = AlertState(
        watches={key: watch for key, watch in real.watches.items() if key.endswith(suffix)},
        matters={GROUP: real.matters[GROUP]} if GROUP in real.matters else {},
    )
    return msgspec.msgpack.decode(msgspec.msgpack.encode(some), type=AlertState)

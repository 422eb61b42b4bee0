"""The alert stages in order, for one structure or gateway: evaluate → group → deduplicate → silence → digest → notify.

Pure: state and findings in, incidents and mails out; `record` writes both in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from cloud_service.alert import digest
from cloud_service.alert.deduplicate import Act, Matter, Owner, Update, deduplicate
from cloud_service.alert.digest import Digest
from cloud_service.alert.evaluate import Event, Watch, evaluate, release
from cloud_service.alert.group import GROUP_OF, OF_EACH_CHANNEL, SPOILT_BY_INPUT, sensor_at_fault
from cloud_service.alert.incident import Incident
from cloud_service.alert.notify import Mail, compose
from cloud_service.alert.settings import AlertSettings
from cloud_service.alert.silence import is_silenced, spans
from telltale.findings import Finding, Tier
from telltale.site import Site


class AlertState(msgspec.Struct):
    """State of one structure or gateway.

    Attributes:
        watches: "channel reason" → its watch.
        matters: group → its matter.
        owed: incident id → the tiers whose mail a maintenance window holds back.
        digest: what operators are to be told with the next mail.
    """

    watches: dict[str, Watch] = {}
    matters: dict[str, Matter] = {}
    owed: dict[str, list[Tier]] = {}
    digest: Digest = msgspec.field(default_factory=Digest)


@dataclass(slots=True)
class Alerts:
    """What the stages decided."""

    updates: list[Update] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)


class Stages:
    """The stages with their settings; holds no state."""

    def __init__(self, site: Site, settings: AlertSettings) -> None:
        self._site = site
        self._settings = settings
        self._windows = spans(settings.maintenance)

    def take(self, state: AlertState, finding: Finding, heard_ns: int, out: Alerts) -> None:
        """One finding, in the order of events, into `state` (changed in place); decisions go to `out`."""
        self._mail_due(state, heard_ns, out)
        key = f"{finding.channel} {finding.reason.value}"
        watch = state.watches.get(key)
        if watch is None:
            watch = state.watches[key] = Watch()
        event = evaluate(watch, finding, heard_ns, self._settings)
        if event is not None:
            self._act(state, event, out)
        if state.owed:
            self._settle(state, finding.t_ns, heard_ns, out)

    def tick(self, state: AlertState, heard_ns: int, out: Alerts) -> None:
        """The run's clock moved on: release what a backlog held, and mail what has been gathered."""
        self._mail_due(state, heard_ns, out)
        for watch in state.watches.values():
            event = release(watch, heard_ns, self._settings)
            if event is not None:
                self._act(state, event, out)

    def _act(self, state: AlertState, event: Event, out: Alerts) -> None:
        owner = self._owner(state, event.finding)
        matter = state.matters.setdefault(owner.group, Matter())
        update = deduplicate(matter, event, owner, self._settings)
        if update is None:
            return
        out.updates.append(update)
        if any(act is Act.REOPENED for act, _ in update.acts):
            digest.come_back(state.digest, update.incident.id, update.heard_ns)
        if update.reached is None:
            return
        if is_silenced(self._windows, owner.structure, event.finding.t_ns):
            state.owed.setdefault(update.incident.id, []).append(update.reached)
        else:
            self._notify(state, update, update.reached, out)

    def _settle(self, state: AlertState, t_ns: int, heard_ns: int, out: Alerts) -> None:
        """Mails that a maintenance window held back: due once it is over, void if the incident is."""
        standing = {incident.id: incident for incident in _standing(state)}
        for incident_id in list(state.owed):
            incident = standing.get(incident_id)
            if incident is None:
                del state.owed[incident_id]
            elif not is_silenced(self._windows, incident.structure, t_ns):
                tiers = state.owed.pop(incident_id)
                self._notify(state, Update(incident, (), tiers[-1], heard_ns), tiers[-1], out)

    def _notify(self, state: AlertState, update: Update, tier: Tier, out: Alerts) -> None:
        if tier is Tier.SUSPECT and update.incident.structure:
            digest.add(state.digest, update.incident.id, update.heard_ns)
            return
        digest.withdraw(state.digest, update.incident.id)
        self._mail([update.incident], tier, update.heard_ns, out)

    def _mail_due(self, state: AlertState, heard_ns: int, out: Alerts) -> None:
        if not digest.is_waiting(state.digest, heard_ns, self._settings):
            return
        newest = {matter.incident.id: matter.incident for matter in state.matters.values() if matter.incident}
        told, due_ns = digest.collect(state.digest, newest, heard_ns, self._settings)
        if told:
            self._mail(told, Tier.SUSPECT, due_ns, out)

    def _mail(self, incidents: Sequence[Incident], tier: Tier, created_ns: int, out: Alerts) -> None:
        mail = compose(self._site, incidents, tier, created_ns)
        if mail is not None:
            out.mails.append(mail)

    def _owner(self, state: AlertState, finding: Finding) -> Owner:
        group = GROUP_OF[finding.reason]
        place = self._site.places.get(finding.channel)
        if place is None:
            return Owner("", "", finding.channel, group)
        subject = finding.channel
        if group in OF_EACH_CHANNEL:
            subject = sensor_at_fault(finding, place.channel.derived_from, _faults_by_sensor(state, finding, group))
            group = f"{group}:{subject}"
        return Owner(place.facility.id, place.structure.id, subject, group)


def _faults_by_sensor(state: AlertState, finding: Finding, group: str) -> dict[str, list[str]]:
    if finding.reason not in SPOILT_BY_INPUT:
        return {}
    prefix = f"{group}:"
    return {
        name.removeprefix(prefix): matter.members for name, matter in state.matters.items() if name.startswith(prefix)
    }


def _standing(state: AlertState) -> Iterator[Incident]:
    for matter in state.matters.values():
        if matter.incident is not None and matter.incident.resolved_ns is None:
            yield matter.incident

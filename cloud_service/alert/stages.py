"""The alert stages in order, for one structure or gateway: evaluate → group → deduplicate → silence → notify.

Pure: state and findings in, incidents and mails out; `record` writes both in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from cloud_service.alert.deduplicate import Matter, Owner, Update, deduplicate
from cloud_service.alert.evaluate import Event, Watch, evaluate, release
from cloud_service.alert.group import GROUP_OF
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
    """

    watches: dict[str, Watch] = {}
    matters: dict[str, Matter] = {}
    owed: dict[str, list[Tier]] = {}


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
        key = f"{finding.channel} {finding.reason.value}"
        watch = state.watches.setdefault(key, Watch())
        event = evaluate(watch, finding, heard_ns, self._settings)
        if event is not None:
            self._act(state, event, out)
        if state.owed:
            self._settle(state, finding.t_ns, heard_ns, out)

    def tick(self, state: AlertState, heard_ns: int, out: Alerts) -> None:
        """The run's clock moved on: release what a backlog held."""
        for watch in state.watches.values():
            event = release(watch, heard_ns, self._settings)
            if event is not None:
                self._act(state, event, out)

    def _act(self, state: AlertState, event: Event, out: Alerts) -> None:
        owner = self._owner(event.finding)
        matter = state.matters.setdefault(owner.group, Matter())
        update = deduplicate(matter, event, owner, self._settings)
        if update is None:
            return
        out.updates.append(update)
        if update.reached is None:
            return
        if is_silenced(self._windows, owner.structure, event.finding.t_ns):
            state.owed.setdefault(update.incident.id, []).append(update.reached)
        else:
            self._notify(update, update.reached, out)

    def _settle(self, state: AlertState, t_ns: int, heard_ns: int, out: Alerts) -> None:
        """Mails that a maintenance window held back: due once it is over, void if the incident is."""
        standing = {incident.id: incident for incident in _standing(state)}
        for incident_id in list(state.owed):
            incident = standing.get(incident_id)
            if incident is None:
                del state.owed[incident_id]
            elif not is_silenced(self._windows, incident.structure, t_ns):
                tiers = state.owed.pop(incident_id)
                self._notify(Update(incident, (), tiers[-1], heard_ns), tiers[-1], out)

    def _notify(self, update: Update, tier: Tier, out: Alerts) -> None:
        mail = compose(self._site, update.incident, tier, update.heard_ns)
        if mail is not None:
            out.mails.append(mail)

    def _owner(self, finding: Finding) -> Owner:
        group = GROUP_OF[finding.reason]
        place = self._site.places.get(finding.channel)
        if place is None:
            return Owner("", "", finding.channel, group)
        return Owner(place.facility.id, place.structure.id, finding.channel, group)


def _standing(state: AlertState) -> Iterator[Incident]:
    for matter in state.matters.values():
        if matter.incident is not None and matter.incident.resolved_ns is None:
            yield matter.incident

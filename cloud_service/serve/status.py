"""How each channel and structure stands now, from `state.db` alone: the store may be down."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from cloud_service.detector_faults import DetectorFault, standing_faults
from cloud_service.incident_record import IncidentRecord, blamed, list_incidents, lives
from cloud_service.wording.reasons import SEVERITY
from telltale.findings import Finding, Life, Reason, Tier
from telltale.site import Facility, Place, Site, Structure


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """Attributes:
    place: the channel.
    tier: the worst open incident; CLEAR without one; None before any reading, and while one is not judged.
    t_ns, value: newest reading, or rms of the newest window; base unit.
    findings: the newest verdict of each reason.
    life: newest estimate or refusal.
    not_judged: detectors that fail on its newest readings.
    """

    place: Place
    tier: Tier | None
    t_ns: int | None = None
    value: float | None = None
    findings: Sequence[Finding] = ()
    life: Life | None = None
    not_judged: Sequence[DetectorFault] = ()


@dataclass(frozen=True, slots=True)
class StructureStatus:
    """A structure with its channels, what stands open, and the estimate that ends first."""

    facility: Facility
    structure: Structure
    tier: Tier | None
    channels: Sequence[ChannelStatus] = ()
    incidents: Sequence[IncidentRecord] = ()
    life: Life | None = None


@dataclass(slots=True)
class _Now:
    t_ns: int
    value: float | None
    findings: list[Finding] = field(default_factory=list)


def structures_now(state: sqlite3.Connection, site: Site) -> list[StructureStatus]:
    """Every structure, in the order of the site file."""
    incidents = list_incidents(state, open_only=True)
    by_channel = {status.place.channel.id: status for status in _channels(state, site, incidents)}
    return [
        _structure(facility, structure, [by_channel[channel.id] for channel in structure.channels], incidents)
        for facility, structure in site.structures()
    ]


def structure_now(state: sqlite3.Connection, site: Site, structure: str) -> StructureStatus | None:
    """One structure, or None where the site has none of this id."""
    return next((status for status in structures_now(state, site) if status.structure.id == structure), None)


def channel_now(state: sqlite3.Connection, site: Site, channel: str) -> ChannelStatus | None:
    """One channel, or None where the site has none of this id."""
    place = site.places.get(channel)
    if place is None:
        return None
    status = structure_now(state, site, place.structure.id)
    return next((item for item in status.channels if item.place.channel.id == channel), None) if status else None


def worst(tiers: Sequence[Tier | None]) -> Tier | None:
    """The worst tier; None where nothing is known of any."""
    known = [tier for tier in tiers if tier is not None]
    return max(known, key=SEVERITY.__getitem__) if known else None


def worst_first(structures: Sequence[StructureStatus]) -> list[StructureStatus]:
    """Sorted for people; those that stand equal keep the order of the site file, those without readings come last."""
    return sorted(structures, key=lambda status: -1 if status.tier is None else SEVERITY[status.tier], reverse=True)


def _channels(state: sqlite3.Connection, site: Site, incidents: Sequence[IncidentRecord]) -> list[ChannelStatus]:
    now = _read_now(state)
    life_by_channel = {life.channel: life for life in lives(state)}
    not_judged: dict[str, list[DetectorFault]] = {}
    for fault in standing_faults(state):
        not_judged.setdefault(fault.channel, []).append(fault)
    open_tiers: dict[str, list[Tier]] = {}
    for incident in incidents:
        for subject in _concerned(incident):
            open_tiers.setdefault(subject, []).append(incident.tier)
    found = []
    for place in site.channels():
        known = now.get(place.channel.id)
        failing = not_judged.get(place.channel.id, ())
        base = Tier.CLEAR if known and not failing else None
        found.append(
            ChannelStatus(
                place=place,
                tier=worst([base, *open_tiers.get(place.channel.id, [])]),
                t_ns=known.t_ns if known else None,
                value=known.value if known else None,
                findings=_with_groups(place, now),
                life=life_by_channel.get(place.channel.id),
                not_judged=failing,
            )
        )
    return found


def _concerned(incident: IncidentRecord) -> set[str]:
    """The channels whose status an incident tells: of a group's the one that it names, not its first."""
    group = incident.reason is Reason.NOVELTY_GROUP
    others = {incident.subject, *incident.subjects} - ({incident.finding.channel} if group else set())
    return {*others, blamed(incident.finding)} if group else others


def _with_groups(place: Place, now: Mapping[str, _Now]) -> list[Finding]:
    """The newest verdicts on a channel, those of its groups included: they stand at the group's first channel."""
    own = now[place.channel.id].findings if place.channel.id in now else []
    first = {group.channels[0]: group.id for group in place.structure.groups if place.channel.id in group.channels}
    shared = [
        finding
        for channel, group in first.items()
        if channel != place.channel.id and channel in now
        for finding in now[channel].findings
        if finding.reason is Reason.NOVELTY_GROUP and finding.evidence.get("group") == group
    ]
    return [*own, *shared]


def _read_now(state: sqlite3.Connection) -> dict[str, _Now]:
    found = {}
    for channel, t_ns, value, findings in state.execute("SELECT channel, t_ns, value, findings FROM channel_now"):
        verdicts = msgspec.json.decode(findings, type=dict[str, Finding])
        found[channel] = _Now(t_ns, value, list(verdicts.values()))
    return found


def _structure(
    facility: Facility, structure: Structure, channels: Sequence[ChannelStatus], incidents: Sequence[IncidentRecord]
) -> StructureStatus:
    own = [incident for incident in incidents if incident.structure == structure.id]
    return StructureStatus(
        facility=facility,
        structure=structure,
        tier=worst([*(channel.tier for channel in channels), *(incident.tier for incident in own)]),
        channels=channels,
        incidents=own,
        life=_first_to_end([channel.life for channel in channels if channel.life]),
    )


def _first_to_end(found: Sequence[Life]) -> Life | None:
    """The estimate with the earliest P10; a refusal only where there is no estimate."""
    estimates = [life for life in found if life.p10_ns is not None]
    if estimates:
        return min(estimates, key=lambda life: life.p10_ns or 0)
    return found[0] if found else None

"""What a mail says, as plain values for the templates: what, where, how bad, since when, until when, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from cloud_service.incident_record import IncidentRecord
from cloud_service.wording.badness import badness, evidence
from cloud_service.wording.dates import duration, minute, weekday, zone_of
from cloud_service.wording.lives import LifeWords, life_words
from cloud_service.wording.reasons import ACT_WITHIN_DAYS, TIER_WORDS, WORDS, Words
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from telltale.findings import Life, Reason, Tier
from telltale.site import Facility, Place, Site

LATE_NS = NS_PER_HOUR
MAX_LISTED = 12


@dataclass(frozen=True, slots=True)
class Facts:
    """Attributes:
    tier, tier_word: how bad.
    words: title, meaning, action of the reason.
    structure, facility, place: where; `place` is the sensor with its position.
    others: further sensors that show the same.
    badness: value against limit; empty where the reason has no number.
    limit_source: where the limit comes from.
    since, received: when it began; when it was received, only if that was much later.
    life: expected date of the limit or the named refusal; None where there is neither.
    act_by: the date to act by.
    evidence: (name, value) pairs for the engineer.
    """

    tier: Tier
    tier_word: str
    words: Words
    structure: str
    facility: str
    place: str
    others: Sequence[str]
    badness: str
    limit_source: str
    since: str
    received: str
    late_by: str
    life: LifeWords | None
    life_assumptions: Sequence[str]
    life_source: str
    act_by: str
    provisional: bool
    evidence: Sequence[tuple[str, str]]
    zone: tzinfo

    @property
    def subject(self) -> str:
        """The subject line."""
        late = " (received late)" if self.received else ""
        return f"{self.tier_word}: {self.structure}: {self.words.title}{late}"


def gather(site: Site, incident: IncidentRecord, tier: Tier, life: Life | None, created_ns: int) -> Facts:
    """The facts of a mail about `incident` at level `tier`, decided at `created_ns` (the run's clock)."""
    place = site.places.get(incident.finding.channel) or site.places.get(incident.subject)
    facility = place.facility if place else _facility(site, incident)
    zone = zone_of(facility.timezone if facility else "UTC")
    late_ns = incident.received_ns - incident.opened_ns
    is_late = late_ns > LATE_NS + _interval_ns(place)
    return Facts(
        tier=tier,
        tier_word=TIER_WORDS[tier],
        words=WORDS[incident.reason],
        structure=_structure_name(place, incident),
        facility=facility.name if facility else incident.facility,
        place=_place_name(place, incident),
        others=_others(site, incident),
        badness=badness(incident.finding),
        limit_source=incident.finding.limit_source,
        since=minute(incident.occurred_ns, zone),
        received=minute(incident.received_ns, zone) if is_late else "",
        late_by=duration(late_ns) if is_late else "",
        life=life_words(life, zone) if life else None,
        life_assumptions=life.assumptions if life else (),
        life_source=life.source if life else "",
        act_by=weekday(_act_by_ns(tier, life, created_ns), zone),
        provisional=incident.finding.provisional,
        evidence=evidence(incident.finding),
        zone=zone,
    )


def _facility(site: Site, incident: IncidentRecord) -> Facility | None:
    """The facility of an incident that no channel opened: by its id, or that of the gateway's first channel."""
    for facility in site.facilities:
        if facility.id == incident.facility:
            return facility
    places = site.gateways().get(incident.subject, ())
    return places[0].facility if places else None


def _structure_name(place: Place | None, incident: IncidentRecord) -> str:
    if incident.structure and place:
        return place.structure.name
    return incident.structure or f"Gateway {incident.subject}"


def _place_name(place: Place | None, incident: IncidentRecord) -> str:
    if incident.reason is Reason.SILENT_GATEWAY or place is None:
        return f"gateway {incident.subject}"
    channel = place.channel
    extra = ", ".join(text for text in (channel.position, channel.axis and f"axis {channel.axis}") if text)
    return f"{channel.label} ({extra})" if extra else channel.label


def _others(site: Site, incident: IncidentRecord) -> list[str]:
    ids = [subject for subject in incident.subjects if subject not in (incident.finding.channel, incident.subject)]
    names = [site.places[subject].channel.label if subject in site.places else subject for subject in ids]
    if len(names) > MAX_LISTED:
        return [*names[:MAX_LISTED], f"and {len(names) - MAX_LISTED} more"]
    return names


def _act_by_ns(tier: Tier, life: Life | None, created_ns: int) -> int:
    by_ns = created_ns + ACT_WITHIN_DAYS[tier] * NS_PER_DAY
    if life and life.p10_ns is not None and tier is not Tier.SUSPECT:
        by_ns = min(by_ns, max(life.p10_ns, created_ns + NS_PER_DAY))
    return by_ns


def _interval_ns(place: Place | None) -> int:
    return int(place.channel.interval_s * NS_PER_S) if place else 0

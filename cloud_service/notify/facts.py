"""What a mail says, as plain values for the templates: what, where, how bad, since when, until when, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from cloud_service.incident_record import IncidentRecord, blamed
from cloud_service.wording.badness import badness
from cloud_service.wording.certainty import certainty
from cloud_service.wording.dates import duration, minute, weekday, zone_of
from cloud_service.wording.deadline import act_by_ns
from cloud_service.wording.evidence import facts as evidence_words
from cloud_service.wording.lives import LifeWords, life_words
from cloud_service.wording.reasons import SENSORS, TIER_WORDS, WORDS, Words
from cloud_service.wording.sources import limit_from
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from telltale.findings import Finding, Life, Reason, Tier
from telltale.kinds import KINDS
from telltale.site import Facility, Place, Site

LATE_NS = NS_PER_HOUR
MAX_LISTED = 12
GROUP_ROWS = 3
MAX_SENSORS = 40

# Judged once a day, when the day is over: their news are a day old by nature, not late.
_JUDGED_DAILY = (Reason.CRACK_TREND, Reason.LIFE)
_DAILY_NS = 2 * NS_PER_DAY


@dataclass(frozen=True, slots=True)
class SensorFacts:
    """One of several sensors that a mail tells of: where, what, how bad by which limit, how sure, the evidence, since
    when, what else; and its incident.
    """

    place: str
    title: str
    badness: str
    limit_source: str
    certainty: str
    evidence: Sequence[tuple[str, str]]
    since: str
    others: Sequence[str]
    link: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Attributes:
    tier, tier_word: how bad.
    words: title, meaning, action of the reason.
    structure, facility, place: where; `place` is the sensor with its position.
    others: what else belongs to it: further verdicts on this place, further sensors with what they show.
    badness: value against limit; empty where the reason has no number.
    limit_source: where the limit comes from.
    certainty: its interval, its rate of false alarms, or why it has neither.
    since, received: when it began; when it was received, only if that was much later.
    life: expected date of the limit or the named refusal; None where there is neither.
    life_detail, life_source: how it was estimated, and where its limit comes from.
    act_by: the date to act by.
    evidence: (name, value) pairs for the engineer.
    sensors: in a mail that tells of several, each of them; `place`, `badness` and `others` are of the first.
    left_off: how many more there are.
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
    certainty: str
    since: str
    received: str
    late_by: str
    life: LifeWords | None
    life_assumptions: Sequence[str]
    life_detail: str
    life_source: str
    act_by: str
    provisional: bool
    evidence: Sequence[tuple[str, str]]
    zone: tzinfo
    sensors: Sequence[SensorFacts] = ()
    left_off: int = 0

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
    is_late = late_ns > LATE_NS + _usual_delay_ns(place, incident)
    if tier is Tier.SUSPECT:
        life = None  # the sensor is in question, and its estimates with it
    return Facts(
        tier=tier,
        tier_word=TIER_WORDS[tier],
        words=WORDS[incident.reason],
        structure=_structure_name(place, incident),
        facility=facility.name if facility else incident.facility,
        place=_place_name(site.places.get(blamed(incident.finding)) or place, incident),
        others=_others(site, incident),
        badness=badness(incident.finding),
        limit_source=limit_from(incident.finding),
        certainty=certainty(incident.finding, place.structure if place else None),
        since=minute(incident.occurred_ns, zone),
        received=minute(incident.received_ns, zone) if is_late else "",
        late_by=duration(late_ns) if is_late else "",
        life=life_words(life, zone) if life else None,
        life_assumptions=life.assumptions if life else (),
        life_detail=life.detail if life and life.refused is None else "",
        life_source=life.source if life else "",
        act_by=weekday(act_by_ns(tier, life, created_ns), zone),
        provisional=incident.finding.provisional,
        evidence=evidence_words(incident.finding, _unit(place)),
        zone=zone,
    )


def gather_sensors(
    site: Site, incidents: Sequence[IncidentRecord], links: Sequence[str], first: Facts, total: int
) -> Facts:
    """The facts of a mail about several sensors of a structure.

    Args:
        site: names.
        incidents: one for each sensor; no more than `MAX_SENSORS` are listed.
        links: to the page of each.
        first: the facts of the first one alone.
        total: how many sensors there are to tell of.
    """
    listed = [_sensor_facts(site, incident, link, first.zone) for incident, link in zip(incidents, links, strict=True)][
        :MAX_SENSORS
    ]
    words = replace(SENSORS, title=f"{total} sensors need a check")
    return replace(
        first, words=words, received="", late_by="", evidence=(), sensors=listed, left_off=total - len(listed)
    )


def _sensor_facts(site: Site, incident: IncidentRecord, link: str, zone: tzinfo) -> SensorFacts:
    return SensorFacts(
        place=_place_name(site.places.get(incident.finding.channel), incident),
        title=WORDS[incident.reason].title,
        badness=badness(incident.finding),
        limit_source=limit_from(incident.finding),
        certainty=certainty(incident.finding),
        evidence=evidence_words(incident.finding, _unit(site.places.get(incident.finding.channel))),
        since=minute(incident.occurred_ns, zone),
        others=_others(site, incident),
        link=link,
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
    """Every other verdict of the incident in words, then the sensors of which no verdict is kept."""
    told = incident.finding
    further = [item for item in incident.findings if (item.channel, item.reason) != (told.channel, told.reason)]
    said = [_said(site, item) for item in further]
    known = {told.channel, *(item.channel for item in further)}
    said += [_label(site, subject) for subject in incident.subjects if subject not in known]
    if len(said) > MAX_LISTED:
        return [*said[:MAX_LISTED], f"and {len(said) - MAX_LISTED} more"]
    return said


def _said(site: Site, finding: Finding) -> str:
    bad = badness(finding) if finding.reason is not Reason.SENSOR_DERIVED else ""  # its title says all
    return f"{_label(site, finding.channel)}: {WORDS[finding.reason].title}" + (f" ({bad})" if bad else "")


def _label(site: Site, channel: str) -> str:
    return site.places[channel].channel.label if channel in site.places else channel


def _unit(place: Place | None) -> str:
    return KINDS[place.channel.kind].base_unit if place else ""


def _usual_delay_ns(place: Place | None, incident: IncidentRecord) -> int:
    """After how long a verdict of this kind is there, where nothing was held up."""
    if place is None:
        return 0
    interval_s = place.channel.interval_s
    if incident.reason is Reason.NOVELTY_GROUP:  # its row must end, and waits for the slowest of the group
        every_s = [group.every_s or interval_s for group in place.structure.groups]
        interval_s = GROUP_ROWS * max(every_s, default=interval_s)
    return max(int(interval_s * NS_PER_S), _DAILY_NS if incident.reason in _JUDGED_DAILY else 0)

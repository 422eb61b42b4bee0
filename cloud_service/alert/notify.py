"""Notify: an incident that reached a tier, or several sensors at once → one mail, to those whom the tier concerns."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cloud_service.alert.incident import Incident
from telltale.findings import Tier
from telltale.site import Contact, Site


@dataclass(frozen=True, slots=True)
class Mail:
    """A row of `outbox` in `state.db`.

    Attributes:
        incident, tier: what it is about; of several incidents the first.
        incidents: all of them.
        message_id: made from tier and incidents, so that the same mail is never queued twice.
        created_ns: the run's clock.
        recipients: whom it goes to.
    """

    incident: str
    tier: Tier
    message_id: str
    created_ns: int
    recipients: tuple[Contact, ...]
    incidents: tuple[str, ...]


def compose(site: Site, incidents: Sequence[Incident], tier: Tier, created_ns: int) -> Mail | None:
    """The mail about one incident or, of one structure, several; None where the site names nobody to tell."""
    recipients = recipients_of(site, incidents[0], tier)
    if not recipients:
        return None
    names = tuple(incident.id for incident in incidents)
    return Mail(names[0], tier, message_id(names, tier), created_ns, recipients, names)


def recipients_of(site: Site, incident: Incident, tier: Tier) -> tuple[Contact, ...]:
    """Contacts of the structure; for a gateway those of every structure that it serves."""
    suspect = tier is Tier.SUSPECT
    if incident.structure:
        return site.contacts_for(incident.structure, suspect=suspect)
    structures = {place.structure.id for place in site.gateways().get(incident.subject, ())}
    return _distinct([contact for name in sorted(structures) for contact in site.contacts_for(name, suspect=suspect)])


def message_id(incidents: Sequence[str], tier: Tier) -> str:
    """A Message-ID (RFC 5322, 3.6.4) that is the same for the same incidents and tier."""
    names = ",".join(sorted(incidents))
    return f"<{hashlib.sha256(f'{names}/{tier.value}'.encode()).hexdigest()[:32]}@telltale>"


def _distinct(contacts: Sequence[Contact]) -> tuple[Contact, ...]:
    return tuple({contact.email: contact for contact in contacts}.values())

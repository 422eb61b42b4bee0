"""An incident: one matter, on one structure (or gateway), from when it began to when it was over."""

from __future__ import annotations

import hashlib

import msgspec

from telltale.findings import Finding, Tier

# Enough for people to read; `subjects` holds every channel.
MAX_FINDINGS = 60


class Incident(msgspec.Struct):
    """As kept in `incidents` of `state.db` (see there for the columns).

    Attributes:
        tier: the highest reached.
        finding: what it is told by: the one that leads (`group.leads`), else the worst.
        subjects: every channel that joined.
        findings: "channel reason" → what raised it, of the first `MAX_FINDINGS` that joined.
    """

    id: str
    facility: str
    structure: str
    subject: str
    tier: Tier
    opened_ns: int
    occurred_ns: int
    received_ns: int
    updated_ns: int
    finding: Finding
    subjects: list[str]
    resolved_ns: int | None = None
    findings: dict[str, Finding] = {}


def incident_id(structure: str, subject: str, group: str, occurred_ns: int) -> str:
    """The same matter has the same id however often its data is analysed; `subject` matters for gateways only."""
    owner = structure or subject
    return hashlib.sha256(f"{owner}\n{group}\n{occurred_ns}".encode()).hexdigest()[:20]

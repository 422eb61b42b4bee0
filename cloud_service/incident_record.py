"""Incidents as notify and serve read them from `state.db`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec

from telltale.findings import Finding, Life, Reason, Tier

_COLUMNS = (
    "id, facility, structure, subject, reason, tier, state, opened_ns, occurred_ns, received_ns, updated_ns, "
    "resolved_ns, finding, subjects, findings"
)


class IncidentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `incidents`, typed; the columns are described in `cloud_service.state`."""

    id: str
    facility: str
    structure: str
    subject: str
    reason: Reason
    tier: Tier
    state: str
    opened_ns: int
    occurred_ns: int
    received_ns: int
    updated_ns: int
    resolved_ns: int | None
    finding: Finding
    subjects: tuple[str, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether the condition still stands (acknowledged or not)."""
        return self.state != "resolved"


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to an incident, when, and by whom."""

    at_ns: int
    who: str
    what: str


def blamed(finding: Finding) -> str:
    """The channel that a verdict is about: of a group's, which stands at its first channel, the one that it names."""
    return str(finding.evidence.get("contributes_most", finding.channel))


def find_incident(state: sqlite3.Connection, incident: str) -> IncidentRecord | None:
    """The incident of this id, or None."""
    row = state.execute(f"SELECT {_COLUMNS} FROM incidents WHERE id = ?", (incident,)).fetchone()  # noqa: S608 - constant
    return None if row is None else _record(row)


def list_incidents(
    state: sqlite3.Connection, *, open_only: bool = False, structure: str = "", limit: int = 500
) -> list[IncidentRecord]:
    """Incidents: those that stand first, then the worst, then the newest."""
    where, values = [], []
    if open_only:
        where.append("state != 'resolved'")
    if structure:
        where.append("structure = ?")
        values.append(structure)
    clause = f"WHERE {' AND '.join(where)}" if where else ""
    rows = state.execute(
        f"SELECT {_COLUMNS} FROM incidents {clause} "  # noqa: S608 - built from the constants above
        "ORDER BY state = 'resolved', "
        "CASE tier WHEN 'alarm' THEN 0 WHEN 'warn' THEN 1 ELSE 2 END, opened_ns DESC, id LIMIT ?",
        (*values, limit),
    )
    return [_record(row) for row in rows]


def incident_log(state: sqlite3.Connection, incident: str) -> list[LogEntry]:
    """Everything that happened to an incident, oldest first."""
    rows = state.execute("SELECT at_ns, who, what FROM incident_log WHERE incident = ? ORDER BY id", (incident,))
    return [LogEntry(at_ns=at_ns, who=who, what=what) for at_ns, who, what in rows]


def life_of(state: sqlite3.Connection, channel: str) -> Life | None:
    """The newest life estimate (or refusal) of a channel, or None where there has been none."""
    row = state.execute("SELECT body FROM life_now WHERE channel = ?", (channel,)).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Life)


def lives(state: sqlite3.Connection) -> Iterator[Life]:
    """The newest life estimate (or refusal) of every channel that has one."""
    for (body,) in state.execute("SELECT body FROM life_now ORDER BY channel"):
        yield msgspec.json.decode(body, type=Life)


def _record(row: tuple[Any, ...]) -> IncidentRecord:
    named = dict(zip(IncidentRecord.__struct_fields__, row, strict=True))
    named["reason"] = Reason(named["reason"])
    named["tier"] = Tier(named["tier"])
    named["finding"] = msgspec.json.decode(named["finding"], type=Finding)
    named["subjects"] = msgspec.json.decode(named["subjects"], type=tuple[str, ...])
    named["findings"] = msgspec.json.decode(named["findings"], type=tuple[Finding, ...])
    return IncidentRecord(**named)

"""Record: incidents, their log and the mails to send → `state.db`, inside the transaction of the analyse process."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from cloud_service.alert.deduplicate import Act, Update
from cloud_service.alert.notify import Mail

# What a person acknowledged stays acknowledged, unless it gets worse or comes back.
_INCIDENT = """
INSERT INTO incidents (id, facility, structure, subject, reason, tier, state, opened_ns, occurred_ns, received_ns,
                       updated_ns, resolved_ns, finding, subjects, findings)
VALUES (:id, :facility, :structure, :subject, :reason, :tier, :state, :opened_ns, :occurred_ns, :received_ns,
        :updated_ns, :resolved_ns, :finding, :subjects, :findings)
ON CONFLICT (id) DO UPDATE SET
    opened_ns = excluded.opened_ns, occurred_ns = excluded.occurred_ns, received_ns = excluded.received_ns,
    tier = excluded.tier, reason = excluded.reason, updated_ns = excluded.updated_ns,
    resolved_ns = excluded.resolved_ns, finding = excluded.finding, subjects = excluded.subjects,
    findings = excluded.findings,
    state = CASE WHEN incidents.state = 'acknowledged' AND excluded.state = 'open' AND NOT :anew
                 THEN 'acknowledged' ELSE excluded.state END
"""
_LOG = "INSERT INTO incident_log (incident, at_ns, who, what) VALUES (?, ?, 'system', ?)"
_MAIL = (
    "INSERT OR IGNORE INTO outbox (incident, tier, message_id, created_ns, spool_id, recipients, incidents)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)


def record_updates(connection: sqlite3.Connection, updates: Sequence[Update]) -> None:
    """Write changed incidents and what happened to them."""
    for update in updates:
        connection.execute(_INCIDENT, _columns(update))
        connection.executemany(_LOG, [(update.incident.id, at_ns, act.value) for act, at_ns in update.acts])


def record_mails(connection: sqlite3.Connection, mails: Sequence[Mail], spool_id: int) -> None:
    """Queue mails; rows up to `spool_id` are the evidence that they show."""
    for mail in mails:
        people = [{"name": contact.name, "email": contact.email} for contact in mail.recipients]
        connection.execute(
            _MAIL,
            (
                mail.incident,
                mail.tier.value,
                mail.message_id,
                mail.created_ns,
                spool_id,
                msgspec.json.encode(people),
                msgspec.json.encode(mail.incidents),
            ),
        )


def _columns(update: Update) -> dict[str, object]:
    incident = update.incident
    acts = [act for act, _ in update.acts]
    return {
        "id": incident.id,
        "facility": incident.facility,
        "structure": incident.structure,
        "subject": incident.subject,
        "reason": incident.finding.reason.value,
        "tier": incident.tier.value,
        "state": "open" if incident.resolved_ns is None else "resolved",
        "opened_ns": incident.opened_ns,
        "occurred_ns": incident.occurred_ns,
        "received_ns": incident.received_ns,
        "updated_ns": incident.updated_ns,
        "resolved_ns": incident.resolved_ns,
        "finding": msgspec.json.encode(incident.finding),
        "subjects": msgspec.json.encode(incident.subjects),
        "findings": msgspec.json.encode(list(incident.findings.values())),
        "anew": update.reached is not None or Act.REOPENED in acts,
    }

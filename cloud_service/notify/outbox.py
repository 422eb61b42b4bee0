"""The outbox of `state.db` as notify uses it: what is pending, what came of each attempt."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """One addressee, kept as JSON in the row, with what became of the mail.

    Attributes:
        outcome: empty while open, then "sent" or "refused".
        answer: the server's words for a refusal or the newest deferral.
    """

    name: str
    email: str
    outcome: str = ""
    answer: str = ""


class OutboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """One mail to send, or sent; the columns are described in `cloud_service.state`."""

    id: int
    incident: str
    tier: str
    message_id: str
    created_ns: int
    spool_id: int
    recipients: tuple[Recipient, ...]
    state: str
    attempts: int
    sent_ns: int | None
    error: str
    incidents: tuple[str, ...] = ()

    @property
    def about(self) -> tuple[str, ...]:
        """Every incident that it tells of."""
        return self.incidents or (self.incident,)

    def open_recipients(self) -> tuple[Recipient, ...]:
        """Those who neither got it nor were refused."""
        return tuple(recipient for recipient in self.recipients if not recipient.outcome)


_SELECT = (
    "SELECT id, incident, tier, message_id, created_ns, spool_id, recipients, state, attempts, sent_ns, error, "
    "incidents "
    "FROM outbox "
)


def pending(state: sqlite3.Connection, limit: int = 100) -> list[OutboxRow]:
    """Mails that wait, oldest first."""
    return _rows(state.execute(f"{_SELECT} WHERE state = 'pending' ORDER BY id LIMIT ?", (limit,)))


def newest(state: sqlite3.Connection, limit: int = 200) -> list[OutboxRow]:
    """All mails, newest first."""
    return _rows(state.execute(f"{_SELECT} ORDER BY id DESC LIMIT ?", (limit,)))


def find(state: sqlite3.Connection, row_id: int) -> OutboxRow | None:
    """The mail of this id, or None."""
    rows = _rows(state.execute(f"{_SELECT} WHERE id = ?", (row_id,)))
    return rows[0] if rows else None


def of_incident(state: sqlite3.Connection, incident: str) -> list[OutboxRow]:
    """The mails that tell of one incident, oldest first."""
    told = "incident = ?1 OR EXISTS (SELECT 1 FROM json_each(CAST(incidents AS TEXT)) WHERE value = ?1)"
    return _rows(state.execute(f"{_SELECT} WHERE {told} ORDER BY id", (incident,)))


def is_drained(state: sqlite3.Connection, row: OutboxRow) -> bool:
    """Whether the store has taken every result that belongs to this mail's evidence."""
    oldest = state.execute("SELECT MIN(id) FROM spool").fetchone()[0]
    return oldest is None or oldest > row.spool_id


def record(state: sqlite3.Connection, row: OutboxRow) -> None:
    """Keep what an attempt brought, in one statement, so that a crash loses at most that attempt's news."""
    state.execute(
        "UPDATE outbox SET recipients = ?, state = ?, attempts = ?, sent_ns = ?, error = ? WHERE id = ?",
        (msgspec.json.encode(row.recipients), row.state, row.attempts, row.sent_ns, row.error[:1000], row.id),
    )


def settle(row: OutboxRow, recipients: Sequence[Recipient], now_ns: int, error: str, last: bool) -> OutboxRow:
    """The row after an attempt.

    Args:
        row: before.
        recipients: with their outcomes.
        now_ns: the run's clock.
        error: what kept the mail from those still open; empty when nothing did.
        last: no further attempt will follow: who is still open counts as refused.
    """
    if last:
        recipients = [
            msgspec.structs.replace(r, outcome=r.outcome or "refused", answer=r.answer or error) for r in recipients
        ]
    is_open = any(not recipient.outcome for recipient in recipients)
    reached = any(recipient.outcome == "sent" for recipient in recipients)
    refusals = "; ".join(f"{r.email}: {r.answer}" for r in recipients if r.outcome == "refused")
    state = "pending" if is_open else "sent" if reached else "failed"
    return msgspec.structs.replace(
        row,
        recipients=tuple(recipients),
        state=state,
        attempts=row.attempts + 1,
        sent_ns=now_ns if state == "sent" else row.sent_ns,
        error="; ".join(text for text in (error if is_open else "", refusals) if text),
    )


def _rows(cursor: sqlite3.Cursor) -> list[OutboxRow]:
    found = []
    for row in cursor:
        named = dict(zip(OutboxRow.__struct_fields__, row, strict=True))
        named["recipients"] = msgspec.json.decode(named["recipients"], type=tuple[Recipient, ...])
        named["incidents"] = msgspec.json.decode(named["incidents"], type=tuple[str, ...])
        found.append(OutboxRow(**named))
    return found

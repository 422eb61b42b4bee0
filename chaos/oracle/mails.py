"""The mail server's log: each mail exactly once, but for a repeat inside the SMTP window, under the same Message-ID."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos.campaign import FaultRecord
from chaos.oracle.findings import Verdict
from chaos.oracle.results import query

ACCEPTED = ("250", "cut")
# What may keep the 250, or the note of it, from the service.
WINDOW_BREAKERS = ("notify", "mail", "supervisor", "service")
BEFORE_S, AFTER_S = 1.0, 8.0
OUTBOX = "SELECT message_id, incident, tier, state, incidents FROM outbox"


def check_mails(
    cloud_data: Path,
    entries: Sequence[Mapping[str, Any]],
    faults: Iterable[FaultRecord],
    began_s: float,
    verdict: Verdict,
) -> None:
    """Every mail that the service decided to send against every DATA that the server saw."""
    rows = {row["message_id"]: row for row in query(cloud_data / "state.db", OUTBOX)}
    spans = [
        (began_s + fault.began_s - BEFORE_S, began_s + fault.ended_s + AFTER_S)
        for fault in faults
        if any(word in fault.kind for word in WINDOW_BREAKERS)
    ]
    by_id: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        by_id.setdefault(entry["message_id"], []).append(entry)
    repeats = refused = 0
    for message_id, row in rows.items():
        told = f"{row['tier']} of incident {row['incident']} ({message_id})"
        seen = by_id.pop(message_id, [])
        accepted = [entry for entry in seen if entry["answer"] in ACCEPTED]
        if any(entry["answer"] == "550" for entry in seen):
            refused += 1
            if accepted:
                verdict.complaints.add("mails: sent after it was refused for ever", told)
            if row["state"] != "failed":
                verdict.complaints.add("mails: refused for ever and not marked so", f"{told}: {row['state']}")
            continue
        if not accepted:
            verdict.complaints.add("mails: missing", told)
        for entry in accepted[:-1]:
            repeats += 1
            if entry["answer"] != "cut" and not any(low <= entry["at_s"] <= high for low, high in spans):
                verdict.complaints.add("mails: repeated outside the SMTP window", told)
    for message_id in by_id:
        verdict.complaints.add("mails: unexplained", f"{message_id}: the service never decided to send it")
    _check_levels(rows.values(), verdict)
    verdict.books.update(
        {"mails": len(rows), "mails repeated (same Message-ID)": repeats, "mails refused for ever (550)": refused}
    )


def _check_levels(rows: Iterable[Mapping[str, Any]], verdict: Verdict) -> None:
    """One mail a level: no incident and tier under two Message-IDs."""
    seen: dict[tuple[str, str], str] = {}
    for row in rows:
        key = (row["incident"], row["tier"])
        if key in seen:
            verdict.complaints.add("mails: two for one level", f"{key}: {seen[key]} and {row['message_id']}")
        seen[key] = row["message_id"]


def check_same_mails(cloud_data: Path, reference: Path, verdict: Verdict) -> None:
    """The mails about structures are those of the undisturbed run."""
    of_structures = "incident IN (SELECT id FROM incidents WHERE structure != '')"
    text = f"SELECT message_id, incident, tier FROM outbox WHERE {of_structures}"
    found, wanted = (
        {row["message_id"]: row for row in query(folder / "state.db", text)} for folder in (cloud_data, reference)
    )
    for message_id in sorted(wanted.keys() - found.keys()):
        verdict.complaints.add("mails: missing of the undisturbed run", str(wanted[message_id]))
    for message_id in sorted(found.keys() - wanted.keys()):
        verdict.complaints.add("mails: not in the undisturbed run", str(found[message_id]))

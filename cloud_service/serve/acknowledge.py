"""A person takes an incident on: open → acknowledged, with who and when."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from cloud_service.state import open_state

MAX_WHO = 80


def clean_who(text: str, most: int = MAX_WHO) -> str:
    """A person's words as they are kept: one line, no control characters; empty where nothing is left."""
    kept = "".join(
        " " if char.isspace() else char for char in text if unicodedata.category(char)[0] != "C" or char.isspace()
    )
    return " ".join(kept.split())[:most]


def acknowledge(data_dir: Path, incident: str, who: str, now_ns: int) -> bool:
    """Record it in one transaction; False where the incident is not open (any more).

    Runs in a thread with a connection of its own: analysis may hold the database for a moment.
    """
    state = open_state(data_dir)
    try:
        state.execute("BEGIN IMMEDIATE")
        changed = state.execute(
            "UPDATE incidents SET state = 'acknowledged', updated_ns = ? WHERE id = ? AND state = 'open'",
            (now_ns, incident),
        ).rowcount
        if changed:
            state.execute(
                "INSERT INTO incident_log (incident, at_ns, who, what) VALUES (?, ?, ?, 'acknowledged')",
                (incident, now_ns, who),
            )
        state.execute("COMMIT")
        return changed == 1
    finally:
        state.close()

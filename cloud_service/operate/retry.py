"""Trying dead letters again.

Frames: their ids go into the table `retries`; ingest, the only writer of frames, screens them again as if they had just
come and commits what became of each (`cloud_service.ingest.retries`). Rows: back into the spool, in one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from cloud_service.operate.letters import Choice, Letter, frame_letters, readable_rows, row_letters


def refusal(journal: sqlite3.Connection, letter: Letter) -> str:
    """Why a frame cannot be tried again; empty where it can."""
    row = journal.execute("SELECT verb, book FROM dead_letter WHERE id = ?", (int(letter.id[1:]),)).fetchone()
    verb, book = row or ("frame", "")
    if not letter.is_whole:
        return f"cut off when it was kept, of {letter.size_bytes} bytes"
    if verb != "frame":
        return f"a {verb} message: the next one is newer"
    if book == "damaged":
        return "its bytes are not those that came"
    return ""


def ask_for_frames(journal: sqlite3.Connection, numbers: Iterable[int], at_ns: int) -> list[int]:
    """Hand frames to ingest; returns those that were still there. From now on they are not let go for newer ones."""
    query = "INSERT OR REPLACE INTO retries SELECT id, ? FROM dead_letter WHERE id = ?"
    journal.execute("BEGIN IMMEDIATE")
    try:
        return [number for number in numbers if journal.execute(query, (at_ns, number)).rowcount]
    finally:
        journal.execute("COMMIT")


def outcome(journal: sqlite3.Connection, number: int) -> str | None:
    """What became of a frame: "stored", the reason for which it stays, or None while it waits."""
    journal.execute("BEGIN")
    try:
        waits = journal.execute("SELECT 1 FROM retries WHERE letter = ?", (number,)).fetchone()
        kept = frame_letters(journal, Choice(), number)
    finally:
        journal.execute("COMMIT")
    if waits is not None:
        return None
    return f"stays: {kept[0].reason}: {kept[0].detail}" if kept else "stored"


def retry_rows(state: sqlite3.Connection, number: int) -> str:
    """Move refused rows back into the spool; what became of them."""
    state.execute("BEGIN IMMEDIATE")
    try:
        row = state.execute("SELECT body FROM refused_rows WHERE id = ?", (number,)).fetchone()
        if row is None:
            return "gone meanwhile"
        if not readable_rows(row[0]):
            return "stays: no rows of this version's schema"
        state.execute("INSERT INTO spool (body) VALUES (?)", row)
        state.execute("DELETE FROM refused_rows WHERE id = ?", (number,))
        return "handed to the store; if it is refused again it comes back under a new id"
    finally:
        state.execute("COMMIT")


def exists(journal: sqlite3.Connection, state: sqlite3.Connection, kind: str, number: int) -> Letter | None:
    """The letter of an id, or None."""
    found = frame_letters(journal, Choice(), number) if kind == "f" else row_letters(state, Choice(), number)
    return found[0] if found else None

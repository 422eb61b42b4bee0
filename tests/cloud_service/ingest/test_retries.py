"""Which dead letters ingest takes up again."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from cloud_service.ingest.retries import next_letters
from cloud_service.journal.entries import RejectedEntry
from cloud_service.journal.writer import JournalWriter, open_journal
from telltale.errors import RejectReason


def test_a_letter_that_could_not_be_read_is_taken_up_at_the_next_look(tmp_path: Path) -> None:
    writer = JournalWriter(open_journal(tmp_path))
    writer.commit([RejectedEntry("gw", bytes(16), 1, 5, b"bad", RejectReason.BAD_BODY, "why")])
    journal = open_journal(tmp_path)
    journal.execute("INSERT INTO retries VALUES (1, 5)")
    handed: set[int] = set()

    def deny(_action: int, table: str | None, *_rest: object) -> int:
        return sqlite3.SQLITE_DENY if table == "dead_letter" else sqlite3.SQLITE_OK

    journal.set_authorizer(deny)
    with pytest.raises(sqlite3.DatabaseError):
        next_letters(journal, handed)
    journal.set_authorizer(None)
    assert next_letters(journal, handed) == [(1, "gw", "rejected", b"bad")]
    assert next_letters(journal, handed) == [], "it is on its way"
    journal.close()
    writer.close()

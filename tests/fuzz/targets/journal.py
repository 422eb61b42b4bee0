"""Frames and rejects with any numbers in the journal: it takes them, its answer fits the wire, its books stay whole."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from functools import cache
from pathlib import Path

from cloud_service.journal.entries import Entry, FrameEntry, RejectedEntry
from cloud_service.journal.schema import MIGRATIONS
from cloud_service.journal.writer import JournalWriter, open_journal
from cloud_service.serve.gateways import gateways_now
from telltale.errors import RejectReason
from telltale.readings import DropRecord
from telltale.site import Site
from telltale.wire.ack import decode_stored, encode_stored
from tests.fuzz.draw import Draw

TABLES = ("frames", "runs", "drops", "dead_letter", "gateways")
assert MIGRATIONS


@cache
def _journal() -> sqlite3.Connection:
    return open_journal(Path(tempfile.mkdtemp(prefix="telltale-fuzz-")), durable=False)


def target(data: bytes) -> None:
    connection = _journal()
    for table in TABLES:
        connection.execute(f"DELETE FROM {table}")
    writer, draw = JournalWriter(connection), Draw(data)
    while draw:
        done = writer.commit([_entry(draw) for _ in range(1 + draw.number(1) % 4)])
        for ack in done.acks.values():
            assert decode_stored(encode_stored(ack)).cumulative == ack.cumulative
    _check_books(connection)


def _entry(draw: Draw) -> Entry:
    run_id, sequence = bytes([draw.number(1) % 3]) * 16, _sequence(draw)
    if draw.number(1) % 4 == 0:
        return RejectedEntry("gw", run_id, sequence, 1, b"?", RejectReason.BAD_BODY, "")
    pairs = [sorted((_sequence(draw), _sequence(draw))) for _ in range(draw.number(1) % 3)]
    return FrameEntry("gw", run_id, sequence, 1, b"!", tuple(DropRecord(first, last, "full") for first, last in pairs))


def _sequence(draw: Draw) -> int:
    """Small ones mostly, so that they meet; now and then one near the end of 64 bits."""
    near = draw.number(1)
    return 2**63 - 1 - near % 16 if near >= 240 else 1 + near % 32


def _check_books(connection: sqlite3.Connection) -> None:
    with contextlib.closing(connection.execute("SELECT sum(stored) FROM runs")) as found:
        stored = found.fetchone()[0] or 0
    assert connection.execute("SELECT COUNT(*) FROM frames").fetchone()[0] == stored
    doubled = "SELECT 1 FROM frames GROUP BY gateway, run_id, sequence HAVING COUNT(*) > 1"
    assert connection.execute(doubled).fetchone() is None
    for (dropped,) in connection.execute("SELECT dropped FROM runs"):
        assert dropped >= 0
    gateways_now(connection, Site((), (), {}))

"""Tickets of frames that wait ↔ `state.db`: written as they come and go, so that a commit costs what it changes."""

from __future__ import annotations

import sqlite3

import msgspec

from cloud_service.analyse.gate_line import Ticket
from cloud_service.analyse.gates import Moves
from telltale.readings import RunEnd

Ends = tuple[tuple[bytes, int], ...]


def write_moves(connection: sqlite3.Connection, moves: Moves) -> None:
    """Write what a turn changed, inside the caller's transaction."""
    connection.executemany(
        "INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?, ?, ?)", [_columns(ticket) for ticket in moves.entered]
    )
    connection.executemany('DELETE FROM held WHERE "offset" = ?', [(offset,) for offset in moves.left])
    connection.executemany(
        "INSERT OR REPLACE INTO gates VALUES (?, ?, ?, ?, ?)",
        [(gateway, now.waiting, now.missing, now.since_ns, now.passed_over) for gateway, now in moves.now.items()],
    )


def read_tickets(connection: sqlite3.Connection) -> list[Ticket]:
    """Every frame that waits, by offset."""
    rows = connection.execute('SELECT "offset", gateway, run_id, sequence, size, after FROM held ORDER BY "offset"')
    known: dict[bytes, tuple[RunEnd, ...]] = {}
    return [
        Ticket(offset, gateway, run_id, sequence, size, known.get(after) or known.setdefault(after, _ends(after)))
        for offset, gateway, run_id, sequence, size, after in rows
    ]


def first_held(connection: sqlite3.Connection) -> int | None:
    """The lowest offset that waits."""
    row = connection.execute('SELECT MIN("offset") FROM held').fetchone()
    return None if row[0] is None else int(row[0])


def _columns(ticket: Ticket) -> tuple[int, str, bytes, int, int, bytes]:
    after = msgspec.json.encode([(end.run_id, end.last_sequence) for end in ticket.after])
    return ticket.offset, ticket.gateway, ticket.run_id, ticket.sequence, ticket.size, after


def _ends(body: bytes) -> tuple[RunEnd, ...]:
    return tuple(RunEnd(run_id, last) for run_id, last in msgspec.json.decode(body, type=Ends))

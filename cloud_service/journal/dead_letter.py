"""Dead letters: what can never be analysed, kept with its reason, bounded in number and size.

Gateways share the room evenly: one that sends nothing but garbage displaces its own letters, not those of others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from telltale.wire.codec import MAX_PACKET_BYTES

KEPT_ROWS = 2_000
KEPT_BYTES = MAX_PACKET_BYTES  # of each payload: all of a frame that may be one, so that it can be tried again
KEPT_TOTAL_BYTES = 256 * 1024 * 1024

Book = Literal["", "rejected", "stored", "damaged"]
"""How the run's books count its sequence: not at all, as rejected, as stored (analysis could not read it after it was
accepted), or as stored with bytes that are not those that came."""

# Materialised: a sorter would carry every payload along, only to ask for its length.
_HELD = (
    "WITH held AS MATERIALIZED (SELECT id, gateway, length(payload) AS octets FROM dead_letter)"
    " SELECT gateway, COUNT(*), SUM(octets) FROM held GROUP BY gateway"
)
_LET_GO = (
    "WITH held AS MATERIALIZED (SELECT id, gateway, length(payload) AS octets FROM dead_letter),"
    " newest AS (SELECT id, COUNT(*) OVER latest AS nth, SUM(octets) OVER latest AS total FROM held"
    " WINDOW latest AS (PARTITION BY gateway ORDER BY id DESC))"
    " DELETE FROM dead_letter WHERE id IN (SELECT id FROM newest WHERE nth > ? OR total > ?)"
    " AND id NOT IN (SELECT letter FROM retries)"  # somebody waits for what becomes of it
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One of them; `verb` is the last level of its topic. See the table `dead_letter` of `journal.db`."""

    gateway: str
    run_id: bytes | None
    sequence: int | None
    received_ns: int
    reason: str
    detail: str
    payload: bytes
    verb: str = "frame"
    book: Book = ""


def keep(
    connection: sqlite3.Connection,
    letters: Sequence[DeadLetter],
    *,
    rows: int = KEPT_ROWS,
    size: int = KEPT_BYTES,
    total: int = KEPT_TOTAL_BYTES,
) -> None:
    """Add dead letters, with at most `size` bytes of each payload; beyond `rows` and `total` bytes the gateways
    that have the most let go of their oldest, but for those that wait to be tried again.
    """
    if not letters:
        return
    connection.executemany(
        "INSERT INTO dead_letter (gateway, run_id, sequence, received_ns, reason, detail, payload, verb, size, book)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                letter.gateway,
                letter.run_id,
                letter.sequence,
                letter.received_ns,
                letter.reason,
                letter.detail,
                letter.payload[:size],
                letter.verb,
                len(letter.payload),
                letter.book,
            )
            for letter in letters
        ],
    )
    held = connection.execute(_HELD).fetchall()
    row_share, byte_share = fair_share([row[1] for row in held], rows), fair_share([row[2] for row in held], total)
    if any(count > row_share or octets > byte_share for _, count, octets in held):
        connection.execute(_LET_GO, (row_share, byte_share))


def fair_share(amounts: Iterable[int], room: int) -> int:
    """The most that each may keep so that all together fit into `room`: who has less keeps it, the others share."""
    left, waiting = room, sorted(amounts)
    for at, amount in enumerate(waiting):
        share = left // (len(waiting) - at)
        if amount > share:
            return share
        left -= amount
    return room

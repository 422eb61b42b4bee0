"""How long the journal keeps frames. Only frames that analysis has passed go; `runs` stays: dedupe is for ever.

Runs of which nothing was ever stored guard nothing, and a gateway may make up one a message: of those the newest stay.
"""

from __future__ import annotations

import sqlite3

from telltale.clock import NS_PER_DAY

CHUNK = 500  # frames a transaction: ingest must not wait long for the write lock
DROPS_KEPT_DAYS = 400
MARKS_KEPT_DAYS = 90
EMPTY_RUNS_KEPT = 10_000

_PRUNE_EMPTY_RUNS = (
    "DELETE FROM runs WHERE stored = 0 AND dropped = 0 AND last_ns <"
    " (SELECT last_ns FROM runs WHERE stored = 0 AND dropped = 0 ORDER BY last_ns DESC LIMIT 1 OFFSET ?)"
)


def live_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of the database that are in use (freed pages are used again, the file itself does not shrink)."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def prune(connection: sqlite3.Connection, *, passed_offset: int, now_ns: int, keep_days: float, keep_bytes: int) -> int:
    """Delete frames that analysis has passed and that are older than `keep_days`, or oldest first while the journal
    is larger than `keep_bytes`.

    Args:
        connection: a connection of its own (not the writer's).
        passed_offset: the analysis' committed offset.
        now_ns: the run's clock.
        keep_days: how long passed frames are kept for a re-run of the analysis.
        keep_bytes: size of the journal beyond which they go earlier.

    Returns:
        The number of frames deleted.
    """
    before_ns = now_ns - int(keep_days * NS_PER_DAY)
    deleted = 0
    while True:
        last = _last_to_go(connection, passed_offset, before_ns, live_bytes(connection) > keep_bytes)
        if last is None:
            break
        deleted += connection.execute('DELETE FROM frames WHERE "offset" <= ?', (last,)).rowcount
    connection.execute("DELETE FROM drops WHERE at_ns < ?", (now_ns - DROPS_KEPT_DAYS * NS_PER_DAY,))
    connection.execute("DELETE FROM marks WHERE acquired_ns < ?", (now_ns - MARKS_KEPT_DAYS * NS_PER_DAY,))
    connection.execute(_PRUNE_EMPTY_RUNS, (EMPTY_RUNS_KEPT,))
    return deleted


def _last_to_go(connection: sqlite3.Connection, passed_offset: int, before_ns: int, is_large: bool) -> int | None:
    rows = connection.execute(
        'SELECT "offset", received_ns FROM frames WHERE "offset" <= ? ORDER BY "offset" LIMIT ?',
        (passed_offset, CHUNK),
    ).fetchall()
    last = None
    for offset, received_ns in rows:
        if received_ns >= before_ns and not is_large:
            break
        last = offset
    return last

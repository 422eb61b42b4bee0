"""Dead letters: what can never be analysed, kept with its reason, bounded in number and size.

Gateways share the room evenly: one that sends nothing but garbage displaces its own letters, not those of others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

KEPT_ROWS = 2_000
KEPT_BYTES = 262_144  # of each payload

# gateway, run id, sequence, received_ns, reason, detail, payload
DeadLetter = tuple[str, bytes | None, int | None, int, str, str, bytes]


def keep(connection: sqlite3.Connection, letters: Sequence[DeadLetter], *, rows: int, size: int) -> None:
    """Add dead letters, with at most `size` bytes of each payload; beyond `rows` the gateways that have the most let go
    of their oldest.
    """
    if not letters:
        return
    connection.executemany(
        "INSERT INTO dead_letter (gateway, run_id, sequence, received_ns, reason, detail, payload)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(*letter[:6], letter[6][:size]) for letter in letters],
    )
    counts = dict(connection.execute("SELECT gateway, COUNT(*) FROM dead_letter GROUP BY gateway").fetchall())
    share = fair_share(counts.values(), rows)
    connection.executemany(
        "DELETE FROM dead_letter WHERE gateway = ?1 AND id <="
        " (SELECT id FROM dead_letter WHERE gateway = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        [(gateway, share) for gateway, count in counts.items() if count > share],
    )


def fair_share(counts: Iterable[int], room: int) -> int:
    """The most that each may keep so that all together fit into `room`: who has less keeps it, the others share."""
    left, waiting = room, sorted(counts)
    for at, count in enumerate(waiting):
        share = left // (len(waiting) - at)
        if count > share:
            return share
        left -= count
    return room

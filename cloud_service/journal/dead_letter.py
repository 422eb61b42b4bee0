"""Dead letters: what can never be analysed, kept with its reason, bounded in number and size."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

KEPT_ROWS = 2_000
KEPT_BYTES = 262_144  # of each payload

# gateway, run id, sequence, received_ns, reason, detail, payload
DeadLetter = tuple[str, bytes | None, int | None, int, str, str, bytes]


def keep(connection: sqlite3.Connection, letters: Sequence[DeadLetter], *, rows: int, size: int) -> None:
    """Add dead letters, with at most `size` bytes of each payload, and let go of the oldest beyond `rows`."""
    if not letters:
        return
    connection.executemany(
        "INSERT INTO dead_letter (gateway, run_id, sequence, received_ns, reason, detail, payload)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(*letter[:6], letter[6][:size]) for letter in letters],
    )
    connection.execute("DELETE FROM dead_letter WHERE id <= (SELECT MAX(id) FROM dead_letter) - ?", (rows,))

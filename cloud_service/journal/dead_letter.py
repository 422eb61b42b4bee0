"""Dead letters: what can never be analysed, kept with its reason, bounded in number and size."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from telltale.wire.codec import MAX_PACKET_BYTES

KEPT_ROWS = 2_000
KEPT_BYTES = MAX_PACKET_BYTES  # of each payload: all of a frame that may be one, so that it can be tried again
KEPT_TOTAL_BYTES = 256 * 1024 * 1024

Book = Literal["", "rejected", "stored", "damaged"]
"""How the run's books count its sequence: not at all, as rejected, as stored (analysis could not read it after it was
accepted), or as stored with bytes that are not those that came."""


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
    """Add dead letters, with at most `size` bytes of each payload, and let go of the oldest beyond `rows` and `total`
    bytes.
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
    connection.execute("DELETE FROM dead_letter WHERE id <= (SELECT MAX(id) FROM dead_letter) - ?", (rows,))
    connection.execute(
        "DELETE FROM dead_letter WHERE id <= (SELECT MAX(id) FROM (SELECT id,"
        " SUM(length(payload)) OVER (ORDER BY id DESC) AS held FROM dead_letter) WHERE held > ?)",
        (total,),
    )

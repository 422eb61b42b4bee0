"""The journal's writer: many entries, one durable transaction.

Blocking; ingest calls it from a worker thread, one call at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from cloud_service.database import open_database
from cloud_service.journal import dead_letter, strays
from cloud_service.journal.batch import Batch, Committed
from cloud_service.journal.entries import Entry, RejectedEntry
from cloud_service.journal.retention import live_bytes
from cloud_service.journal.runs import RunBook
from cloud_service.journal.schema import MIGRATIONS
from telltale.errors import FatalError, RetryError

FILE = "journal.db"


def open_journal(data_dir: Path, *, durable: bool = True) -> sqlite3.Connection:
    """Open `journal.db` in the service's data folder (see `open_database` for errors)."""
    return open_database(data_dir / FILE, MIGRATIONS, durable=durable)


class JournalWriter:
    """Commits entries; the only writer of frames.

    Args:
        connection: from `open_journal`; owned by the writer from now on.
        max_bytes: beyond this size nothing is accepted until retention has made room: the edge keeps what is not
            acknowledged.
        dead_letter_rows, dead_letter_bytes, dead_letter_total_bytes: how many dead letters are kept, how much of each,
            and of all.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        max_bytes: int = 2**36,
        dead_letter_rows: int = dead_letter.KEPT_ROWS,
        dead_letter_bytes: int = dead_letter.KEPT_BYTES,
        dead_letter_total_bytes: int = dead_letter.KEPT_TOTAL_BYTES,
    ) -> None:
        self._connection = connection
        self._book = RunBook(connection)
        self._max_bytes = max_bytes
        self._kept = {"rows": dead_letter_rows, "size": dead_letter_bytes, "total": dead_letter_total_bytes}

    def commit(self, entries: Sequence[Entry]) -> Committed:
        """Make `entries` durable: all or none. Returns once the disk has them.

        Raises:
            RetryError: disk full, I/O error, locked, or the journal is at its limit; nothing was changed.
            FatalError: the file is corrupt.
        """
        batch = Batch(self._book)
        try:
            self._check_room()
            for entry in entries:
                batch.take(entry)
            self._connection.execute("BEGIN IMMEDIATE")
            self._write(batch)
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._rollback()
            raise RetryError(f"journal: {error}") from error
        except sqlite3.DatabaseError as error:
            self._rollback()
            raise FatalError(f"journal: {error}") from error
        self._book.adopt(batch.runs)
        return batch.result()

    def newest_ns(self) -> int:
        """When the newest frame was received, ns; 0 before the first."""
        row = self._connection.execute('SELECT received_ns FROM frames ORDER BY "offset" DESC LIMIT 1').fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._connection.close()

    def _check_room(self) -> None:
        size = live_bytes(self._connection)
        if size > self._max_bytes:
            raise RetryError(
                f"journal: full ({size} bytes, at most {self._max_bytes}): analysis is too far behind to prune"
            )

    def _write(self, batch: Batch) -> None:
        connection = self._connection
        connection.executemany(
            "INSERT INTO frames (gateway, run_id, sequence, received_ns, crc, payload) VALUES (?, ?, ?, ?, ?, ?)",
            batch.frames,
        )
        connection.executemany("INSERT OR REPLACE INTO drops VALUES (?, ?, ?, ?, ?, ?)", batch.drops)
        for gateway, run_id, sequence in batch.undropped:
            self._undrop(gateway, run_id, sequence)
        connection.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?)", batch.marks)
        self._book.save(batch.runs)
        dead_letter.keep(connection, batch.dead_letters, **self._kept)
        for letter, rejected in batch.retried:
            self._write_retry(letter, rejected)
        if batch.strays:
            strays.count(connection, batch.strays, batch.strays_ns)
        self._write_gateways(batch)

    def _write_retry(self, letter: int, rejected: RejectedEntry | None) -> None:
        self._connection.execute("DELETE FROM retries WHERE letter = ?", (letter,))
        if rejected is None:
            self._connection.execute("DELETE FROM dead_letter WHERE id = ?", (letter,))
        else:
            self._connection.execute(
                "UPDATE dead_letter SET reason = ?, detail = ? WHERE id = ?",
                (rejected.reason.value, rejected.detail, letter),
            )

    def _undrop(self, gateway: str, run_id: bytes, sequence: int) -> None:
        key = (gateway, run_id)
        row = self._connection.execute(
            "SELECT first, last, reason, at_ns FROM drops WHERE gateway=? AND run_id=? AND first<=?"
            " ORDER BY first DESC LIMIT 1",
            (*key, sequence),
        ).fetchone()
        if row is None:
            return
        first, last, reason, at_ns = row
        self._connection.execute("DELETE FROM drops WHERE gateway=? AND run_id=? AND first=?", (*key, first))
        parts = [(first, sequence - 1), (sequence + 1, last)]
        self._connection.executemany(
            "INSERT INTO drops VALUES (?, ?, ?, ?, ?, ?)",
            [(*key, low, high, reason, at_ns) for low, high in parts if low <= high],
        )

    def _write_gateways(self, batch: Batch) -> None:
        connection = self._connection
        connection.executemany(
            "INSERT INTO gateways VALUES (?, 0, 0, ?, x'')"
            " ON CONFLICT (gateway) DO UPDATE SET seen_ns=excluded.seen_ns",
            list(batch.seen_ns.items()),
        )
        connection.executemany(
            "UPDATE gateways SET online=?, status_ns=? WHERE gateway=?",
            [(online, at_ns, gateway) for gateway, (online, at_ns) in batch.status.items()],
        )
        connection.executemany(
            "UPDATE gateways SET health=? WHERE gateway=?",
            [(body, gateway) for gateway, body in batch.health.items()],
        )

    def _rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

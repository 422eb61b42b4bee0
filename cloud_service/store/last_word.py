"""The last word on rows that are written more than once.

A write that ended without an answer may still be on its way: a request that waits in a database that hangs, or in a
proxy, is carried out after later ones. Rows that never change do not mind. But a day's damage is written anew as the
day goes on, and a late execution would put an old figure over the newer one, for ever. InfluxDB takes no write on the
condition that it is not stale; so the newest version of each such row is written once more, when what was on its way
has arrived or never will.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog

from cloud_service.store.schema import MEASUREMENTS, Rows, decode_rows, encode_rows, one_row
from telltale.errors import RetryError

log = structlog.get_logger(__name__)

MAX_ENTRIES = 50_000
Key = tuple[str, str, int]
"""Measurement, subject and time: what a row is replaced by."""


@dataclass(slots=True)
class Entry:
    """A row of which some version may still be on its way.

    Attributes:
        body: its newest version as a spool item, where one was written since; None: there is none to say again.
        due_ns: when what was on its way has arrived, monotonic; None while no write has been answered since.
    """

    body: bytes | None = None
    due_ns: int | None = None


class LastWord:
    """Keeps what must be said again, in `state.db`; blocking, used by the store process alone.

    Args:
        connection: from `open_state`; owned from now on.
        after_ns: how long a write without an answer may still be carried out after a later one was answered.

    Raises:
        RetryError: by every method: `state.db` is busy or fails; call again.
    """

    def __init__(self, connection: sqlite3.Connection, after_ns: int) -> None:
        self._connection = connection
        self._after_ns = after_ns
        self._entries: dict[Key, Entry] = {
            (measurement, subject, t_ns): Entry(body)
            for measurement, subject, t_ns, body in connection.execute(
                "SELECT measurement, subject, t_ns, body FROM last_word ORDER BY rowid"
            )
        }
        self._waiting = set(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def doubt(self, batches: Sequence[Rows]) -> None:
        """Nobody knows whether the database has these, or when it will."""
        keys = [key for key, _, _ in _rewritten(batches)]
        self._put({key: self._entries.get(key, Entry()).body for key in keys})
        for key in keys:
            self._entries[key].due_ns = None
        self._waiting.update(keys)
        if len(self._entries) > MAX_ENTRIES:
            log.warning("too many rows in doubt", limit=MAX_ENTRIES, forgotten=len(self._entries) - MAX_ENTRIES)
            self._forget([*self._entries][:-MAX_ENTRIES])

    def note(self, batches: Sequence[Rows]) -> None:
        """These are about to be written: of those in doubt they are the newest version."""
        if self._entries:
            newest = {key: (rows, index) for key, rows, index in _rewritten(batches) if key in self._entries}
            self._put({key: encode_rows([one_row(rows, index)]) for key, (rows, index) in newest.items()})

    def answered(self, now_ns: int) -> None:
        """A write was answered: the database carries out what it is sent."""
        for key in self._waiting:
            self._entries[key].due_ns = now_ns + self._after_ns
        self._waiting.clear()

    def due(self, now_ns: int) -> tuple[list[Key], list[Rows]]:
        """The keys that are in doubt no longer, once these rows of theirs are written again."""
        keys = [key for key, entry in self._entries.items() if entry.due_ns is not None and entry.due_ns <= now_ns]
        bodies = (self._entries[key].body for key in keys)
        return keys, [rows for body in bodies if body is not None for rows in decode_rows(body)]

    def settled(self, keys: Sequence[Key]) -> None:
        """The rows that were due are written."""
        self._forget(keys)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._connection.close()

    def _put(self, bodies: dict[Key, bytes | None]) -> None:
        self._change(
            "INSERT INTO last_word (measurement, subject, t_ns, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (measurement, subject, t_ns) DO UPDATE SET body = excluded.body",
            [(*key, body) for key, body in bodies.items()],
        )
        for key, body in bodies.items():
            self._entries.setdefault(key, Entry()).body = body

    def _forget(self, keys: Sequence[Key]) -> None:
        self._change("DELETE FROM last_word WHERE measurement = ? AND subject = ? AND t_ns = ?", keys)
        for key in keys:
            del self._entries[key]
        self._waiting.difference_update(keys)

    def _change(self, statement: str, values: Sequence[tuple[object, ...]]) -> None:
        if not values:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(statement, values)
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise RetryError(f"state.db: {error}") from error


def _rewritten(batches: Sequence[Rows]) -> Iterator[tuple[Key, Rows, int]]:
    """Each row that may be written anew with other figures, with where it stands; of one key the newest comes last."""
    for rows in batches:
        if MEASUREMENTS[rows.measurement].is_rewritten:
            for index, t_ns in enumerate(rows.t_ns.tolist()):
                yield (rows.measurement, rows.subject, t_ns), rows, index

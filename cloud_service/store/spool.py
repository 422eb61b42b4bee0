"""The durable spool: rows for the store, committed by analysis, deleted only once the store has them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
import numpy as np

from cloud_service.store.refused import Refused
from cloud_service.store.schema import MEASUREMENTS, Rows, decode_rows, encode_rows
from telltale.errors import RejectReason, RetryError

# An undecodable item of the spool can only be ours or a flipped bit; these are what decoding raises for it.
T = TypeVar("T")
UNREADABLE = (msgspec.DecodeError, ValueError, KeyError, TypeError)


@dataclass(slots=True)
class SpoolBatch:
    """The oldest items of the spool: `rows` joined for few, large writes; `unreadable` bodies; the last id."""

    last_id: int = 0
    items: int = 0
    rows: list[Rows] = field(default_factory=list)
    unreadable: list[bytes] = field(default_factory=list)


class Spool:
    """The spool in `state.db`; blocking, used by the store process alone.

    Args:
        connection: from `open_state`; owned by the spool from now on.
        refused_rows: how many refused entries are kept.
    """

    def __init__(self, connection: sqlite3.Connection, refused_rows: int) -> None:
        self._connection = connection
        self._refused_rows = refused_rows

    def peek(self, max_items: int, max_bytes: int) -> SpoolBatch:
        """The oldest items, still in the spool: at most `max_items`, and `max_bytes` unless the first is larger.

        Raises:
            RetryError: the database is busy or fails.
        """
        return _retried(lambda: self._peek(max_items, max_bytes))

    def done(self, batch: SpoolBatch, refused: Sequence[Refused], at_ns: int) -> None:
        """The store has the batch but for `refused`: delete it, and keep those with their reasons.

        Raises:
            RetryError: the database is busy or fails; nothing was changed.
        """
        _retried(lambda: self._done(batch, refused, at_ns))

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._connection.close()

    def _peek(self, max_items: int, max_bytes: int) -> SpoolBatch:
        batch = SpoolBatch()
        parts: list[Rows] = []
        size = 0
        cursor = self._connection.execute("SELECT id, body FROM spool ORDER BY id LIMIT ?", (max_items,))
        for item, body in cursor:
            size += len(body)
            if batch.items and size > max_bytes:
                break
            try:
                parts += decode_rows(body)
            except UNREADABLE:
                batch.unreadable.append(body)
            batch.last_id = item
            batch.items += 1
        cursor.close()
        batch.rows = joined(parts)
        return batch

    def _done(self, batch: SpoolBatch, refused: Sequence[Refused], at_ns: int) -> None:
        entries = [(at_ns, f"{item.reason.value}: {item.detail}", _packed(item.rows)) for item in refused]
        entries += [(at_ns, f"{RejectReason.NOT_A_FRAME.value}: not rows", body) for body in batch.unreadable]
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany("INSERT INTO refused_rows (at_ns, reason, body) VALUES (?, ?, ?)", entries)
            self._connection.execute(
                "DELETE FROM refused_rows WHERE id <= (SELECT MAX(id) FROM refused_rows) - ?", (self._refused_rows,)
            )
            self._connection.execute("DELETE FROM spool WHERE id <= ?", (batch.last_id,))
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise


def joined(parts: Sequence[Rows]) -> list[Rows]:
    """The same rows in fewer pieces: parts of one measurement, subject and set of fields become one, in order, so
    that where a key comes twice the later one still wins.
    """
    groups: dict[tuple[str, str, tuple[str, ...]], list[Rows]] = {}
    for rows in parts:
        key = (rows.measurement, rows.subject, tuple(sorted(rows.columns)))
        groups.setdefault(key, []).append(rows)
    return [group[0] if len(group) == 1 else _concatenated(group) for group in groups.values()]


def _concatenated(group: Sequence[Rows]) -> Rows:
    first = group[0]
    columns = {
        name: np.concatenate([rows.columns[name] for rows in group])
        if isinstance(column, np.ndarray)
        else [item for rows in group for item in rows.columns[name]]
        for name, column in first.columns.items()
    }
    return Rows(first.measurement, first.subject, np.concatenate([rows.t_ns for rows in group]), columns)


def _packed(rows: Rows) -> bytes:
    """Refused rows for keeping; what does not fit the schema any more is kept as text."""
    if rows.measurement in MEASUREMENTS:
        try:
            return encode_rows([rows])
        except (*UNREADABLE, UnicodeEncodeError):
            pass
    return ascii(rows).encode()


def _retried(work: Callable[[], T]) -> T:
    try:
        return work()
    except sqlite3.OperationalError as error:
        raise RetryError(f"spool: {error}") from error

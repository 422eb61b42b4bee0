"""The outbox's SQLite file: WAL, `synchronous=FULL`, one transaction for all that waits. Used from one thread."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.frame.assemble import Rank, SealedFrame
from edge_agent.outbox.schema import (
    MAX_SEQUENCE,
    SCHEMA,
    SCHEMA_VERSION,
    frame_id,
    run_of,
    sequence_of,
)
from telltale.errors import FatalError
from telltale.readings import DropRecord
from telltale.wire.ack import StoredAck
from telltale.wire.codec import MAX_DROPS

MAX_REJECTED = 256
CHECKPOINT_PAGES = 512  # a damaged WAL costs what is not checkpointed yet: little


@dataclass(slots=True)
class Batch:
    """What one transaction does: frames in, store-acks, drops that happened in memory."""

    frames: list[SealedFrame] = field(default_factory=list)
    acks: list[StoredAck] = field(default_factory=list)
    drops: list[DropRecord] = field(default_factory=list)


@dataclass(slots=True)
class Applied:
    """What a transaction did, in frames; `acknowledged`, `rejected` and `dropped` of any run."""

    acknowledged: int = 0
    rejected: list[str] = field(default_factory=list)
    dropped: int = 0


@dataclass(slots=True)
class Totals:
    """What the outbox holds."""

    frames: int = 0
    size: int = 0


class OutboxDatabase:
    """One outbox file and the current run in it.

    Args:
        path: the file; its folder exists.
        run_id: of the run that begins.
        max_bytes: bound of all payloads together.

    Raises:
        sqlite3.DatabaseError: the file cannot be used.
        FatalError: the file was written by a newer version.
    """

    def __init__(self, path: Path, run_id: bytes, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=5.0, check_same_thread=False)
        try:
            self._open(path)
            self._begin_run(run_id)
            found = self._one("SELECT count(*), coalesce(sum(size), 0) FROM frames")
        except BaseException:
            self._connection.close()
            raise
        self.totals = Totals(*found)

    def _open(self, path: Path) -> None:
        run = self._connection.execute
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=FULL")
        run(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        run("PRAGMA journal_size_limit=16777216")
        run("PRAGMA cache_size=-512")
        version = self._one("PRAGMA user_version")[0]
        if version > SCHEMA_VERSION:
            raise FatalError(f"{path}: outbox version {version} is newer than this agent's {SCHEMA_VERSION}")
        if version == 0:
            run("BEGIN IMMEDIATE")
            for statement in SCHEMA:
                run(statement)
            run(f"PRAGMA user_version={SCHEMA_VERSION}")
            run("COMMIT")

    def _begin_run(self, run_id: bytes) -> None:
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        run(
            "DELETE FROM runs WHERE NOT EXISTS (SELECT 1 FROM frames WHERE id BETWEEN (ordinal << 40) AND "
            "(ordinal << 40) + ?) AND NOT EXISTS (SELECT 1 FROM drops WHERE drops.ordinal = runs.ordinal)",
            (MAX_SEQUENCE,),
        )
        run("INSERT INTO runs (run_id, last_sequence) VALUES (?, 0)", (run_id,))
        run("COMMIT")
        self.ordinals = {bytes(row[1]): int(row[0]) for row in run("SELECT ordinal, run_id FROM runs")}
        self.ordinal = self.ordinals[run_id]

    def _one(self, query: str, values: Sequence[object] = ()) -> tuple[int, ...]:
        row: tuple[int, ...] = self._connection.execute(query, values).fetchone()
        return row

    def apply(self, batch: Batch, *, may_drop: bool) -> Applied:
        """Commit a batch, all of it or nothing; then let go of the lowest rank beyond the bound where allowed.

        Raises:
            sqlite3.OperationalError: disk full or busy; nothing was changed, the same batch may be applied later.
        """
        applied = Applied()
        with self._transaction():
            self._insert(batch.frames)
            self._note_drops(self.ordinal, batch.drops)
            for ack in batch.acks:
                self._settle(ack, applied)
            if may_drop:
                applied.dropped = self._trim()
        return applied

    def _insert(self, frames: Iterable[SealedFrame]) -> None:
        for frame in frames:
            ordinal, size = self.ordinals[frame.run_id], len(frame.payload)
            self._connection.execute(
                "INSERT INTO frames (id, rank, acquired_ns, crc, size, payload) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    frame_id(ordinal, frame.sequence),
                    int(frame.rank),
                    frame.acquired_ns,
                    zlib.crc32(frame.payload),
                    size,
                    frame.payload,
                ),
            )
            self._connection.execute(
                "UPDATE runs SET last_sequence = max(last_sequence, ?) WHERE ordinal = ?", (frame.sequence, ordinal)
            )
            self.totals.frames += 1
            self.totals.size += size

    def _settle(self, ack: StoredAck, applied: Applied) -> None:
        ordinal = self.ordinals.get(ack.run_id)
        if ordinal is None:
            return
        for sequence, reason, detail in ack.rejected:
            if 1 <= sequence <= MAX_SEQUENCE and self._reject(frame_id(ordinal, sequence), reason, detail):
                applied.rejected.append(f"frame {sequence} rejected by the service: {reason} {detail}".rstrip())
        for first, last in ((1, ack.cumulative), *ack.above):
            low, high = max(first, 1), min(last, MAX_SEQUENCE)
            applied.acknowledged += self._delete(frame_id(ordinal, low), frame_id(ordinal, high)) if low <= high else 0

    def _reject(self, frame: int, reason: str, detail: str) -> int:
        self._connection.execute(
            "INSERT OR IGNORE INTO rejected SELECT id, ?, ?, acquired_ns, payload FROM frames WHERE id = ?",
            (reason[:64], detail[:200], frame),
        )
        self._connection.execute(
            "DELETE FROM rejected WHERE id <= (SELECT id FROM rejected ORDER BY id DESC LIMIT 1 OFFSET ?)",
            (MAX_REJECTED,),
        )
        return self._delete(frame, frame)

    def _delete(self, first: int, last: int) -> int:
        count, size = self._one(
            "SELECT count(*), coalesce(sum(size), 0) FROM frames WHERE id BETWEEN ? AND ?", (first, last)
        )
        if count:
            self._connection.execute("DELETE FROM frames WHERE id BETWEEN ? AND ?", (first, last))
            self.totals.frames -= count
            self.totals.size -= size
        return count

    def _trim(self) -> int:
        """Let go of the oldest frames of the lowest rank until the bound holds; each is noted as dropped."""
        count = 0
        while self.totals.size > self._max_bytes:
            row = self._connection.execute(
                "SELECT id FROM frames WHERE rank < ? ORDER BY rank, id LIMIT 1", (int(Rank.REPORT),)
            ).fetchone()
            if row is None:
                break
            self.drop(row[0], "outbox_full")
            count += 1
        return count

    def drop(self, frame: int, reason: str) -> None:
        """Delete a frame and note it as dropped."""
        if self._delete(frame, frame):
            sequence = sequence_of(frame)
            self._note_drops(run_of(frame), [DropRecord(sequence, sequence, reason)])

    def _note_drops(self, ordinal: int, drops: Iterable[DropRecord]) -> None:
        for drop in drops:
            grown = self._connection.execute(
                "UPDATE drops SET last = ? WHERE ordinal = ? AND last = ? AND reason = ?",
                (drop.last, ordinal, drop.first - 1, drop.reason),
            )
            if not grown.rowcount:
                self._connection.execute(
                    "INSERT OR IGNORE INTO drops VALUES (?, ?, ?, ?)", (ordinal, drop.first, drop.last, drop.reason)
                )

    def unreported(self) -> Iterator[tuple[bytes, int, list[DropRecord]]]:
        """Run id, its last sequence, and drops that no frame has reported yet; at most one frame's worth a run."""
        for run_id, ordinal in self.ordinals.items():
            rows = self._connection.execute(
                "SELECT first, last, reason FROM drops WHERE ordinal = ? ORDER BY first LIMIT ?", (ordinal, MAX_DROPS)
            ).fetchall()
            if rows:
                last = self._one("SELECT last_sequence FROM runs WHERE ordinal = ?", (ordinal,))[0]
                yield run_id, last, [DropRecord(*row) for row in rows]

    def report(self, frame: SealedFrame, drops: Iterable[DropRecord]) -> None:
        """Commit the frame that reports drops, and forget them, in one transaction.

        Raises:
            sqlite3.OperationalError: as `apply`.
        """
        ordinal = self.ordinals[frame.run_id]
        with self._transaction():
            self._insert([frame])
            keys = [(ordinal, drop.first) for drop in drops]
            self._connection.executemany("DELETE FROM drops WHERE ordinal = ? AND first = ?", keys)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, the totals included."""
        before = Totals(self.totals.frames, self.totals.size)
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            self.totals = before
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def newest(self) -> int:
        """The highest id in the outbox, or that of the run's begin."""
        return self._one("SELECT coalesce(max(id), ?) FROM frames", (frame_id(self.ordinal, 0),))[0]

    def oldest_ns(self) -> int | None:
        """Acquisition time of the oldest frame."""
        row = self._connection.execute("SELECT acquired_ns FROM frames ORDER BY id LIMIT 1").fetchone()
        return int(row[0]) if row else None

    def after(self, cursor: int, until: int, limit: int) -> list[tuple[int, int]]:
        """(id, size) of frames with `cursor` < id ≤ `until`, in order."""
        return self._connection.execute(
            "SELECT id, size FROM frames WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", (cursor, until, limit)
        ).fetchall()

    def payload(self, frame: int) -> tuple[bytes | None, bool]:
        """The payload of a frame, None when it is gone; and whether it was damaged: then it is noted as dropped."""
        row = self._connection.execute("SELECT crc, payload FROM frames WHERE id = ?", (frame,)).fetchone()
        if row is None:
            return None, False
        if zlib.crc32(row[1]) == row[0]:
            return bytes(row[1]), False
        with self._transaction():
            self.drop(frame, "damaged")
        return None, True

    def close(self) -> None:
        """Checkpoint and close."""
        self._connection.close()

"""The outbox file of agents up to version 0.1 (SQLite): its frames are taken over once, then it is removed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent.frame.assemble import Rank, SealedFrame
from edge_agent.outbox.schema import run_of, sequence_of
from edge_agent.outbox.store import OutboxStore
from edge_agent.reports import LOG, Reports
from telltale.errors import FatalError
from telltale.readings import DropRecord

if TYPE_CHECKING:
    import sqlite3

OLD_NAME = "outbox.db"
OLD_RANKS = (Rank.WAVEFORM, Rank.SCALAR, Rank.REPORT)
OLD_VERSION = 1
FRAMES_AT_ONCE = 256


def take_over(path: Path, store: OutboxStore, reports: Reports) -> None:
    """Bring what is in an old file into the store; a file that is damaged is set aside with what it still holds.

    Raises:
        OSError: the disk does not take it; the old file stays, and nothing is taken twice.
        FatalError: the file is of a version that is not known.
    """
    if not path.exists():
        return
    import sqlite3  # noqa: PLC0415 - a megabyte that an agent needs once in its life

    try:
        with closing(sqlite3.connect(path)) as connection:
            _copy(connection, path, store)
    except sqlite3.DatabaseError as error:
        aside = _set_aside(path)
        reports.problem("outbox", f"{path.name} was damaged ({error}); kept as {aside.name}, the rest was taken over")
    store.log.write_checkpoint()
    for side in ("", "-wal", "-shm"):
        path.with_name(path.name + side).unlink(missing_ok=True)


def _copy(connection: sqlite3.Connection, path: Path, store: OutboxStore) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != OLD_VERSION:
        raise FatalError(f"{path}: outbox version {version} is not known to this agent")
    runs = dict(connection.execute("SELECT ordinal, run_id FROM runs ORDER BY ordinal").fetchall())
    for ordinal, last in connection.execute("SELECT ordinal, last_sequence FROM runs ORDER BY ordinal").fetchall():
        run = store.add_run(runs[ordinal])
        run.last_sequence = max(run.last_sequence, last)
    rows = connection.execute("SELECT id, rank, acquired_ns, crc, payload FROM frames ORDER BY id")
    frames = _frames(rows, runs, store)
    count = 0
    while some := list(islice(frames, FRAMES_AT_ONCE)):
        store.put(some, sync=True)
        count += len(some)
    for ordinal, first, last, reason in connection.execute("SELECT ordinal, first, last, reason FROM drops").fetchall():
        store.add_run(runs[ordinal]).notes.add(DropRecord(first, last, reason))
    LOG.info("outbox: took %d frames over from %s", count, path.name)


def _frames(rows: sqlite3.Cursor, runs: dict[int, bytes], store: OutboxStore) -> Iterator[SealedFrame]:
    row: tuple[Any, ...]
    for row in rows:
        frame, rank, acquired_ns, crc, payload = row
        run, sequence = store.add_run(runs[run_of(frame)]), sequence_of(frame)
        if run.index.get(sequence) is not None:
            continue  # the take-over before this one was cut off
        if zlib.crc32(payload) != crc:
            run.notes.add(DropRecord(sequence, sequence, "damaged"))
            store.damaged += 1
            store.lost += 1
            continue
        yield SealedFrame(run.run_id, sequence, OLD_RANKS[rank], acquired_ns, payload)


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    for suffix in ("-wal", "-shm"):
        side = path.with_name(path.name + suffix)
        if side.exists():
            side.rename(aside.with_name(aside.name + suffix))
    path.rename(aside)
    return aside

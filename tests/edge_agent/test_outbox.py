"""The outbox: what is committed survives kill -9, and leaves only by a store-ack, a rejection or a counted drop."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.frame.assemble import Rank, SealedFrame
from edge_agent.outbox.box import FILE_NAME, Outbox, OutboxSettings
from edge_agent.outbox.database import Batch, OutboxDatabase
from edge_agent.outbox.schema import frame_id, sequence_of
from edge_agent.reports import Reports
from telltale.readings import DropRecord
from telltale.wire.ack import StoredAck
from tests.edge_agent.acker import until

RUN = b"r" * 16
MIB = 1 << 20


def sealed(sequence: int, size: int = 100, rank: Rank = Rank.SCALAR, run: bytes = RUN) -> SealedFrame:
    return SealedFrame(run, sequence, rank, sequence * 10, bytes([sequence % 251]) * size)


def opened(folder: Path, run: bytes = RUN, max_bytes: int = MIB) -> OutboxDatabase:
    return OutboxDatabase(folder / FILE_NAME, run, max_bytes)


def sequences(database: OutboxDatabase) -> list[int]:
    return [sequence_of(row[0]) for row in database.after(0, (1 << 63) - 1, 10_000)]


def filled(folder: Path, count: int) -> OutboxDatabase:
    database = opened(folder)
    database.apply(Batch([sealed(i) for i in range(1, count + 1)]), may_drop=False)
    return database


def test_a_store_ack_deletes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    database = filled(tmp_path, 10)
    ack = StoredAck(RUN, 3, above=((6, 7), (9, 9)), rejected=((2, "bad_body", "why"), (8, "unknown_channel", "")))
    applied = database.apply(Batch(acks=[ack]), may_drop=False)
    assert sequences(database) == [4, 5, 10]
    assert applied.acknowledged == 5
    assert len(applied.rejected) == 2
    assert (database.totals.frames, database.totals.size) == (3, 300)
    again = database.apply(Batch(acks=[ack]), may_drop=False)
    assert (again.acknowledged, again.rejected) == (0, [])
    database.close()


@pytest.mark.parametrize(
    "ack",
    [
        StoredAck(b"x" * 16, 10),
        StoredAck(RUN, 0, above=((5, 2), (0, 0)), rejected=((0, "r", ""), (1 << 62, "r", ""))),
    ],
)
def test_a_foreign_or_senseless_ack_changes_nothing(tmp_path: Path, ack: StoredAck) -> None:
    database = filled(tmp_path, 5)
    database.apply(Batch(acks=[ack]), may_drop=False)
    assert sequences(database) == [1, 2, 3, 4, 5]
    database.close()


def test_an_ack_for_more_than_there_is_stays_within_its_run(tmp_path: Path) -> None:
    filled(tmp_path, 3).close()
    later = opened(tmp_path, b"s" * 16)
    later.apply(Batch([sealed(1, run=b"s" * 16)], [StoredAck(RUN, (1 << 63) - 1)]), may_drop=False)
    assert sequences(later) == [1]
    later.close()


def test_beyond_the_bound_the_oldest_waveforms_go_first_and_are_reported(tmp_path: Path) -> None:
    database = opened(tmp_path, max_bytes=1_000)
    ranks = [Rank.SCALAR, Rank.WAVEFORM, Rank.WAVEFORM, Rank.SCALAR]
    frames = [sealed(i + 1, 300, ranks[i % 4]) for i in range(6)]
    applied = database.apply(Batch(frames), may_drop=True)
    assert applied.dropped == 3
    assert sequences(database) == [1, 4, 5]
    [(run, last, drops)] = list(database.unreported())
    assert (run, last) == (RUN, 6)
    assert drops == [DropRecord(2, 3, "outbox_full"), DropRecord(6, 6, "outbox_full")]
    report = sealed(7, 50, Rank.REPORT)
    database.report(report, drops)
    assert list(database.unreported()) == []
    database.apply(Batch([sealed(8, 900)]), may_drop=True)
    assert 7 in sequences(database)
    database.close()


def test_drops_of_an_earlier_run_are_reported_after_its_last_sequence(tmp_path: Path) -> None:
    first = opened(tmp_path, max_bytes=250)
    first.apply(Batch([sealed(1), sealed(2), sealed(3)]), may_drop=True)
    first.close()
    second = opened(tmp_path, b"s" * 16, max_bytes=250)
    assert list(second.unreported()) == [(RUN, 3, [DropRecord(1, 1, "outbox_full")])]
    second.close()


def test_a_flipped_bit_is_found_counted_and_not_sent(tmp_path: Path) -> None:
    database = filled(tmp_path, 2)
    raw = sqlite3.connect(tmp_path / FILE_NAME)
    raw.execute("UPDATE frames SET payload = CAST(x'00' || substr(payload, 2) AS BLOB) WHERE id & 1 = 1")
    raw.commit()
    raw.close()
    assert database.payload(frame_id(database.ordinal, 1)) == (None, True)
    assert database.payload(frame_id(database.ordinal, 2)) == (bytes([2]) * 100, False)
    assert [item[2] for item in database.unreported()] == [[DropRecord(1, 1, "damaged")]]
    database.close()


WRITER = """
import sys
from pathlib import Path
from edge_agent.frame.assemble import Rank, SealedFrame
from edge_agent.outbox.database import Batch, OutboxDatabase
database = OutboxDatabase(Path(sys.argv[1]), b"w" * 16, 1 << 30)
sequence = 0
while True:
    frames = [SealedFrame(b"w" * 16, sequence + i + 1, Rank.SCALAR, 0, bytes([i]) * 5000) for i in range(5)]
    database.apply(Batch(frames), may_drop=False)
    sequence += 5
    print(sequence, flush=True)
"""


def test_what_was_committed_survives_kill_9(tmp_path: Path) -> None:
    for round_number in range(4):
        path = tmp_path / f"{round_number}.db"
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        told = 0
        for _ in range(7 + 13 * round_number):
            told = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        told = max([told, *map(int, writer.stdout.read().split())])
        writer.wait()
        writer.stdout.close()
        database = OutboxDatabase(path, b"n" * 16, 1 << 30)
        found = sequences(database)
        assert found == list(range(1, len(found) + 1))
        assert len(found) >= told
        assert all(database.payload(row[0])[0] is not None for row in database.after(0, (1 << 63) - 1, 100_000))
        database.close()


async def begun(folder: Path, **bounds: int) -> Outbox:
    outbox = Outbox(OutboxSettings(**bounds), Reports())
    await outbox.open(folder, RUN)
    return outbox


async def test_a_disk_that_does_not_take_it_is_retried_counted_and_told(tmp_path: Path) -> None:
    reports = Reports()
    outbox = Outbox(OutboxSettings(memory_bytes=65_536), reports)
    await outbox.open(tmp_path, RUN)
    running = asyncio.create_task(outbox.run())
    # A quota of the file system, as SQLite itself enforces and reports it: "database or disk is full".
    await outbox.call(lambda: outbox._database._connection.execute("PRAGMA max_page_count=20").fetchall())
    for sequence in range(1, 41):
        outbox.offer(sealed(sequence, 5_000, Rank.WAVEFORM if sequence % 2 else Rank.SCALAR))
    await until(lambda: any("full" in line for line in reports.errors()), "the disk's fault in the reports")
    assert outbox.dropped == 40 - 65_536 // 5_000
    await outbox.call(lambda: outbox._database._connection.execute("PRAGMA max_page_count=100000").fetchall())
    async with asyncio.timeout(30):
        await outbox.committed()
    kept = [sequence_of(row[0]) for row in await outbox.after(0, (1 << 63) - 1, 100)]
    noted = [drop for _, _, drops in outbox._database.unreported() for drop in drops]
    gone = [sequence for drop in noted for sequence in range(drop.first, drop.last + 1)]
    assert sorted(kept + gone) == list(range(1, 41))
    assert {drop.reason for drop in noted} == {"disk_unavailable"}
    assert not any(sequence % 2 for sequence in kept), "waveforms go first"
    running.cancel()
    await outbox.close()


async def test_a_damaged_file_is_set_aside_and_recording_goes_on(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this is no database, but the card says it is" * 100)
    outbox = await begun(tmp_path)
    assert (tmp_path / "outbox.damaged-1.db").exists()
    assert any("damaged" in line for line in outbox._reports.errors())
    await outbox.close()


async def test_frames_offered_together_share_a_transaction_and_room_returns(tmp_path: Path) -> None:
    outbox = await begun(tmp_path, max_bytes=65_536)
    running = asyncio.create_task(outbox.run())
    for sequence in range(1, 13):
        outbox.offer(sealed(sequence, 5_000))
    async with asyncio.timeout(30):
        await outbox.committed()
    waiting = asyncio.create_task(outbox.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    outbox.settle(StoredAck(RUN, 6))
    async with asyncio.timeout(30):
        await waiting
    assert (outbox.frames, outbox.acknowledged) == (6, 6)
    running.cancel()
    await outbox.close()

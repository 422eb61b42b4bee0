"""The outbox: what is committed survives kill -9, and leaves only by a store-ack, a rejection or a counted drop."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from edge_agent.frame.assemble import Rank, SealedFrame
from edge_agent.outbox.batch import Applied, Batch
from edge_agent.outbox.box import Outbox, OutboxSettings
from edge_agent.outbox.schema import frame_id, sequence_of
from edge_agent.outbox.segment import Segment
from edge_agent.outbox.store import OutboxStore
from edge_agent.outbox.thin import thin
from edge_agent.reports import Reports
from telltale.errors import FatalError
from telltale.readings import DropRecord, RunEnd
from telltale.wire.ack import StoredAck
from telltale.wire.codec import MAX_AFTER
from tests.edge_agent.segments import bytes_on_disk

RUN, LATER = b"r" * 16, b"s" * 16
MIB = 1 << 20
END = (1 << 63) - 1


def sealed(sequence: int, size: int = 100, rank: Rank = Rank.SCALAR, run: bytes = RUN) -> SealedFrame:
    return SealedFrame(run, sequence, rank, sequence * 10, bytes([sequence % 251]) * size)


def opened(folder: Path, run: bytes = RUN, max_bytes: int = MIB) -> OutboxStore:
    store = OutboxStore(folder, max_bytes, max_bytes // 8)
    assert store.begin_run(run, f"boot of {run[0]}") is None
    return store


def sequences(store: OutboxStore) -> list[int]:
    return [sequence_of(row[0]) for row in store.after(0, END, 100_000)]


def payloads(store: OutboxStore) -> dict[int, bytes | None]:
    return {sequence_of(frame): store.payload(frame)[0] for frame, _ in store.after(0, END, 100_000)}


def put(store: OutboxStore, *frames: SealedFrame) -> None:
    assert store.apply(Batch(list(frames))).failure is None


def settle(store: OutboxStore, *acks: StoredAck) -> Applied:
    return store.apply(Batch(acks=list(acks)))


def filled(folder: Path, count: int, **how: int) -> OutboxStore:
    store = opened(folder, **how)  # type: ignore[arg-type]
    for i in range(1, count + 1):
        put(store, sealed(i))
    return store


def test_a_store_ack_deletes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    store = filled(tmp_path, 10)
    ack = StoredAck(RUN, 3, above=((6, 7), (9, 9)), rejected=((2, "bad_body", "why"), (8, "unknown_channel", "")))
    applied = settle(store, ack)
    assert sequences(store) == [4, 5, 10]
    assert applied.acknowledged == 5
    assert len(applied.rejected) == 2
    assert (store.frames, store.size) == (3, 300)
    again = settle(store, ack)
    assert (again.acknowledged, again.rejected) == (0, [])
    store.close()
    later = opened(tmp_path, LATER)
    assert sequences(later) == [4, 5, 10]
    assert payloads(later) == {i: sealed(i).payload for i in (4, 5, 10)}
    assert (later.lost, later.damaged) == (0, 0)
    later.close()


@pytest.mark.parametrize(
    "ack",
    [
        StoredAck(b"x" * 16, 10),
        StoredAck(RUN, 0, above=((5, 2), (0, 0)), rejected=((0, "r", ""), (1 << 62, "r", ""))),
    ],
)
def test_a_foreign_or_senseless_ack_changes_nothing(tmp_path: Path, ack: StoredAck) -> None:
    store = filled(tmp_path, 5)
    settle(store, ack)
    assert sequences(store) == [1, 2, 3, 4, 5]
    store.close()


def test_an_ack_for_more_than_there_is_stays_within_its_run(tmp_path: Path) -> None:
    filled(tmp_path, 3).close()
    later = opened(tmp_path, LATER)
    later.apply(Batch([sealed(1, run=LATER)], [StoredAck(RUN, END)]))
    assert sequences(later) == [1]
    later.close()


def test_segments_are_deleted_once_nothing_in_them_is_needed(tmp_path: Path) -> None:
    store = opened(tmp_path, max_bytes=MIB)
    for sequence in range(1, 101):
        put(store, sealed(sequence, 10_000))
    full = bytes_on_disk(tmp_path)
    assert full > 1_000_000
    settle(store, StoredAck(RUN, 100))
    assert bytes_on_disk(tmp_path) < 100_000
    store.close()
    later = opened(tmp_path, LATER)
    assert (later.frames, later.lost, later.damaged) == (0, 0, 0)
    later.close()


def test_one_old_frame_does_not_keep_the_disk_full(tmp_path: Path) -> None:
    store = opened(tmp_path, max_bytes=MIB)
    for sequence in range(1, 301):
        put(store, sealed(sequence, 10_000))
        if sequence % 10:  # each segment keeps a few frames that are never acknowledged
            settle(store, StoredAck(RUN, 0, above=((sequence, sequence),)))
        assert thin(store, may_drop=True) == 0
        assert bytes_on_disk(tmp_path) <= MIB
    assert payloads(store) == {i: sealed(i, 10_000).payload for i in range(10, 301, 10)}
    store.close()
    later = opened(tmp_path, LATER)
    assert payloads(later) == {i: sealed(i, 10_000).payload for i in range(10, 301, 10)}
    assert (later.lost, later.damaged) == (0, 0)
    later.close()


def mixed(sequence: int) -> SealedFrame:
    return sealed(sequence, *((12_000, Rank.WAVEFORM) if sequence % 2 == 0 else (2_000, Rank.SCALAR)))


def noted(store: OutboxStore) -> list[int]:
    drops = [drop for run in store.runs.values() for drop in run.notes.unreported(10_000)]
    return [sequence for drop in drops for sequence in range(drop.first, drop.last + 1)]


def test_beyond_the_bound_the_oldest_waveforms_go_first_then_the_oldest_scalars_and_each_is_noted(
    tmp_path: Path,
) -> None:
    store, dropped = opened(tmp_path, max_bytes=MIB), 0
    for sequence in range(1, 301):
        put(store, mixed(sequence))
        dropped += thin(store, may_drop=True)
        assert bytes_on_disk(tmp_path) <= MIB
        kept = sequences(store)
        assert sorted(kept + noted(store)) == list(range(1, sequence + 1))
    waves = [number for number in kept if number % 2 == 0]
    assert waves == list(range(waves[0], 301, 2)), "the newest waveforms stay"
    assert [number for number in kept if number % 2] == list(range(1, 301, 2)), "all scalars stay"
    assert dropped == len(noted(store)) > 0
    for sequence in range(301, 1_301):
        put(store, sealed(sequence, 2_000))
        dropped += thin(store, may_drop=True)
    kept = sequences(store)
    assert kept == list(range(kept[0], 1_301))
    assert bytes_on_disk(tmp_path) <= MIB
    store.close()
    later = opened(tmp_path, LATER)
    assert (sequences(later), later.lost) == (kept, 0)
    assert len(noted(later)) == dropped == 1_300 - len(kept)
    later.close()


def test_a_source_that_waits_loses_nothing_to_the_bound(tmp_path: Path) -> None:
    store = opened(tmp_path, max_bytes=65_536)
    for sequence in range(1, 31):
        put(store, mixed(sequence))
        assert thin(store, may_drop=False) == 0
    assert len(sequences(store)) == 30
    store.close()


def test_a_report_is_never_let_go_and_its_drops_are_forgotten_with_its_ack(tmp_path: Path) -> None:
    store = opened(tmp_path, max_bytes=65_536)
    for sequence in range(1, 21):
        put(store, mixed(sequence))
    thin(store, may_drop=True)
    [(run, last, drops)] = list(store.unreported())
    assert (run, last) == (RUN, 20)
    store.report(sealed(21, 50, Rank.REPORT), drops)
    assert list(store.unreported()) == []
    for sequence in range(22, 60):
        put(store, mixed(sequence))
        thin(store, may_drop=True)
    assert 21 in sequences(store)
    store.close()
    later = opened(tmp_path, LATER, 65_536)
    assert 21 in sequences(later)
    reported = {sequence for drop in drops for sequence in range(drop.first, drop.last + 1)}
    assert not reported & set(noted(later)), "reported once"
    settle(later, StoredAck(RUN, 21))
    assert not reported & {first for first, *_ in later.runs[1].notes}
    later.close()


def test_what_a_lost_report_said_is_reported_again(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.apply(Batch([sealed(1), sealed(4)], drops=[DropRecord(2, 3, "disk_unavailable")]))
    store.report(sealed(5, 50, Rank.REPORT), [DropRecord(2, 3, "disk_unavailable")])
    place = store.runs[1].index.get(5)
    assert place is not None
    flip(tmp_path, 1, place.offset + 80)
    assert store.payload(frame_id(1, 5)) == (None, True)
    expected = [DropRecord(2, 3, "disk_unavailable"), DropRecord(5, 5, "damaged")]
    assert [drops for _, _, drops in store.unreported()] == [expected]
    store.close()
    later = opened(tmp_path, LATER)
    assert [drops for _, _, drops in later.unreported()] == [expected]
    later.close()


def flip(folder: Path, number: int, offset: int, bit: int = 0) -> None:
    path = folder / f"{number:010d}.segment"
    raw = bytearray(path.read_bytes())
    raw[offset] ^= 1 << bit
    path.write_bytes(raw)


def test_drops_of_an_earlier_run_are_reported_after_its_last_sequence(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.apply(Batch([sealed(2), sealed(3)], drops=[DropRecord(1, 1, "disk_unavailable")]))
    first.close()
    second = opened(tmp_path, LATER)
    assert list(second.unreported()) == [(RUN, 3, [DropRecord(1, 1, "disk_unavailable")])]
    second.report(sealed(4, 50, Rank.REPORT), [DropRecord(1, 1, "disk_unavailable")])
    settle(second, StoredAck(RUN, 4))
    second.close()
    third = opened(tmp_path, b"t" * 16)
    assert (list(third.unreported()), third.frames, len(third.runs)) == ([], 0, 1)
    third.close()


def test_earlier_runs_are_named_while_frames_of_them_are_here(tmp_path: Path) -> None:
    for number in range(1, MAX_AFTER + 5):
        store = opened(tmp_path, bytes([number]) * 16)
        put(store, sealed(1, run=bytes([number]) * 16), sealed(2, run=bytes([number]) * 16))
        store.close()
    now = opened(tmp_path, b"\xff" * 16)
    ends = [RunEnd(bytes([number]) * 16, 2) for number in range(1, MAX_AFTER + 5)]
    assert now.runs_before(b"\xff" * 16) == tuple(ends[-MAX_AFTER:])
    assert now.runs_before(bytes([3]) * 16) == tuple(ends[:2])
    settle(now, StoredAck(bytes([2]) * 16, 2), StoredAck(bytes([1]) * 16, 1))
    assert now.runs_before(bytes([3]) * 16) == (RunEnd(bytes([1]) * 16, 2),)
    settle(now, *(StoredAck(bytes([number]) * 16, 2) for number in range(1, MAX_AFTER + 5)))
    assert now.runs_before(b"\xff" * 16) == ()
    now.close()


def test_a_newer_format_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr("edge_agent.outbox.checkpoint.VERSION", 2)
        opened(tmp_path).close()
    with pytest.raises(FatalError, match="version 2 is newer"):
        OutboxStore(tmp_path, MIB)


WRITER = """
import sys
from pathlib import Path
from edge_agent.frame.assemble import Rank, SealedFrame
from edge_agent.outbox.batch import Batch
from edge_agent.outbox.store import OutboxStore
store = OutboxStore(Path(sys.argv[1]), 1 << 24)
store.begin_run(b"w" * 16)
sequence = 0
while True:
    frames = [SealedFrame(b"w" * 16, sequence + i + 1, Rank.SCALAR, 0, bytes([i]) * 5000) for i in range(5)]
    assert store.apply(Batch(frames)).failure is None
    sequence += 5
    print(sequence, flush=True)
"""


def test_what_was_committed_survives_kill_9(tmp_path: Path) -> None:
    for round_number in range(4):
        path = tmp_path / f"{round_number}"
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        told = 0
        for _ in range(7 + 33 * round_number):
            told = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        told = max([told, *map(int, writer.stdout.read().split())])
        writer.wait()
        writer.stdout.close()
        store = opened(path, b"n" * 16, 1 << 24)
        found = payloads(store)
        assert list(found) == list(range(1, len(found) + 1))
        assert len(found) >= told
        assert None not in found.values()
        store.close()


async def begun(folder: Path, **bounds: int) -> Outbox:
    outbox = Outbox(OutboxSettings(**bounds), Reports())
    await outbox.open(folder, RUN)
    return outbox


async def test_frames_offered_together_share_a_commit_and_room_returns(tmp_path: Path) -> None:
    outbox = await begun(tmp_path, max_bytes=65_536)
    running = asyncio.create_task(outbox.run())
    for sequence in range(1, 13):
        outbox.offer(sealed(sequence, 5_000))
    async with asyncio.timeout(30):
        await outbox.committed()
    waiting = asyncio.create_task(outbox.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    outbox.settle(StoredAck(RUN, 12))
    async with asyncio.timeout(30):
        await waiting
    assert (outbox.frames, outbox.acknowledged) == (0, 12)
    running.cancel()
    await outbox.close()


async def test_each_run_knows_the_boot_of_the_machine(tmp_path: Path) -> None:
    opened(tmp_path / "outbox", LATER).close()
    store = opened(tmp_path / "outbox", LATER)
    put(store, sealed(1, run=LATER))
    store.close()
    outbox = await begun(tmp_path)
    current, before = outbox.ordinal(RUN), outbox.ordinal(LATER)
    assert current is not None
    assert before is not None
    path = Path("/proc/sys/kernel/random/boot_id")
    assert outbox.boot_of(current) == (path.read_text().strip() if path.exists() else "")
    assert outbox.boot_of(before) == f"boot of {ord('s')}"
    assert outbox.boot_of(99) == ""
    await outbox.close()


OLD_SCHEMA = """
CREATE TABLE runs (ordinal INTEGER PRIMARY KEY AUTOINCREMENT, run_id BLOB NOT NULL UNIQUE, last_sequence INTEGER NOT NULL);
CREATE TABLE frames (id INTEGER PRIMARY KEY, rank INTEGER NOT NULL, acquired_ns INTEGER NOT NULL, crc INTEGER NOT NULL,
    size INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE TABLE drops (ordinal INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (ordinal, first)) WITHOUT ROWID;
PRAGMA user_version=1;
"""


def old_file(folder: Path) -> None:
    """An `outbox.db` as version 0.1 wrote it: run 7 with frames 3 to 602, of which 5 is damaged, and 1 to 2 dropped."""
    import zlib

    connection = sqlite3.connect(folder / "outbox.db")
    connection.executescript(OLD_SCHEMA)
    connection.execute("INSERT INTO runs VALUES (7, ?, 602)", (LATER,))
    for sequence in range(3, 603):
        payload = sealed(sequence).payload
        row = (frame_id(7, sequence), sequence % 3, sequence * 10, zlib.crc32(payload) ^ (sequence == 5), 100, payload)
        connection.execute("INSERT INTO frames VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.execute("INSERT INTO drops VALUES (7, 1, 2, 'outbox_full')")
    connection.commit()
    connection.close()


async def test_the_sqlite_file_of_an_older_version_is_taken_over_once(tmp_path: Path) -> None:
    old_file(tmp_path)
    outbox = await begun(tmp_path)
    found = [sequence_of(frame) for frame, _ in await outbox.after(0, END, 1_000)]
    assert found == [3, 4, *range(6, 603)]
    assert (outbox.dropped, outbox.damaged) == (1, 1)
    assert outbox._store.ranks == {Rank.REPORT: 199, Rank.WAVEFORM: 200, Rank.SCALAR: 200}
    assert await outbox.oldest_ns() == 30
    assert list(outbox._store.unreported()) == [
        (LATER, 602, [DropRecord(1, 2, "outbox_full"), DropRecord(5, 5, "damaged")])
    ]
    assert not list(tmp_path.glob("outbox.db*"))
    await outbox.close()


async def test_a_take_over_that_was_cut_off_takes_nothing_twice(tmp_path: Path) -> None:
    old_file(tmp_path)
    store = opened(tmp_path / "outbox", b"q" * 16)
    store.add_run(LATER)
    put(store, sealed(3, run=LATER), sealed(4, run=LATER))
    store.close()
    outbox = await begun(tmp_path)
    assert outbox.frames == 599
    await outbox.close()


async def test_a_damaged_old_file_is_set_aside_and_recording_goes_on(tmp_path: Path) -> None:
    (tmp_path / "outbox.db").write_bytes(b"this is no database, but the card says it is" * 100)
    outbox = await begun(tmp_path)
    assert (tmp_path / "outbox.damaged-1.db").exists()
    assert any("damaged" in line for line in outbox._reports.errors())
    await outbox.close()


def test_a_compaction_whose_sync_fails_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(tmp_path, max_bytes=MIB)
    for sequence in range(1, 101):
        put(store, sealed(sequence, 10_000))
    settle(store, StoredAck(RUN, 0, above=tuple((i, i) for i in range(1, 101) if i % 3)))
    store.log.write_checkpoint()
    synced = {path: path.stat().st_size for path in tmp_path.glob("*.segment")}
    with monkeypatch.context() as failing:
        failing.setattr(Segment, "sync", no_space)
        store.limit_bytes = 0
        with suppress(OSError):
            thin(store, may_drop=False)
        settle(store)
    for path in tmp_path.glob("*.segment"):  # the power fails: what was not synced is gone
        os.truncate(path, synced.get(path, 0))
    later = opened(tmp_path, LATER)
    assert payloads(later) == {i: sealed(i, 10_000).payload for i in range(3, 101, 3)}
    assert later.lost == 0
    later.close()


def no_space(_segment: Segment) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")

"""Single flipped bits anywhere in the outbox's files: each one is found and counted, and costs at most its record.

What a flip costs: in the payload of a frame, that frame; in a frame that is acknowledged, nothing (nobody reads it); in
any header, nothing (it is mended); in a checkpoint, nothing (there are two copies); in a record of store-acks, a second
sending; in a record of drops or of their report, the reason of the drop or a second report.
"""

from __future__ import annotations

import functools
import random
from bisect import bisect_right
from pathlib import Path

import pytest

from edge_agent.frame.assemble import Rank, SealedFrame
from edge_agent.outbox.batch import Batch
from edge_agent.outbox.record import HEADER_BYTES, Kind
from edge_agent.outbox.scan import Found, walk
from edge_agent.outbox.schema import run_of, sequence_of
from edge_agent.outbox.segment import old_segments
from edge_agent.outbox.store import OutboxStore
from telltale.readings import DropRecord
from telltale.wire.ack import StoredAck
from tests.powerloss.crashes import scratch

MAX_BYTES = 1 << 18
FLIPS_A_SEED = 2_500
FRAMES = 220
RUNS = (b"a" * 16, b"b" * 16)
END = (1 << 63) - 1
Key = tuple[int, int]


@functools.cache
def payload_of(key: Key) -> bytes:
    chance = random.Random(f"{key}")
    return chance.randbytes(chance.choice((15, 120, 700)))


def filled(folder: Path) -> None:
    """Two runs, the second one killed: frames, store-acks for some, drops, a report of them."""
    for ordinal, run in enumerate(RUNS, 1):
        store = OutboxStore(folder, MAX_BYTES)
        assert store.begin_run(run) is None
        for first in range(1, FRAMES // 2, 3):
            frames = [
                SealedFrame(run, number, Rank.SCALAR, number, payload_of((ordinal, number)))
                for number in range(first, first + 3)
            ]
            drops = [DropRecord(first + 2, first + 2, "disk_unavailable")] if first % 5 == 0 else []
            frames = frames[:2] if drops else frames
            acks = [StoredAck(run, 0, above=((first - 3, first - 2),))] if first % 4 == 0 else []
            store.apply(Batch(frames, acks, drops))
        drops = store.runs[ordinal].notes.unreported(4)
        number = store.runs[ordinal].last_sequence + 1
        report = SealedFrame(run, number, Rank.REPORT, number, payload_of((ordinal, number)))
        store.report(report, drops)


def state(store: OutboxStore) -> tuple[dict[Key, bytes], dict[Key, int], int]:
    """What can be sent, what is noted as dropped and by whom reported, and how many frames reading found damaged."""
    live, damaged = {}, 0
    for frame, _ in store.after(0, END, 100_000):
        payload, is_damaged = store.payload(frame)
        damaged += is_damaged
        if payload is not None:
            live[run_of(frame), sequence_of(frame)] = payload
    notes = {
        (run.ordinal, number): reporter
        for run in store.runs.values()
        for first, last, _, reporter in run.notes
        for number in range(first, last + 1)
    }
    return live, notes, damaged


class Layout:
    """Which record of which file is where."""

    def __init__(self, folder: Path) -> None:
        self.files = {segment.path.name: segment.path.read_bytes() for segment in old_segments(folder)}
        self.parts: list[tuple[int, str, int, Kind, Key]] = []
        at = 0
        for segment in old_segments(folder):
            for item in walk(segment):
                assert isinstance(item, Found)
                key = (item.header.ordinal, item.header.sequence)
                self.parts.append((at + item.offset, segment.path.name, at, Kind(item.header.kind), key))
            at += segment.size
            segment.close()
        self.size = at

    def at(self, byte: int) -> tuple[str, int, Kind, Key, bool]:
        """File, offset in it, kind and key of the record there, and whether it is its payload."""
        begin, name, file_begin, kind, key = self.parts[bisect_right(self.parts, (byte, chr(0x10FFFF))) - 1]
        return name, byte - file_begin, kind, key, byte - begin >= HEADER_BYTES


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    folder = tmp_path_factory.mktemp("flips")
    filled(folder)
    return Layout(folder)


@pytest.mark.parametrize("seed", range(4))
def test_each_flip_is_counted_and_costs_at_most_its_record(layout: Layout, seed: int) -> None:
    chance = random.Random(seed)
    with scratch() as folder:
        before = found_in(folder, layout.files)
        assert before[2:] == (0, 0)
        for number in range(FLIPS_A_SEED):
            byte, bit = chance.randrange(layout.size), chance.randrange(8)
            name, offset, kind, key, in_payload = layout.at(byte)
            raw = bytearray(layout.files[name])
            raw[offset] ^= 1 << bit
            try:
                after = found_in(folder, layout.files | {name: bytes(raw)})
                compare(before, after, kind, key, in_payload=in_payload)
            except BaseException as error:
                error.add_note(f"flip {number} of seed {seed}: bit {bit} of byte {offset} of {name}: {kind!r} {key}")
                raise


Seen = tuple[dict[Key, bytes], dict[Key, int], int, int]


def found_in(folder: Path, files: dict[str, bytes]) -> Seen:
    """What an agent finds that starts with these files, and how it goes on: (live, notes, lost, damaged)."""
    for path in folder.glob("*.segment"):
        path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    store = OutboxStore(folder, MAX_BYTES)
    assert store.begin_run(b"c" * 16) is None
    lost = store.lost
    live, notes, damaged_later = state(store)
    seen = live, notes, lost + damaged_later, store.damaged
    goes_on(store)
    return seen


def goes_on(store: OutboxStore) -> None:
    for run_id, last, drops in list(store.unreported()):
        if run_id != store.run.run_id:
            store.report(SealedFrame(run_id, last + 1, Rank.REPORT, 0, b"report"), drops)
    assert store.apply(Batch([SealedFrame(store.run.run_id, 1, Rank.SCALAR, 0, b"new")])).failure is None
    store.apply(Batch(acks=[StoredAck(run.run_id, END) for run in store.runs.values()]))
    assert (store.frames, list(store.unreported())) == (0, [])
    store.close()


def compare(before: Seen, after: Seen, kind: Kind, key: Key, *, in_payload: bool) -> None:
    live, notes, _, _ = before
    live_now, notes_now, lost, damaged = after
    is_needed = kind is not Kind.FRAME or not in_payload or key in live
    assert damaged == is_needed, "detected, and counted once; nobody reads what is acknowledged"
    assert all(payload == payload_of(frame) for frame, payload in live_now.items())
    if kind is Kind.FRAME and in_payload:
        hit = {key} & set(live)
        assert set(live) - set(live_now) == hit
        assert lost == len(hit)
        assert set(notes_now) == set(notes) | hit
    else:
        assert set(live) <= set(live_now), "no frame is lost"
    if kind is Kind.SETTLED and in_payload:
        assert len(live_now) - len(live) in (0, 2), "comes again, unless a later checkpoint says it, too"
    elif not (kind is Kind.FRAME and in_payload):
        assert live_now == live
        assert set(notes_now) == set(notes)
    if kind is Kind.DROPPED and in_payload:
        assert lost <= 1, "its sequence is missing: noted again, as damaged"
    elif not (kind is Kind.FRAME and in_payload):
        assert lost == 0

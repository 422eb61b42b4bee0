"""Work of an outbox that is recorded: three runs of frames, store-acks, drops, reports, a bound that is hit.

It says before each step what may happen from now on, and after it what is promised: `offer RUN FIRST LAST`,
`commit RUN FIRST LAST`, `ack RUN LAST`, `note RUN FIRST LAST` (a drop that is promised to be told). The word
`careless` among its arguments makes it one that does not sync.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from edge_agent.frame.assemble import Rank, SealedFrame
from edge_agent.outbox.batch import Batch
from edge_agent.outbox.box import FOLDER_NAME
from edge_agent.outbox.segment import Segment
from edge_agent.outbox.store import OutboxStore
from edge_agent.outbox.thin import thin
from telltale.readings import DropRecord
from telltale.wire.ack import StoredAck

MAX_BYTES = 131_072
RUNS, STEPS = 3, 60
RANKS = (Rank.SCALAR, Rank.WAVEFORM)


def payload_of(run: int, sequence: int) -> bytes:
    """What the frame holds."""
    chance = random.Random(f"{run}/{sequence}")
    return chance.randbytes(chance.choice((20, 300, 700, 3_000)))


def run_id(run: int) -> bytes:
    return bytes([run]) * 16


def say(word: str, *numbers: int) -> None:
    print(word, *numbers, flush=True)


def frame(run: int, sequence: int, rank: Rank) -> SealedFrame:
    return SealedFrame(run_id(run), sequence, rank, sequence, payload_of(run, sequence))


def work(folder: Path) -> None:
    chance = random.Random(5)
    for run in range(1, RUNS + 1):
        store = OutboxStore(folder / FOLDER_NAME, MAX_BYTES, MAX_BYTES // 8)
        store.begin_run(run_id(run))
        sequence = 0
        for _ in range(STEPS):
            sequence = commit(store, run, sequence, chance)
            if chance.random() < 0.25:
                acknowledge(store, chance.randint(1, run), sequence, chance)
            if chance.random() < 0.1:
                sequence = report(store, run, sequence)
            thin(store, may_drop=True)
        if run != 2:  # the second run is killed
            store.close()


def commit(store: OutboxStore, run: int, sequence: int, chance: random.Random) -> int:
    first, last = sequence + 1, sequence + chance.randint(1, 5)
    drops = [DropRecord(last + 1, last + 1, "disk_unavailable")] if chance.random() < 0.1 else []
    say("offer", run, first, last)
    frames = [frame(run, number, RANKS[number % 2]) for number in range(first, last + 1)]
    assert store.apply(Batch(frames, drops=drops)).failure is None
    say("commit", run, first, last)
    for drop in drops:
        say("note", run, drop.first, drop.last)
    return last + len(drops)


def acknowledge(store: OutboxStore, run: int, sequence: int, chance: random.Random) -> None:
    last = chance.randint(1, sequence)
    say("ack", run, last)
    store.apply(Batch(acks=[StoredAck(run_id(run), last)]))


def report(store: OutboxStore, run: int, sequence: int) -> int:
    for of_run, last, drops in list(store.unreported()):
        number = next(candidate for candidate in range(1, RUNS + 1) if run_id(candidate) == of_run)
        at = (sequence if number == run else last) + 1
        say("offer", number, at, at)
        store.report(frame(number, at, Rank.REPORT), drops)
        say("commit", number, at, at)
        sequence += number == run
    return sequence


if __name__ == "__main__":
    if "careless" in sys.argv:
        Segment.sync = lambda _: None  # type: ignore[method-assign]
    work(Path(sys.argv[1]))

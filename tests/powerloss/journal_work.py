"""Work of the cloud's journal that is recorded: frames, duplicates, drops, rejections, in two starts of the writer.

The journal is in a folder that is not there before. It says `offer FIRST LAST` before and `commit FIRST LAST` after
each commit, of sequences of one run. The word `careless` among its arguments makes it one that does not sync.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from cloud_service.journal.entries import Entry, FrameEntry, RejectedEntry
from cloud_service.journal.writer import JournalWriter, open_journal
from telltale.errors import RejectReason

GATEWAY, RUN = "gw", bytes(16)
DATA = "made/data"
STARTS, COMMITS = 2, 40
LARGEST_BYTES = 24_000


def payload_of(sequence: int) -> bytes:
    """What the frame holds."""
    chance = random.Random(sequence)
    return chance.randbytes(chance.choice((100, 2_000, LARGEST_BYTES)))


def entry(sequence: int) -> FrameEntry:
    return FrameEntry(GATEWAY, RUN, sequence, sequence, payload_of(sequence))


def work(folder: Path, *, durable: bool) -> None:
    chance, sequence = random.Random(5), 0
    for _ in range(STARTS):
        writer = JournalWriter(open_journal(folder / DATA, durable=durable))
        for _ in range(COMMITS):
            first, last = sequence + 1, sequence + chance.randint(1, 12)
            print("offer", first, last, flush=True)
            entries: list[Entry] = [entry(number) for number in range(first, last + 1)]
            entries += [entry(chance.randint(1, last)) for _ in range(3)]  # sent again
            entries.append(RejectedEntry(GATEWAY, None, None, 5, b"bad", RejectReason.NOT_A_FRAME, "test"))
            writer.commit(entries)
            print("commit", first, last, flush=True)
            sequence = last
        writer.close()


if __name__ == "__main__":
    work(Path(sys.argv[1]), durable="careless" not in sys.argv)

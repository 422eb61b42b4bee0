"""One group commit in the making: entries in, rows and new run states out. Nothing is written here."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from cloud_service.journal.dead_letter import Book, DeadLetter
from cloud_service.journal.entries import Entry, FrameEntry, HealthEntry, RejectedEntry, RetryEntry, StatusEntry
from cloud_service.journal.runs import Run, RunBook, RunKey
from cloud_service.journal.strays import StrayKey
from telltale.clock import NS_PER_S
from telltale.errors import RejectReason
from telltale.wire.ack import StoredAck

# A run with more gaps than this takes only what fills them; what would open another stays unacknowledged and comes
# again. Bounds memory, the `runs` row and the store-ack, whatever a gateway sends.
MAX_RANGES = 10_000
MARK_EVERY_NS = 600 * NS_PER_S
MAX_REFUSED = 64  # channels that one store-ack names


@dataclass(slots=True)
class Committed:
    """What a commit did.

    Attributes:
        acks: (gateway, run id) → the store-ack to send now that it is durable; duplicates are acknowledged again.
        stored, duplicates, rejected, postponed, retried: frames.
        stray_blocks: blocks of channels that their gateway may not send.
    """

    acks: dict[RunKey, StoredAck] = field(default_factory=dict)
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    postponed: int = 0
    retried: int = 0
    stray_blocks: int = 0


class Batch:
    """Entries of one transaction, in order of arrival."""

    def __init__(self, book: RunBook) -> None:
        self._book = book
        self._answers: dict[RunKey, dict[int, tuple[int, str, str]]] = {}
        self._done = Committed()
        self._refused: dict[RunKey, set[tuple[str, str]]] = {}
        self.runs: dict[RunKey, Run] = {}
        self.frames: list[tuple[Any, ...]] = []
        self.dead_letters: list[DeadLetter] = []
        self.drops: list[tuple[Any, ...]] = []
        self.marks: list[tuple[str, bytes, int, int]] = []
        self.undropped: list[tuple[str, bytes, int]] = []
        self.seen_ns: dict[str, int] = {}
        self.status: dict[str, tuple[bool, int]] = {}
        self.health: dict[str, bytes] = {}
        self.strays: Counter[StrayKey] = Counter()
        self.strays_ns = 0
        self.retried: list[tuple[int, RejectedEntry | None]] = []

    def take(self, entry: Entry) -> None:
        """Add one entry."""
        if isinstance(entry, RetryEntry):
            self._retry(entry)
            return
        if not (isinstance(entry, RejectedEntry) and entry.reason is RejectReason.UNKNOWN_GATEWAY):
            self.seen_ns[entry.gateway] = entry.received_ns
        match entry:
            case FrameEntry():
                self._frame(entry)
            case RejectedEntry():
                self._reject(entry)
            case StatusEntry():
                self.status[entry.gateway] = (entry.online, entry.received_ns)
            case HealthEntry():
                self.health[entry.gateway] = entry.body

    def result(self) -> Committed:
        """What was done; call once the transaction is committed."""
        for key, rejected in self._answers.items():
            covered = self.runs[key].covered
            refused = tuple(sorted(self._refused.get(key, ())))[:MAX_REFUSED]
            self._done.acks[key] = StoredAck(
                key[1], covered.cumulative, covered.above, tuple(rejected.values()), refused
            )
        self._done.stray_blocks = self.strays.total()
        return self._done

    def _retry(self, retry: RetryEntry) -> None:
        """A dead letter again: it becomes stored and is counted once, or stays with the reason of today."""
        self._done.retried += 1
        entry = retry.entry
        if isinstance(entry, RejectedEntry):
            self.retried.append((retry.letter, entry))
            return
        if retry.book == "":
            if self._frame(entry):
                self.retried.append((retry.letter, None))
            return  # else there is no room for one more gap: the letter waits for the next start
        self.retried.append((retry.letter, None))
        run = self._run((entry.gateway, entry.run_id))
        if retry.book == "rejected":
            run.rejected -= 1
            run.stored += 1
        self._append(entry, run)

    def _run(self, key: RunKey) -> Run:
        if key not in self.runs:
            self.runs[key] = self._book.get(key).copy()
        self._answers.setdefault(key, {})
        return self.runs[key]

    def _frame(self, entry: FrameEntry) -> bool:
        """Whether the frame is stored now, if it was not already."""
        key = (entry.gateway, entry.run_id)
        run = self._run(key)
        if entry.sequence in run.dropped_ranges:  # dropped, they said, and here it is: stored wins
            run.dropped_ranges.remove(entry.sequence)
            run.dropped -= 1
            self.undropped.append((*key, entry.sequence))
        elif entry.sequence in run.covered:
            self._done.duplicates += 1
            return True
        elif self._is_full(run, entry.sequence):
            self._done.postponed += 1
            return False
        run.covered.add(entry.sequence, entry.sequence)
        run.stored += 1
        self._append(entry, run)
        return True

    def _append(self, entry: FrameEntry, run: Run) -> None:
        run.last_ns = entry.received_ns
        self._done.stored += 1
        crc = zlib.crc32(entry.payload)
        self.frames.append((entry.gateway, entry.run_id, entry.sequence, entry.received_ns, crc, entry.payload))
        if entry.strays:
            self._refused.setdefault((entry.gateway, entry.run_id), set()).update(entry.strays)
            self.strays.update((entry.gateway, channel, reason) for channel, reason in entry.strays)
            self.strays_ns = max(self.strays_ns, entry.received_ns)
        self._mark(entry, run)
        self._drops(entry, run)
        for end in entry.after:
            self._promise((entry.gateway, end.run_id), end.last_sequence)

    def _mark(self, entry: FrameEntry, run: Run) -> None:
        """Note when frames at the edges of a hole were acquired, and one now and then: a hole has a time by them."""
        if entry.sequence <= run.newest:
            return
        is_hole = 0 < run.newest < entry.sequence - 1
        if is_hole:
            self.marks.append((entry.gateway, entry.run_id, run.newest, run.newest_ns))
        if is_hole or entry.acquired_ns - run.marked_ns >= MARK_EVERY_NS:
            self.marks.append((entry.gateway, entry.run_id, entry.sequence, entry.acquired_ns))
            run.marked_ns = entry.acquired_ns
        run.newest, run.newest_ns = entry.sequence, entry.acquired_ns

    def _promise(self, key: RunKey, last: int) -> None:
        """An earlier run of the gateway reached so far. One that nothing is known of makes no row."""
        known = self.runs.get(key) or self._book.get(key)
        if known.covered and known.promised < last:
            self.runs[key] = replace(self.runs.get(key) or known.copy(), promised=last)

    def _drops(self, entry: FrameEntry, run: Run) -> None:
        for drop in entry.drops:
            for first, last in run.covered.missing(drop.first, drop.last):
                if self._is_full(run, first):
                    continue
                run.covered.add(first, last)
                run.dropped_ranges.add(first, last)
                run.dropped += last - first + 1
                self.drops.append((entry.gateway, entry.run_id, first, last, drop.reason, entry.received_ns))

    def _reject(self, entry: RejectedEntry) -> None:
        self._done.rejected += 1
        book: Book = ""
        if entry.run_id is not None and entry.sequence is not None:
            key = (entry.gateway, entry.run_id)
            run = self._run(key)
            self._answers[key][entry.sequence] = (entry.sequence, entry.reason.value, entry.detail)
            if entry.sequence in run.covered:
                return  # its answer was lost: answered again, kept once
            if not self._is_full(run, entry.sequence):
                run.covered.add(entry.sequence, entry.sequence)
                run.rejected += 1
                run.last_ns = entry.received_ns
                book = "rejected"
        self.dead_letters.append(
            DeadLetter(
                entry.gateway,
                entry.run_id,
                entry.sequence,
                entry.received_ns,
                entry.reason.value,
                entry.detail,
                entry.payload,
                entry.verb,
                book,
            )
        )

    @staticmethod
    def _is_full(run: Run, sequence: int) -> bool:
        return len(run.covered) >= MAX_RANGES and run.covered.opens_range(sequence)

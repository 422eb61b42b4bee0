"""Sequences that a run let go, until the service knows it: 25 bytes a range."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from telltale.readings import DropRecord

REASONS = ("damaged", "outbox_full", "disk_unavailable")  # on disk by position: append only

Note = tuple[int, int, int, int]


class DropNotes:
    """Ranges (first, last, reason, reporter) of one run, by first sequence, disjoint.

    The reporter is the sequence of the frame that reports the range, 0 before there is one. The range is forgotten
    when that frame is settled, not when it is written: a report that is lost is made again.
    """

    __slots__ = ("_firsts", "_lasts", "_reasons", "_reporters")

    def __init__(self, notes: Iterable[Sequence[int]] = ()) -> None:
        self._firsts = array("Q")
        self._lasts = array("Q")
        self._reasons = array("B")
        self._reporters = array("Q")
        for note in notes:
            self._insert(len(self._firsts), note)

    def __len__(self) -> int:
        return len(self._firsts)

    def __iter__(self) -> Iterator[Note]:
        return zip(self._firsts, self._lasts, self._reasons, self._reporters, strict=True)

    def _insert(self, at: int, note: Sequence[int]) -> None:
        self._firsts.insert(at, note[0])
        self._lasts.insert(at, note[1])
        self._reasons.insert(at, note[2])
        self._reporters.insert(at, note[3])

    def _remove(self, at: int) -> None:
        del self._firsts[at], self._lasts[at], self._reasons[at], self._reporters[at]

    def add(self, drop: DropRecord) -> None:
        """Note a range; one that is known is not noted twice."""
        reason = REASONS.index(drop.reason) if drop.reason in REASONS else 0
        at = bisect_left(self._firsts, drop.first)
        if at < len(self._firsts) and self._firsts[at] <= drop.last:
            return
        if at and self._lasts[at - 1] >= drop.first:
            return
        first, last = drop.first, drop.last
        if self._grows(at, reason) and self._firsts[at] == last + 1:
            last = self._lasts[at]
            self._remove(at)
        if self._grows(at - 1, reason) and self._lasts[at - 1] == first - 1:
            self._lasts[at - 1] = last
            return
        self._insert(at, (first, last, reason, 0))

    def _grows(self, at: int, reason: int) -> bool:
        return 0 <= at < len(self._firsts) and self._reasons[at] == reason and not self._reporters[at]

    def unreported(self, limit: int) -> list[DropRecord]:
        """Ranges that no frame reports yet."""
        open_notes = (note for note in self if not note[3])
        return [DropRecord(first, last, REASONS[reason]) for first, last, reason, _ in islice(open_notes, limit)]

    def report(self, drops: Iterable[DropRecord], reporter: int) -> None:
        """The frame `reporter` reports these."""
        for drop in drops:
            at = bisect_left(self._firsts, drop.first)
            if at < len(self._firsts) and self._firsts[at] == drop.first and self._lasts[at] == drop.last:
                self._reporters[at] = reporter

    def settled(self, first: int, last: int) -> None:
        """The service has the frames `first` to `last`: what they report is forgotten."""
        for at in reversed(self._reported_by(first, last)):
            self._remove(at)

    def lost(self, first: int, last: int) -> None:
        """The frames `first` to `last` are gone: what they report is to be reported again."""
        for at in self._reported_by(first, last):
            self._reporters[at] = 0

    def _reported_by(self, first: int, last: int) -> list[int]:
        if not self._reporters:
            return []
        by = np.frombuffer(self._reporters, np.uint64)
        found: list[int] = np.flatnonzero((by >= max(first, 1)) & (by <= last)).tolist()
        return found

"""Where the frames of a run are: 16 bytes a frame, so that a day of backlog costs a few megabytes."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RANK_BITS = 8
PIECE = 16_384
TIDY_AT = 1_024  # dead entries, from where on they are taken out once they are the greater part


# Sequences, segments, offsets, and sizes with ranks: arrays of one length.
Columns = tuple["array[int]", "array[int]", "array[int]", "array[int]"]


class Place(NamedTuple):
    """Where a frame is, the size of its payload in bytes, and its rank."""

    sequence: int
    segment: int
    offset: int
    size: int
    rank: int


class FrameIndex:
    """Frames of one run that are still needed, by sequence."""

    __slots__ = ("_begin", "_dead", "_hints", "_offsets", "_segments", "_sequences", "_sizes", "frames", "size")

    def __init__(self) -> None:
        self.frames = 0
        self.size = 0
        self._sequences = array("I")
        self._segments = array("I")
        self._offsets = array("I")
        self._sizes = array("I")  # payload bytes and rank; 0: the frame is gone
        self._begin = 0
        self._dead = 0
        self._hints: dict[int, int] = {}

    def add(self, place: Place) -> None:
        """Take a frame in; the sequence must not be here yet."""
        at = bisect_left(self._sequences, place.sequence)
        if at < len(self._sequences) and self._sequences[at] == place.sequence:
            self._dead -= 1  # it was here once, and is gone since
            del self._sequences[at], self._segments[at], self._offsets[at], self._sizes[at]
        self._sequences.insert(at, place.sequence)
        self._segments.insert(at, place.segment)
        self._offsets.insert(at, place.offset)
        self._sizes.insert(at, (place.size << RANK_BITS) | place.rank)
        self.frames += 1
        self.size += place.size
        self._begin = min(self._begin, at)
        if at < len(self._sequences) - 1:
            self._hints.clear()

    def adopt(self, columns: Columns) -> None:
        """Take over many frames as they are, into an empty index; ascending, each sequence once."""
        self._sequences, self._segments, self._offsets, self._sizes = columns
        for piece in pieces(len(self._sizes)):
            sizes = np.asarray(self._sizes, np.uint32)[piece]
            self.frames += len(sizes)
            self.size += int((sizes >> RANK_BITS).sum(dtype=np.int64))

    def get(self, sequence: int) -> Place | None:
        """Where a frame is; None when it is not here."""
        at = bisect_left(self._sequences, sequence)
        if at == len(self._sequences) or self._sequences[at] != sequence or not self._sizes[at]:
            return None
        return self._place(at)

    def _place(self, at: int) -> Place:
        packed = self._sizes[at]
        return Place(
            self._sequences[at],
            self._segments[at],
            self._offsets[at],
            packed >> RANK_BITS,
            packed & ((1 << RANK_BITS) - 1),
        )

    def move(self, sequence: int, segment: int, offset: int) -> None:
        """The frame was copied there."""
        at = bisect_left(self._sequences, sequence)
        self._segments[at], self._offsets[at] = segment, offset

    def take(self, first: int, last: int) -> list[Place]:
        """Remove the frames from `first` to `last`; returns where they were."""
        low = bisect_left(self._sequences, first, self._begin)
        high = bisect_right(self._sequences, last, low)
        if low == high:
            return []
        taken = [self._place(low + int(at)) for at in np.flatnonzero(np.asarray(self._sizes, np.uint32)[low:high])]
        for at in range(low, high) if taken else ():
            self._sizes[at] = 0
        self._dead += len(taken)
        self.frames -= len(taken)
        self.size -= sum(place.size for place in taken)
        if low == self._begin:
            self._begin = high
        self._tidy()
        return taken

    def _tidy(self) -> None:
        if self._dead < TIDY_AT or 2 * self._dead < len(self._sizes):
            return
        kept = np.flatnonzero(np.asarray(self._sizes, np.uint32))
        for name in ("_sequences", "_segments", "_offsets", "_sizes"):
            setattr(self, name, copied(np.asarray(getattr(self, name), np.uint32)[kept]))
        self._begin = self._dead = 0
        self._hints.clear()

    def after(self, sequence: int) -> Iterator[Place]:
        """Frames above `sequence`, in order; the index must not be changed meanwhile."""
        for at in range(bisect_right(self._sequences, sequence, self._begin), len(self._sequences)):
            if self._sizes[at]:
                yield self._place(at)

    def newest(self) -> int:
        """The highest sequence here; 0 when there is none."""
        for at in range(len(self._sequences) - 1, self._begin - 1, -1):
            if self._sizes[at]:
                return self._sequences[at]
        return 0

    def oldest_of_rank(self, rank: int) -> Place | None:
        """The lowest sequence of that rank."""
        mask = (1 << RANK_BITS) - 1
        for at in range(max(self._begin, self._hints.get(rank, 0)), len(self._sequences)):
            if self._sizes[at] and self._sizes[at] & mask == rank:
                self._hints[rank] = at
                return self._place(at)
        self._hints[rank] = len(self._sequences)
        return None

    def ranges(self) -> NDArray[np.int64]:
        """All sequences here as (first, last) ranges, shape (n, 2), ascending."""
        found = [
            ranges_of(np.asarray(self._sequences, np.uint32)[piece][np.asarray(self._sizes, np.uint32)[piece] != 0])
            for piece in pieces(len(self._sizes))
        ]
        bounds = np.concatenate([np.empty((0, 2), np.int64), *found])
        joins = np.flatnonzero(bounds[1:, 0] == bounds[:-1, 1] + 1)
        return np.delete(bounds.ravel(), np.concatenate((2 * joins + 1, 2 * joins + 2))).reshape(-1, 2)

    def ranks(self) -> Counter[int]:
        """How many frames of each rank are here."""
        counts = np.zeros(1 << RANK_BITS, np.int64)
        for piece in pieces(len(self._sizes)):
            sizes = np.asarray(self._sizes, np.uint32)[piece]
            counts += np.bincount(sizes[sizes != 0] & ((1 << RANK_BITS) - 1), minlength=len(counts))
        return Counter({rank: count for rank, count in enumerate(counts.tolist()) if count})

    def in_segment(self, number: int) -> list[Place]:
        """The frames that are in that segment."""
        here = (np.asarray(self._segments, np.uint32) == number) & (np.asarray(self._sizes, np.uint32) != 0)
        return [self._place(int(at)) for at in np.flatnonzero(here)]


def pieces(length: int) -> Iterator[slice]:
    """Slices that cover a long array: what is computed in between stays small."""
    return (slice(first, first + PIECE) for first in range(0, length, PIECE))


def ranges_of(sequences: NDArray[np.uint32] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Ascending sequences, shape (n,), as (first, last) ranges, shape (m, 2)."""
    breaks = np.flatnonzero(np.diff(sequences) != 1)
    firsts = np.concatenate((sequences[:1], sequences[breaks + 1]))
    lasts = np.concatenate((sequences[breaks], sequences[-1:]))
    return np.column_stack((firsts, lasts)).astype(np.int64)


def copied(values: NDArray[np.uint32]) -> array[int]:
    """An array that can grow."""
    out = array("I")
    out.frombytes(values.astype(np.uint32, copy=False).tobytes())
    return out

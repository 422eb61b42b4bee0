"""Sets of sequence numbers as sorted ranges: what is covered of a run, in memory that follows its gaps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

import msgspec


class Ranges:
    """A set of positive integers, kept as disjoint, non-adjacent (first, last) ranges in ascending order."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._firsts, self._lasts, strict=True)

    def __len__(self) -> int:
        """The number of ranges, not of members."""
        return len(self._firsts)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    @property
    def cumulative(self) -> int:
        """The highest n such that all of 1 … n are members; 0 where 1 is not."""
        return self._lasts[0] if self._firsts and self._firsts[0] <= 1 else 0

    @property
    def above(self) -> tuple[tuple[int, int], ...]:
        """The ranges above `cumulative`."""
        return tuple(self)[1:] if self.cumulative else tuple(self)

    @property
    def highest(self) -> int:
        """The highest member; 0 where there is none."""
        return self._lasts[-1] if self._lasts else 0

    def copy(self) -> Ranges:
        """An independent copy."""
        twin = Ranges()
        twin._firsts, twin._lasts = self._firsts.copy(), self._lasts.copy()
        return twin

    def opens_range(self, number: int) -> bool:
        """Whether adding `number` would make one more range."""
        return number not in self and number - 1 not in self and number + 1 not in self

    def add(self, first: int, last: int) -> None:
        """Make first … last members."""
        low = bisect_left(self._lasts, first - 1)  # the first range that touches or follows
        high = bisect_right(self._firsts, last + 1)  # one past the last range that touches
        if low < high:
            first, last = min(first, self._firsts[low]), max(last, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]

    def missing(self, first: int, last: int) -> list[tuple[int, int]]:
        """The ranges within first … last that are no members."""
        found = []
        at = bisect_left(self._lasts, first)
        while first <= last:
            start = self._firsts[at] if at < len(self._firsts) else last + 1
            if start > first:
                found.append((first, min(start - 1, last)))
            if at == len(self._firsts):
                break
            first = max(first, self._lasts[at] + 1)
            at += 1
        return found

    def drop_first(self) -> None:
        """Make the members of the first range no members."""
        del self._firsts[0], self._lasts[0]

    def remove(self, number: int) -> None:
        """Make `number` no member."""
        if number not in self:
            return
        at = bisect_right(self._firsts, number) - 1
        parts = [
            (first, last)
            for first, last in ((self._firsts[at], number - 1), (number + 1, self._lasts[at]))
            if first <= last
        ]
        self._firsts[at : at + 1] = [first for first, _ in parts]
        self._lasts[at : at + 1] = [last for _, last in parts]


def encode_above(covered: Ranges) -> bytes:
    """What the table `runs` keeps beside `covered.cumulative`."""
    return msgspec.json.encode(covered.above)


def decode_covered(cumulative: int, above: bytes) -> Ranges:
    """What the table `runs` keeps of a run: all up to `cumulative`, and the ranges above it."""
    covered = Ranges(msgspec.json.decode(above, type=list[tuple[int, int]]))
    if cumulative:
        covered.add(1, cumulative)
    return covered

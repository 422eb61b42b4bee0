"""What time a channel's readings cover, and where they are missing: exact, idempotent, bounded.

Covered is the time from the first reading to the newest, less the gaps. A gap lies between two readings that are
further apart than 1.5 of the site's interval. A late reading splits the gap that it falls into, or closes it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from telltale.clock import NS_PER_DAY

MAX_GAPS = 512  # beyond it the two that lie nearest to each other are told as one, with what is missing in both
KEPT_DAYS = 400
TOLERANCE = 1.5
NEVER = -(2**62)


class Gap(msgspec.Struct, array_like=True):
    """Between the readings at `start_ns` and `end_ns`; of the `missing` ones, `no_value` came without a value."""

    start_ns: int
    end_ns: int
    missing: int
    no_value: int = 0


class Ledger(msgspec.Struct):
    """State of one channel.

    Attributes:
        since_ns, last_ns: its first and newest reading.
        gaps: ascending, disjoint.
        empty: readings without value since the newest.
        changed_days: days (since 1970) of which the store has not the newest figures yet.
    """

    since_ns: int = NEVER
    last_ns: int = NEVER
    gaps: list[Gap] = []
    empty: int = 0
    changed_days: list[int] = []


def take(ledger: Ledger, t_ns: NDArray[np.int64], has_value: NDArray[np.bool_], interval_ns: int) -> None:
    """Note readings.

    Args:
        ledger: changed in place.
        t_ns: (k,) times, ascending, none far in the future: they would make a gap from now to then.
        has_value: (k,) whether there is a value; those without are missing all the same, and counted as such.
        interval_ns: expected from one reading to the next.
    """
    there = t_ns[has_value]
    late = int(np.searchsorted(there, ledger.last_ns, side="right"))
    days: set[int] = set()
    for at_ns in there[:late].tolist():
        days |= _late(ledger, at_ns, interval_ns)
    if late < there.size:
        days |= _advance(ledger, there[late:], interval_ns)
    for at_ns in t_ns[~has_value].tolist():
        _note_empty(ledger, at_ns)
    if days:
        ledger.changed_days = sorted({*ledger.changed_days, *days})[-KEPT_DAYS:]
    _bound(ledger)


def missing_between(start_ns: int, end_ns: int, interval_ns: int) -> int:
    """How many readings should lie between two that are there."""
    return max(0, round((end_ns - start_ns) / interval_ns) - 1)


def _advance(ledger: Ledger, t_ns: NDArray[np.int64], interval_ns: int) -> set[int]:
    first_ns = int(t_ns[0])
    if ledger.since_ns == NEVER:
        ledger.since_ns = ledger.last_ns = first_ns
    before_ns = ledger.last_ns
    edges = np.concatenate(([before_ns], t_ns))
    for at in np.flatnonzero(np.diff(edges) > TOLERANCE * interval_ns).tolist():
        start_ns, end_ns = int(edges[at]), int(edges[at + 1])
        if end_ns - start_ns > KEPT_DAYS * NS_PER_DAY:  # a clock that had not been set, or another life of the sensor
            ledger.since_ns, ledger.gaps = end_ns, []
            continue
        missing = missing_between(start_ns, end_ns, interval_ns)
        ledger.gaps.append(Gap(start_ns, end_ns, missing, min(ledger.empty, missing) if at == 0 else 0))
    ledger.last_ns, ledger.empty = int(t_ns[-1]), 0
    return _days(max(before_ns, ledger.last_ns - KEPT_DAYS * NS_PER_DAY), ledger.last_ns)


def _late(ledger: Ledger, at_ns: int, interval_ns: int) -> set[int]:
    """A reading at or before the newest."""
    if at_ns < ledger.since_ns:
        return _earlier(ledger, at_ns, interval_ns)
    at = _find(ledger, at_ns)
    if at is None:
        return set()
    gap = ledger.gaps[at]
    ledger.gaps[at : at + 1] = [
        Gap(start_ns, end_ns, missing_between(start_ns, end_ns, interval_ns))
        for start_ns, end_ns in ((gap.start_ns, at_ns), (at_ns, gap.end_ns))
        if end_ns - start_ns > TOLERANCE * interval_ns
    ]
    return _days(gap.start_ns, gap.end_ns)


def _find(ledger: Ledger, at_ns: int) -> int | None:
    """Index of the gap that a time lies in."""
    at = bisect_left(ledger.gaps, at_ns, key=lambda gap: gap.start_ns) - 1
    return at if at >= 0 and at_ns < ledger.gaps[at].end_ns else None


def _earlier(ledger: Ledger, at_ns: int, interval_ns: int) -> set[int]:
    """A reading before the first: a backlog that came after fresh data. One from 1970 is no beginning."""
    if ledger.last_ns - at_ns > KEPT_DAYS * NS_PER_DAY:
        return set()
    if ledger.since_ns - at_ns > TOLERANCE * interval_ns:
        gap = Gap(at_ns, ledger.since_ns, missing_between(at_ns, ledger.since_ns, interval_ns))
        ledger.gaps.insert(0, gap)
    days = _days(at_ns, ledger.since_ns)
    ledger.since_ns = at_ns
    return days


def _note_empty(ledger: Ledger, at_ns: int) -> None:
    if at_ns > ledger.last_ns:
        ledger.empty += 1
    elif (at := _find(ledger, at_ns)) is not None:
        gap = ledger.gaps[at]
        gap.no_value = min(gap.no_value + 1, gap.missing)


def _bound(ledger: Ledger) -> None:
    oldest_ns = ledger.last_ns - KEPT_DAYS * NS_PER_DAY
    if ledger.gaps and ledger.gaps[0].end_ns < oldest_ns:
        ledger.gaps = [gap for gap in ledger.gaps if gap.end_ns >= oldest_ns]
        ledger.since_ns = max(ledger.since_ns, oldest_ns)
    while len(ledger.gaps) > MAX_GAPS:
        starts = np.array([gap.start_ns for gap in ledger.gaps])
        ends = np.array([gap.end_ns for gap in ledger.gaps])
        at = int(np.argmin(starts[1:] - ends[:-1]))
        one, other = ledger.gaps[at : at + 2]
        joined = Gap(one.start_ns, other.end_ns, one.missing + other.missing, one.no_value + other.no_value)
        ledger.gaps[at : at + 2] = [joined]


def _days(start_ns: int, end_ns: int) -> set[int]:
    return set(range(start_ns // NS_PER_DAY, end_ns // NS_PER_DAY + 1))


def missing_in(ledger: Ledger, start_ns: int, end_ns: int) -> float:
    """Readings that are missing in [start, end) up to the newest; a gap that reaches beyond counts by its share."""
    return sum(gap.missing * _share(gap, start_ns, end_ns) for gap in ledger.gaps)


def _share(gap: Gap, start_ns: int, end_ns: int) -> float:
    inside_ns = min(gap.end_ns, end_ns) - max(gap.start_ns, start_ns)
    return max(0.0, inside_ns / (gap.end_ns - gap.start_ns))


def gaps_in(ledger: Ledger, start_ns: int, end_ns: int) -> Iterator[Gap]:
    """Gaps that overlap [start, end)."""
    return (gap for gap in ledger.gaps if gap.end_ns > start_ns and gap.start_ns < end_ns)

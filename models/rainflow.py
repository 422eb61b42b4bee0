"""Rainflow counting as a stream: ASTM E1049-85 (2017), section 5.4.4, with a state that survives restarts.

A counter's state is its residue: the turning points that no later range has closed yet, about 20 values for real
loads. Feeding a history in pieces gives the same cycles as feeding it whole.

Counting is vectorised: a range that is smaller than the one before it and not larger than the one after it is a full
cycle whatever else happens, so all of them are taken out at once, again and again; the few points that remain go
through the standard's three-point rule one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Below this share of points removed, a vectorised pass costs more than the three-point rule.
WORTHWHILE = 0.05
# A residue grows only while ranges shrink strictly; beyond this many points the oldest range is retired as the half
# cycle that it would be at the end of the record (E1049 5.4.4 rule 6), so that no signal can grow the state for ever.
MAX_RESIDUE = 1024


@dataclass(frozen=True, slots=True)
class Cycles:
    """Counted cycles, each array of shape (n,), in the unit of the history; counts are 1 or 0.5."""

    ranges: Floats
    means: Floats
    counts: Floats

    def total(self) -> float:
        """The number of cycles, halves as halves."""
        return float(self.counts.sum())


def turning_points(history: Floats) -> Floats:
    """First value, every reversal, last value of a history of shape (n,); NaN are left out."""
    finite = history[~np.isnan(history)] if np.isnan(history).any() else history
    if finite.size < 2:
        return finite
    changed = np.concatenate(([True], finite[1:] != finite[:-1]))
    steps = finite[changed]
    rising = steps[1:] > steps[:-1]
    turns = np.concatenate(([True], rising[1:] != rising[:-1], [True]))
    return steps[turns] if steps.size > 1 else steps


def feed(residue: Floats, history: Floats) -> tuple[Floats, Cycles]:
    """Count what `history` closes.

    Args:
        residue: what the last call returned; empty at the start of the record.
        history: shape (n,), the next samples; NaN are left out.

    Returns:
        The residue to keep, shape (m,), and the cycles closed: full ones, and halves that hold the record's start.
    """
    points = turning_points(np.concatenate((residue, np.asarray(history, dtype=np.float64))))
    points, full = _take_nested(points)
    kept, ranges, means, counts = _three_point(points.tolist())
    serial = _cycles(ranges, means, counts)
    return np.array(kept, dtype=np.float64), _joined(full, serial)


def finish(residue: Floats) -> Cycles:
    """The residue as half cycles, as at the end of a record (E1049 5.4.4 rule 6)."""
    return Cycles(np.abs(np.diff(residue)), (residue[1:] + residue[:-1]) / 2, np.full(max(residue.size - 1, 0), 0.5))


def count(history: Floats) -> Cycles:
    """All cycles of a whole record of shape (n,)."""
    residue, closed = feed(np.empty(0), history)
    return _joined(closed, finish(residue))


def _take_nested(points: Floats) -> tuple[Floats, Cycles]:
    """Take out all full cycles that their neighbours enclose, pass by pass, while a pass is worth it."""
    ranges, means = [np.empty(0)], [np.empty(0)]
    while points.size >= 4:
        spans = np.abs(np.diff(points))
        inner = np.flatnonzero((spans[:-2] > spans[1:-1]) & (spans[1:-1] <= spans[2:])) + 1
        if inner.size < max(1, WORTHWHILE * points.size):
            break
        ranges.append(spans[inner])
        means.append((points[inner] + points[inner + 1]) / 2)
        keep = np.ones(points.size, dtype=np.bool_)
        keep[inner] = keep[inner + 1] = False
        points = points[keep]
    taken = np.concatenate(ranges)
    return points, Cycles(taken, np.concatenate(means), np.ones(taken.size))


def _three_point(points: list[float]) -> tuple[list[float], list[float], list[float], list[float]]:
    """E1049 5.4.4 rules 1 to 5, point by point."""
    stack: list[float] = []
    ranges: list[float] = []
    means: list[float] = []
    counts: list[float] = []
    for point in points:
        stack.append(point)
        while len(stack) >= 3:
            first, second, third = stack[-3:]
            span = abs(second - first)
            if abs(third - second) < span:
                break
            ranges.append(span)
            means.append((first + second) / 2)
            holds_start = len(stack) == 3
            counts.append(0.5 if holds_start else 1.0)
            stack[-3:] = [second, third] if holds_start else [third]
        if len(stack) > MAX_RESIDUE:
            ranges.append(abs(stack[1] - stack[0]))
            means.append((stack[0] + stack[1]) / 2)
            counts.append(0.5)
            del stack[0]
    return stack, ranges, means, counts


def _cycles(ranges: list[float], means: list[float], counts: list[float]) -> Cycles:
    return Cycles(np.array(ranges, dtype=float), np.array(means, dtype=float), np.array(counts, dtype=float))


def _joined(first: Cycles, second: Cycles) -> Cycles:
    return Cycles(
        np.concatenate((first.ranges, second.ranges)),
        np.concatenate((first.means, second.means)),
        np.concatenate((first.counts, second.counts)),
    )

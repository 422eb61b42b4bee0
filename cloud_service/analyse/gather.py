"""Readings of a group's channels → its rows, complete, ascending, each once.

A row holds the means of a span of event time (`every_s`, counted from 1970). It ends when every channel of the group
has shown a later one, or when the newest reading is `wait_s` past its end: then what has not come is missing in it.
Readings are taken in the order of the journal, those of one frame by time, so that rows are the same however frames
were batched; and the same whichever gateway's frames came first, unless one lags behind another by more than the wait.
What comes for a row that has ended is late: it is stored with its channel and judged there, and changes no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import LAGS_H, Batch
from cloud_service.analyse.group_detector import GroupBatch, GroupPlace
from telltale.clock import NS_PER_S

NEVER = -(2**62)
WAIT_ROWS = 2.0
MOST_OPEN = 64  # rows that are kept open at most; the oldest ends early


class Span(msgspec.Struct):
    """A row that is open: (c,) sums and counts, and the environment as it was last known."""

    sums: list[float]
    counts: list[int]
    outside: list[float]


class Gathering(msgspec.Struct):
    """State of one group: newest time of each channel, the last span that ended, those that are open, the run's
    clock at the newest frame that brought a reading, and what rows hold (`rows_hold`).
    """

    newest_ns: list[int]
    ended: int = NEVER
    open: dict[int, Span] = {}
    heard_ns: int = NEVER
    holds: str = ""


@dataclass(slots=True)
class Reading:
    """Rows (k,) of one channel of the group as they were judged; NaN where they may not be used."""

    channel: int
    frames: NDArray[np.int64]
    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    outside: NDArray[np.float64]


@dataclass(slots=True)
class Ended:
    """Rows that have ended, with the frame and the time of the reading that ended each, and the clock before it."""

    batch: GroupBatch
    frames: list[int] = field(default_factory=list)
    caused_ns: list[int] = field(default_factory=list)
    before_ns: list[int] = field(default_factory=list)


def nothing_gathered(place: GroupPlace) -> Gathering:
    """Before any reading."""
    return Gathering([NEVER] * len(place.channels), holds=rows_hold(place))


def rows_hold(place: GroupPlace) -> str:
    """What a row of the group is, and how its baseline is learned: where that changed, what is kept is of no use."""
    group = msgspec.structs.replace(place.group, every_s=_every_s(place), wait_s=None, freeze_rows=0)
    return msgspec.json.encode(group).decode()


def _every_s(place: GroupPlace) -> float:
    return place.channels[0].interval_s if place.group.every_s is None else place.group.every_s


def reading(place: GroupPlace, channel: int, batch: Batch, frames: NDArray[np.int64]) -> Reading:
    """What the group takes of a judged batch: nothing of what is distrusted or has no reliable time."""
    quantity = place.group.quantity
    values = batch.values if quantity == "value" else batch.features[quantity]
    bad = batch.faulty | batch.inputs_faulty
    undated = np.zeros(len(batch), dtype=np.bool_) if batch.undated is None else batch.undated
    dated = ~undated
    values = np.where(bad, np.nan, values)[dated]
    return Reading(channel, frames[dated], batch.t_ns[dated], values, batch.temperature_c[dated])


def gather(place: GroupPlace, state: Gathering, readings: list[Reading], heard_ns: Sequence[int]) -> Ended:
    """Take readings in (`state` is changed in place); the rows that end with them.

    Args:
        place: the group.
        state: what was gathered before.
        readings: of one segment.
        heard_ns: the run's clock at each frame of the batch.
    """
    found = _Rows(place, state)
    for frame, members in _by_frame(readings):
        for t_ns, channel, value, outside in members:
            found.take(frame, t_ns, channel, value, outside)
        state.heard_ns = max(state.heard_ns, heard_ns[frame])
    return found.ended()


_Member = tuple[int, int, float, list[float]]


def _by_frame(readings: list[Reading]) -> list[tuple[int, list[_Member]]]:
    """Frames in journal order, with their readings by time; of one time, in the order of the channels."""
    frames: dict[int, list[_Member]] = {}
    for one in readings:
        columns = (one.frames.tolist(), one.t_ns.tolist(), one.values.tolist(), one.outside.tolist())
        for frame, t_ns, value, outside in zip(*columns, strict=True):
            frames.setdefault(frame, []).append((t_ns, one.channel, value, outside))
    return [(frame, sorted(frames[frame], key=lambda member: member[:2])) for frame in sorted(frames)]


class _Rows:
    """The rows of one call."""

    def __init__(self, place: GroupPlace, state: Gathering) -> None:
        group = place.group
        every_s = _every_s(place)
        wait_s = WAIT_ROWS * every_s if group.wait_s is None else group.wait_s
        self._state = state
        self._every_ns = max(1, round(every_s * NS_PER_S))
        self._wait_ns = round(wait_s * NS_PER_S)
        self._channels = len(place.channels)
        # Environment is that of the first channel which is conditioned on temperature.
        conditioned = (at for at, channel in enumerate(place.channels) if channel.temperature is not None)
        self._guide = next(conditioned, 0)
        self._spans: list[tuple[int, Span]] = []
        self._ended = Ended(
            GroupBatch(np.empty(0, np.int64), np.empty((0, self._channels)), np.empty((0, len(LAGS_H))))
        )

    def take(self, frame: int, t_ns: int, channel: int, value: float, outside: list[float]) -> None:
        """One reading; ends the rows that it ends."""
        state = self._state
        at = t_ns // self._every_ns
        if at > state.ended:
            self._add(at, channel, value, outside)
        state.newest_ns[channel] = max(state.newest_ns[channel], t_ns)
        behind = min(state.newest_ns) // self._every_ns - 1
        waited = (max(state.newest_ns) - self._wait_ns) // self._every_ns - 1
        self._end(max(behind, waited), frame, t_ns)

    def _add(self, at: int, channel: int, value: float, outside: list[float]) -> None:
        span = self._state.open.get(at)
        if span is None:
            none = [float("nan")] * len(LAGS_H)
            span = self._state.open[at] = Span([0.0] * self._channels, [0] * self._channels, none)
        if value == value:  # noqa: PLR0124 - not NaN
            span.sums[channel] += value
            span.counts[channel] += 1
        if channel == self._guide:
            span.outside = outside

    def _end(self, upto: int, frame: int, t_ns: int) -> None:
        state = self._state
        while state.open:
            first = min(state.open)
            if first > upto and len(state.open) <= MOST_OPEN:
                break
            span = state.open.pop(first)
            state.ended = max(state.ended, first)
            if any(span.counts):
                self._spans.append((first, span))
                self._ended.frames.append(frame)
                self._ended.caused_ns.append(t_ns)
                self._ended.before_ns.append(state.heard_ns)
        state.ended = max(state.ended, upto)

    def ended(self) -> Ended:
        """What has ended so far."""
        if self._spans:
            counts = np.array([span.counts for _, span in self._spans], dtype=np.float64)
            sums = np.array([span.sums for _, span in self._spans])
            values = np.where(counts > 0, sums / np.maximum(counts, 1.0), np.nan)
            t_ns = np.array([at * self._every_ns for at, _ in self._spans], dtype=np.int64)
            outside = np.array([span.outside for _, span in self._spans], dtype=np.float64)
            self._ended.batch = GroupBatch(t_ns, values, outside)
        return self._ended

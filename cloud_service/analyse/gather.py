"""Readings of several channels → rows of a sheet, complete, ascending, each once.

A row holds the means of a span of event time (`every_s`, counted from 1970). It ends when every channel of the sheet
has shown a later one, or when the newest reading is `wait_s` past its end: then what has not come is missing in it.
Readings are taken in the order of the journal, those of one frame by time, so that rows are the same however frames
were batched; and the same whichever gateway's frames came first, unless one lags behind another by more than the wait.
What comes for a row that has ended is late: it is stored with its channel and judged there, and changes no row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import LAGS_H, Batch
from cloud_service.analyse.group_detector import GroupBatch
from cloud_service.analyse.segment import Run
from cloud_service.analyse.states import States
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.site import Channel

NEVER = -(2**62)
WAIT_ROWS = 2.0
MOST_OPEN = 64  # rows that are kept open at most; the oldest ends early

Shown = Mapping[str, Sequence[tuple[Batch, Run]]]
"""Channel → the batches of a segment as its detectors left them."""


@dataclass(frozen=True, slots=True)
class Column:
    """A quantity of a channel: `value`, `temperature` (what conditions it), or a feature of its windows."""

    channel: Channel
    quantity: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """What rows hold.

    Attributes:
        columns: c of them.
        every_s: the span of a row.
        wait_s: for how long a row waits for a channel that has fallen behind; None: two rows.
        holds: what rows are, as a text: where it changed, what is kept is of no use.
        empty_too: whether a row of which readings came, none of them to be relied on, is given as well.
    """

    columns: tuple[Column, ...]
    every_s: float
    wait_s: float | None
    holds: str
    empty_too: bool = False

    @property
    def every_ns(self) -> int:
        """The span of a row."""
        return max(1, round(self.every_s * NS_PER_S))


class Span(msgspec.Struct):
    """A row that is open: (c,) sums and counts, and the environment as it was last known."""

    sums: list[float]
    counts: list[int]
    outside: list[float]


class Gathering(msgspec.Struct):
    """State of one sheet: newest time of each column, the last span that ended, those that are open, the run's
    clock at the newest frame that brought a reading, and what rows hold (`Sheet.holds`).
    """

    newest_ns: list[int]
    ended: int = NEVER
    open: dict[int, Span] = {}
    heard_ns: int = NEVER
    holds: str = ""


@dataclass(slots=True)
class Reading:
    """Rows (k,) of one column as they were judged; NaN where they may not be used."""

    column: int
    frames: NDArray[np.int64]
    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    outside: NDArray[np.float64]
    dated: NDArray[np.bool_]


@dataclass(slots=True)
class Ended:
    """Rows that have ended, with the frame and the time of the reading that ended each, and the clock before it.

    `undated_days`: UTC days, as far as they are known, on which readings came whose times cannot be relied on.
    """

    batch: GroupBatch
    frames: list[int] = field(default_factory=list)
    caused_ns: list[int] = field(default_factory=list)
    before_ns: list[int] = field(default_factory=list)
    undated_days: list[int] = field(default_factory=list)


def nothing_gathered(sheet: Sheet) -> Gathering:
    """Before any reading."""
    return Gathering([NEVER] * len(sheet.columns), holds=sheet.holds)


def readings_of(sheet: Sheet, shown: Shown) -> list[Reading]:
    """What a segment brought of the sheet's channels; of waveforms, whole windows alone."""
    return [
        _reading(at, column, batch, run.frames)
        for at, column in enumerate(sheet.columns)
        for batch, run in shown.get(column.channel.id, ())
        if batch.windows is None or batch.windows.shape[1] == column.channel.window_samples
    ]


def _reading(at: int, column: Column, batch: Batch, frames: NDArray[np.int64]) -> Reading:
    """What rows take of a judged batch: nothing of what is distrusted."""
    undated = np.zeros(len(batch), dtype=np.bool_) if batch.undated is None else batch.undated
    values = np.where(batch.faulty | batch.inputs_faulty, np.nan, _quantity(column, batch))
    return Reading(at, frames, batch.t_ns, values, batch.temperature_c, ~undated)


def _quantity(column: Column, batch: Batch) -> NDArray[np.float64]:
    if column.quantity == "value":
        return batch.values
    return batch.temperature_c[:, 0] if column.quantity == "temperature" else batch.features[column.quantity]


def gather_kept(
    states: States, key: tuple[str, str], sheet: Sheet, readings: list[Reading], heard_ns: Sequence[int]
) -> tuple[Ended, bool]:
    """As `gather`, on the state that is kept under `key`; and whether its rows hold something else than before."""
    state = states.get(*key, Gathering, partial(nothing_gathered, sheet))
    is_other = state.holds != sheet.holds
    state = nothing_gathered(sheet) if is_other else state
    ended = gather(sheet, state, readings, heard_ns)
    states.put(*key, state)
    return ended, is_other


def gather(sheet: Sheet, state: Gathering, readings: list[Reading], heard_ns: Sequence[int]) -> Ended:
    """Take readings in (`state` is changed in place); the rows that end with them.

    Args:
        sheet: what rows hold.
        state: what was gathered before.
        readings: of one segment.
        heard_ns: the run's clock at each frame of the batch.
    """
    found = _Rows(sheet, state)
    for frame, members in _by_frame(readings):
        for t_ns, column, dated, value, outside in members:
            if dated:
                found.take(frame, t_ns, column, value, outside)
            else:
                found.pass_over(t_ns)
        state.heard_ns = max(state.heard_ns, heard_ns[frame])
    return found.ended()


_Member = tuple[int, int, bool, float, list[float]]


def _by_frame(readings: list[Reading]) -> list[tuple[int, list[_Member]]]:
    """Frames in journal order, with their readings by time; of one time, in the order of the columns."""
    frames: dict[int, list[_Member]] = {}
    for one in readings:
        columns = (one.frames, one.t_ns, one.dated, one.values, one.outside)
        for frame, t_ns, dated, value, outside in zip(*(column.tolist() for column in columns), strict=True):
            frames.setdefault(frame, []).append((t_ns, one.column, dated, value, outside))
    return [(frame, sorted(frames[frame], key=lambda member: member[:2])) for frame in sorted(frames)]


class _Rows:
    """The rows of one call."""

    def __init__(self, sheet: Sheet, state: Gathering) -> None:
        self._state = state
        self._every_ns = sheet.every_ns
        self._wait_ns = round((WAIT_ROWS * sheet.every_s if sheet.wait_s is None else sheet.wait_s) * NS_PER_S)
        self._columns, self._empty_too = len(sheet.columns), sheet.empty_too
        # Environment is that of the first channel which is conditioned on temperature.
        conditioned = (at for at, column in enumerate(sheet.columns) if column.channel.temperature is not None)
        self._guide = next(conditioned, 0)
        self._spans: list[tuple[int, Span]] = []
        self._ended = Ended(GroupBatch(np.empty(0, np.int64), np.empty((0, self._columns)), np.empty((0, len(LAGS_H)))))

    def pass_over(self, t_ns: int) -> None:
        """A reading whose time cannot be relied on: noted as of the newest time that is known."""
        day = max(t_ns, *self._state.newest_ns) // NS_PER_DAY
        if day not in self._ended.undated_days[-1:]:
            self._ended.undated_days.append(day)

    def take(self, frame: int, t_ns: int, column: int, value: float, outside: list[float]) -> None:
        """One reading; ends the rows that it ends."""
        state = self._state
        at = t_ns // self._every_ns
        if at > state.ended:
            self._add(at, column, value, outside)
        state.newest_ns[column] = max(state.newest_ns[column], t_ns)
        behind = min(state.newest_ns) // self._every_ns - 1
        waited = (max(state.newest_ns) - self._wait_ns) // self._every_ns - 1
        self._end(max(behind, waited), frame, t_ns)

    def _add(self, at: int, column: int, value: float, outside: list[float]) -> None:
        span = self._state.open.get(at)
        if span is None:
            none = [float("nan")] * len(LAGS_H)
            span = self._state.open[at] = Span([0.0] * self._columns, [0] * self._columns, none)
        if value == value:  # noqa: PLR0124 - not NaN
            span.sums[column] += value
            span.counts[column] += 1
        if column == self._guide:
            span.outside = outside

    def _end(self, upto: int, frame: int, t_ns: int) -> None:
        state = self._state
        while state.open:
            first = min(state.open)
            if first > upto and len(state.open) <= MOST_OPEN:
                break
            span = state.open.pop(first)
            state.ended = max(state.ended, first)
            if self._empty_too or any(span.counts):
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

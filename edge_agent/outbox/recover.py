"""Opening the outbox: what the segments say is replayed, and what should be there and is not is found.

The newest checkpoint says which frames were needed when it was written; the records after it say what came and went
since. A needed frame that no segment holds is lost: it is noted as dropped, to be reported to the service.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_agent.outbox.checkpoint import RunState, decode_checkpoint, unpack_numbers, unpack_ranges
from edge_agent.outbox.index import RANK_BITS, Columns, copied, pieces
from edge_agent.outbox.notes import DropNotes
from edge_agent.outbox.record import HEADER_BYTES, Header, Kind, find_header
from edge_agent.outbox.run import Run, drops_in, reported_in
from edge_agent.outbox.scan import Damaged, Found, walk
from edge_agent.outbox.segment import Segment
from telltale.readings import DropRecord


@dataclass(slots=True)
class Recovered:
    """What was found.

    Attributes:
        runs: by ordinal, those of which something is still needed.
        newest_ordinal: ordinals up to this one were given out.
        damaged: places in the files that were torn or flipped.
        lost: frames that went with them.
    """

    runs: dict[int, Run] = field(default_factory=dict)
    newest_ordinal: int = 0
    damaged: int = 0
    lost: int = 0


@dataclass(slots=True)
class _Replayed:
    """A run in the making: its last checkpoint, and what was said since."""

    run_id: bytes
    base: RunState | None = None
    events: list[tuple[Header, bytes]] = field(default_factory=list)
    written: array[int] = field(default_factory=lambda: array("I"))
    found: Columns = field(default_factory=lambda: (array("I"), array("I"), array("I"), array("I")))

    def rebase(self, state: RunState) -> None:
        self.base = state
        self.events.clear()
        # A commit that failed and was tried again in a new segment: what is beyond the checkpoint still counts.
        self.written = array("I", [sequence for sequence in self.written if sequence > state.last_sequence])


def recover(segments: Iterable[Segment]) -> Recovered:
    """Read all segments, oldest first; sets their counts of what is needed.

    Raises:
        FatalError: a newer version of the agent wrote them.
        OSError: a file cannot be opened.
    """
    by_number = {segment.number: segment for segment in segments}
    replay = _Replay()
    for segment in by_number.values():
        replay.read(segment)
        segment.close()
    try:
        return replay.result(by_number)
    finally:
        for segment in by_number.values():
            segment.close()


class _Replay:
    def __init__(self) -> None:
        self._runs: dict[int, _Replayed] = {}
        self._out = Recovered()

    def read(self, segment: Segment) -> None:
        for item in walk(segment):
            if isinstance(item, Damaged):
                self._out.damaged += 1
                continue
            self._out.damaged += item.is_mended
            self._out.newest_ordinal = max(self._out.newest_ordinal, item.header.ordinal)
            if item.header.kind == Kind.FRAME:
                self._frame(item, segment)
            else:
                self._event(item, segment)

    def _run(self, header: Header) -> _Replayed:
        return self._runs.setdefault(header.ordinal, _Replayed(header.run_id))

    def _frame(self, item: Found, segment: Segment) -> None:
        header = item.header
        run = self._run(header)
        run.written.append(header.sequence)
        place = (header.sequence, segment.number, item.offset, (header.length << RANK_BITS) | header.rank)
        for column, value in zip(run.found, place, strict=True):
            column.append(value)

    def _event(self, item: Found, segment: Segment) -> None:
        payload = segment.read(item.offset + HEADER_BYTES, item.header.length)
        if not item.header.fits(payload):
            self._out.damaged += 1
        elif item.header.kind == Kind.CHECKPOINT:
            self._checkpoint(payload, str(segment.path))
        else:
            self._run(item.header).events.append((item.header, payload))

    def _checkpoint(self, payload: bytes, where: str) -> None:
        states = {state.ordinal: state for state in decode_checkpoint(payload, where).runs}
        for ordinal in [ordinal for ordinal in self._runs if ordinal not in states]:
            del self._runs[ordinal]  # all of it was settled
        for ordinal, state in states.items():
            self._runs.setdefault(ordinal, _Replayed(state.run_id)).rebase(state)
            self._out.newest_ordinal = max(self._out.newest_ordinal, ordinal)

    def result(self, segments: dict[int, Segment]) -> Recovered:
        for ordinal in sorted(self._runs):
            run = self._settle(ordinal, self._runs.pop(ordinal), segments)
            if not run.is_over:
                self._out.runs[ordinal] = run
        return self._out

    def _settle(self, ordinal: int, replayed: _Replayed, segments: dict[int, Segment]) -> Run:
        base = replayed.base
        run = Run(ordinal, replayed.run_id, base.boot_id if base else "")
        if base:
            run.notes = DropNotes(unpack_numbers(base.notes).reshape(-1, 4).tolist())
        gone = _apply_events(run.notes, replayed.events)
        needed, run.last_sequence = _needed(replayed, gone)
        places = _only(needed, _copies(replayed.found, segments))
        run.index.adopt(places)
        _count(places, segments)
        self._note_lost(run, _without(needed, run.index.ranges()))
        return run

    def _note_lost(self, run: Run, lost: NDArray[np.int64]) -> None:
        for first, last in lost.tolist():
            self._out.lost += last - first + 1
            run.notes.lost(first, last)
            run.notes.add(DropRecord(first, last, "damaged"))


def _apply_events(notes: DropNotes, events: Iterable[tuple[Header, bytes]]) -> NDArray[np.int64]:
    """Bring the notes up to date; returns the ranges that the events say are gone."""
    gone = [np.empty((0, 2), np.int64)]
    for header, payload in events:
        if header.kind == Kind.SETTLED:
            gone.append(unpack_ranges(payload))
            for first, last in gone[-1].tolist():
                notes.settled(first, last)
        elif header.kind == Kind.DROPPED:
            for drop in drops_in(payload):
                notes.lost(drop.first, drop.last)
                notes.add(drop)
                gone.append(np.array([[drop.first, drop.last]], np.int64))
        elif header.kind == Kind.REPORTED:
            notes.report(reported_in(payload), header.sequence)
    return np.concatenate(gone)


def _needed(replayed: _Replayed, gone: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """The ranges that must be there, ascending and disjoint, and the highest sequence that was written."""
    written, base = np.array(replayed.written, np.int64), replayed.base
    known = base.last_sequence if base else int(min(written, default=1)) - 1
    last = max([known, int(max(written, default=0)), int(gone[:, 1].max(initial=0))])
    live = unpack_ranges(base.live) if base else np.empty((0, 2), np.int64)
    since = np.array([[known + 1, last]], np.int64)[: last - known]  # with the holes: what damage has taken
    again = np.repeat(written[written <= known], 2).reshape(-1, 2)
    return _without(_joined(np.concatenate((live, since, again))), gone), last


def _joined(ranges: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same sequences, as disjoint ranges in ascending order."""
    out: list[list[int]] = []
    for first, last in ranges[np.argsort(ranges[:, 0], kind="stable")].tolist():
        if out and first <= out[-1][1] + 1:
            out[-1][1] = max(out[-1][1], last)
        else:
            out.append([first, last])
    return np.array(out, np.int64).reshape(-1, 2)


def _without(ranges: NDArray[np.int64], gone: NDArray[np.int64]) -> NDArray[np.int64]:
    """What of `ranges` (disjoint, ascending) is not in `gone`."""
    out, cuts, at = [], _joined(gone).tolist(), 0
    for begin, last in ranges.tolist():
        first = begin
        while at < len(cuts) and cuts[at][1] < first:
            at += 1
        cut = at
        while cut < len(cuts) and cuts[cut][0] <= last:
            out.append((first, cuts[cut][0] - 1))
            first = cuts[cut][1] + 1
            cut += 1
        out.append((first, last))
    return np.array([pair for pair in out if pair[0] <= pair[1]], np.int64).reshape(-1, 2)


def _only(needed: NDArray[np.int64], found: Columns) -> Columns:
    """Those of the places (ascending) whose sequence is needed."""
    keep = np.zeros(len(found[0]), bool)
    for piece in pieces(len(keep) if len(needed) else 0):
        sequences = np.asarray(found[0], np.uint32)[piece].astype(np.int64)
        at = np.searchsorted(needed[:, 0], sequences, "right") - 1
        keep[piece] = (at >= 0) & (sequences <= needed[at, 1])
    return found if keep.all() else _chosen(found, keep)


def _chosen(found: Columns, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Columns:
    a, b, c, d = (copied(np.asarray(column, np.uint32)[rows]) for column in found)
    return a, b, c, d


def _copies(found: Columns, segments: dict[int, Segment]) -> Columns:
    """Each sequence once, ascending, where it was written last and is whole.

    Where power failed while a segment was compacted, the copy may be torn, and where a commit was tried again, the
    first try: of frames that are there twice the payloads are looked at.
    """
    sequences = np.asarray(found[0], np.uint32)
    if (sequences[1:] > sequences[:-1]).all():
        return found
    order = np.argsort(sequences, kind="stable")
    is_last = np.append(np.diff(sequences[order]) != 0, True)
    rows = order[is_last]
    for number in sequences[order][:-1][~is_last[:-1]].tolist():
        candidates = np.flatnonzero(sequences == number)[::-1].tolist()
        whole = (row for row in candidates if _is_whole(segments[found[1][row]], found[2][row]))
        rows[np.searchsorted(sequences[rows], number)] = next(whole, candidates[0])
    return _chosen(found, rows)


def _is_whole(segment: Segment, offset: int) -> bool:
    header = find_header(segment.read(offset, HEADER_BYTES))
    return header is not None and header.fits(segment.read(offset + HEADER_BYTES, header.length))


def _count(places: Columns, segments: dict[int, Segment]) -> None:
    for piece in pieces(len(places[0])):
        numbers = np.asarray(places[1], np.uint32)[piece]
        sizes = np.asarray(places[3], np.uint32)[piece] >> RANK_BITS
        for number in set(numbers.tolist()):
            here = sizes[numbers == number]
            segments[number].frames += len(here)
            segments[number].live_bytes += int(here.sum(dtype=np.int64)) + HEADER_BYTES * len(here)

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

from edge_agent.outbox.checkpoint import RunState, decode_checkpoint, unpack_numbers, unpack_sequences
from edge_agent.outbox.index import RANK_BITS
from edge_agent.outbox.notes import DropNotes
from edge_agent.outbox.record import HEADER_BYTES, Header, Kind, find_header
from edge_agent.outbox.run import Run, drops_in, reported_in
from edge_agent.outbox.scan import Damaged, Found, walk
from edge_agent.outbox.segment import Segment
from telltale.readings import DropRecord

Places = tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32]]


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
    found: list[array[int]] = field(default_factory=lambda: [array("I") for _ in range(4)])

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
        places = _copies(replayed.found, segments)
        here = np.isin(places[0], needed, assume_unique=True)
        run.index.fill(*(column[here] for column in places))
        _count(places[1][here], places[3][here], segments)
        self._note_lost(run, np.setdiff1d(needed, places[0], assume_unique=True))
        return run

    def _note_lost(self, run: Run, lost: NDArray[np.int64]) -> None:
        self._out.lost += len(lost)
        for sequence in lost.tolist():
            run.notes.lost(sequence, sequence)
            run.notes.add(DropRecord(sequence, sequence, "damaged"))


def _apply_events(notes: DropNotes, events: Iterable[tuple[Header, bytes]]) -> NDArray[np.int64]:
    """Bring the notes up to date; returns the sequences that the events say are gone."""
    gone = [np.empty(0, np.int64)]
    for header, payload in events:
        if header.kind == Kind.SETTLED:
            gone.append(unpack_sequences(payload))
            for sequence in gone[-1].tolist():
                notes.settled(sequence, sequence)
        elif header.kind == Kind.DROPPED:
            for drop in drops_in(payload):
                notes.lost(drop.first, drop.last)
                notes.add(drop)
                gone.append(np.arange(drop.first, drop.last + 1, dtype=np.int64))
        elif header.kind == Kind.REPORTED:
            notes.report(reported_in(payload), header.sequence)
    return np.concatenate(gone)


def _needed(replayed: _Replayed, gone: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """The sequences that must be there, ascending, and the highest one that was written."""
    written, base = np.array(replayed.written, np.int64), replayed.base
    known = base.last_sequence if base else int(min(written, default=1)) - 1
    last = max([known, *written[-1:].tolist(), int(max(written, default=0)), int(max(gone, default=0))])
    live = unpack_sequences(base.live) if base else np.empty(0, np.int64)
    since = np.arange(known + 1, last + 1, dtype=np.int64)  # with the holes: what damage has taken
    return np.setdiff1d(np.union1d(np.concatenate((live, since)), written), gone), last


def _copies(found: list[array[int]], segments: dict[int, Segment]) -> Places:
    """Each sequence once, ascending, where it was written last and is whole.

    Where power failed while a segment was compacted, the copy may be torn, and where a commit was tried again, the
    first try: of frames that are there twice the payloads are looked at.
    """
    columns = [np.array(column, np.uint32) for column in found]
    kept, from_end, counts = np.unique(columns[0][::-1], return_index=True, return_counts=True)
    at = len(columns[0]) - 1 - from_end
    for number in np.flatnonzero(counts > 1).tolist():
        candidates = np.flatnonzero(columns[0] == kept[number])[::-1].tolist()
        whole = (row for row in candidates if _is_whole(segments[columns[1][row]], int(columns[2][row])))
        at[number] = next(whole, candidates[0])
    return kept, columns[1][at], columns[2][at], columns[3][at]


def _is_whole(segment: Segment, offset: int) -> bool:
    header = find_header(segment.read(offset, HEADER_BYTES))
    return header is not None and header.fits(segment.read(offset + HEADER_BYTES, header.length))


def _count(numbers: NDArray[np.uint32], sizes: NDArray[np.uint32], segments: dict[int, Segment]) -> None:
    for number in np.unique(numbers).tolist():
        here = sizes[numbers == number] >> RANK_BITS
        segments[number].frames += len(here)
        segments[number].live_bytes += int(here.sum(dtype=np.int64)) + HEADER_BYTES * len(here)

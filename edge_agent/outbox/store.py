"""The outbox on disk: frames in, store-acks, what is let go; the order of these is what makes it durable.

Frames and drops are on the disk when `apply` returns. Store-acks are written and not waited for: one that is lost
costs a second sending. Used from one thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from edge_agent.frame.assemble import SealedFrame
from edge_agent.outbox.batch import Applied, Batch
from edge_agent.outbox.checkpoint import encode_checkpoint, pack_ranges
from edge_agent.outbox.index import Place, ranges_of
from edge_agent.outbox.log import SegmentLog
from edge_agent.outbox.record import HEADER_BYTES, Header, Kind, find_header
from edge_agent.outbox.recover import recover
from edge_agent.outbox.rejected import RejectedFrames
from edge_agent.outbox.run import Run
from edge_agent.outbox.schema import MAX_SEQUENCE, frame_id, run_of, sequence_of
from edge_agent.outbox.segment import Segment
from telltale.durable_file import make_folder
from telltale.readings import DropRecord, RunEnd
from telltale.wire.ack import StoredAck
from telltale.wire.codec import MAX_AFTER, MAX_DROPS

SEGMENT_BYTES = 4_194_304
SEGMENTS = 512  # about so many files at most, for a very large outbox
LEAST_SEGMENTS = 8  # and at least so many, for a very small one
MAX_SEGMENT_BYTES = 1 << 30  # offsets have 32 bits
MAX_FRAMES = 1_000_000  # 16 MB of index


class OutboxStore:
    """The segments of one gateway and the current run in them.

    Args:
        folder: of the segments; created.
        max_bytes: bound of all files together.
        headroom_bytes: how much of it is kept free, for the commit that comes.

    Raises:
        FatalError: a newer version of the agent wrote them.
        OSError: the folder cannot be read or created.
    """

    run: Run

    def __init__(self, folder: Path, max_bytes: int, headroom_bytes: int = 0) -> None:
        make_folder(folder)
        self.limit_bytes = max_bytes - min(headroom_bytes, max_bytes // 8)
        size = max(max_bytes // SEGMENTS, min(max_bytes // LEAST_SEGMENTS, SEGMENT_BYTES))
        size = min(size, MAX_SEGMENT_BYTES)
        self.log = SegmentLog(folder, size, self._checkpoint)
        found = recover(self.log.segments.values())
        self.runs = found.runs
        self.damaged, self.lost = found.damaged, found.lost
        self.earlier: tuple[tuple[int, RunEnd], ...] = ()
        self.ranks: Counter[int] = Counter()
        for run in self.runs.values():
            self.ranks.update(run.index.ranks())
        self._ordinals = {run.run_id: run.ordinal for run in self.runs.values()}
        self._newest_ordinal = found.newest_ordinal
        self._rejected = RejectedFrames(folder / "rejected", max_bytes // LEAST_SEGMENTS)

    def begin_run(self, run_id: bytes, boot_id: str = "") -> OSError | None:
        """Begin the current run; returns why it is not on the disk yet, if so: the next commit writes it."""
        self.run = self.add_run(run_id, boot_id)
        self._note_earlier()
        try:
            self.log.write_checkpoint()
        except OSError as error:
            return error
        self.log.reclaim()
        return None

    def add_run(self, run_id: bytes, boot_id: str = "") -> Run:
        """The run of that id; a new one, after all others, where there is none."""
        ordinal = self._ordinals.get(run_id)
        if ordinal is None:
            self._newest_ordinal = ordinal = self._newest_ordinal + 1
            self.runs[ordinal] = Run(ordinal, run_id, boot_id)
            self._ordinals[run_id] = ordinal
        return self.runs[ordinal]

    def _checkpoint(self) -> bytes:
        current = getattr(self, "run", None)
        return encode_checkpoint(run.state() for run in self.runs.values() if run is current or not run.is_over)

    @property
    def frames(self) -> int:
        """Frames that are needed."""
        return self.ranks.total()

    @property
    def size(self) -> int:
        """Bytes of their payloads."""
        return sum(run.index.size for run in list(self.runs.values()))

    def ordinal_of(self, run_id: bytes) -> int | None:
        """The ordinal of a run that is known here."""
        return self._ordinals.get(run_id)

    def apply(self, batch: Batch) -> Applied:
        """Take store-acks, then bring frames and drops to the disk: all of them, or `failure` says why none counts."""
        applied = Applied()
        records = [buffer for ack in batch.acks for buffer in self._settle(ack, applied)]
        if batch.drops:
            records += self.run.dropped(batch.drops)
        try:
            self._commit(records, batch)
        except OSError as error:
            applied.failure = error
        self.log.reclaim()
        self._note_earlier()
        return applied

    def _commit(self, records: list[bytes], batch: Batch) -> None:
        self.put(batch.frames, records, sync=bool(batch.frames or batch.drops))
        for drop in batch.drops:
            self.run.notes.add(drop)
            self.run.last_sequence = max(self.run.last_sequence, drop.last)

    def put(self, frames: Iterable[SealedFrame], records: Iterable[bytes] = (), *, sync: bool) -> None:
        """Append `records` and then frames, of runs that are known.

        Raises:
            OSError: nothing of it counts.
        """
        buffers, places = list(records), []
        at = sum(map(len, buffers))
        for frame in frames:
            run = self.runs[self._ordinals[frame.run_id]]
            places.append((run, Place(frame.sequence, 0, at, len(frame.payload), int(frame.rank))))
            buffers += run.frame(frame)
            at += HEADER_BYTES + len(frame.payload)
        if not buffers:
            return
        segment, begin = self.log.append(buffers, sync=sync)
        for run, place in places:
            self._index(run, place._replace(segment=segment.number, offset=begin + place.offset), segment)

    def _index(self, run: Run, place: Place, segment: Segment) -> None:
        run.index.add(place)
        run.last_sequence = max(run.last_sequence, place.sequence)
        self.ranks[place.rank] += 1
        _use(segment, place, 1)

    def _settle(self, ack: StoredAck, applied: Applied) -> tuple[bytes, ...]:
        """What a store-ack names is not needed any more; returns the record that says so."""
        ordinal = self._ordinals.get(ack.run_id)
        if ordinal is None:
            return ()
        run, gone = self.runs[ordinal], []
        for sequence, reason, detail in ack.rejected:
            gone += self._reject(run, sequence, reason, detail, applied)
        for first, last in ((1, ack.cumulative), *ack.above):
            taken = self.take(run, first, min(last, MAX_SEQUENCE))
            applied.acknowledged += len(taken)
            gone += taken
        sequences = np.array(sorted({place.sequence for place in gone}), np.int64)
        return run.record(Kind.SETTLED, pack_ranges(ranges_of(sequences))) if gone else ()

    def _reject(self, run: Run, sequence: int, reason: str, detail: str, applied: Applied) -> list[Place]:
        if (place := run.index.get(sequence)) is None:
            return []
        applied.rejected.append(f"frame {sequence} rejected by the service: {reason} {detail}".rstrip())
        self._rejected.keep(run.run_id, sequence, reason, self._read(run, place)[1])
        return self.take(run, sequence, sequence)

    def take(self, run: Run, first: int, last: int) -> list[Place]:
        """Frames `first` to `last` are not needed any more; returns where they were."""
        taken = run.index.take(first, last) if first <= last else []
        for place in taken:
            self.ranks[place.rank] -= 1
            _use(self.log.segments[place.segment], place, -1)
        run.notes.settled(first, last)
        return taken

    def drop(self, frames: Iterable[tuple[Run, Place]], reason: str) -> int:
        """Let go of frames and note it, in the log as well if the disk takes it; returns how many."""
        drops: dict[int, list[DropRecord]] = {}
        for run, place in frames:
            run.notes.lost(place.sequence, place.sequence)  # what it reports, if it does, is reported again
            self.take(run, place.sequence, place.sequence)
            drop = DropRecord(place.sequence, place.sequence, reason)
            run.notes.add(drop)
            drops.setdefault(run.ordinal, []).append(drop)
        records = [buffer for ordinal, of_run in drops.items() for buffer in self.runs[ordinal].dropped(of_run)]
        if records:
            with suppress(OSError):  # the next checkpoint says it, too
                self.log.append(records, sync=False)
        return sum(map(len, drops.values()))

    def unreported(self) -> Iterator[tuple[bytes, int, list[DropRecord]]]:
        """Run id, its last sequence, and drops that no frame has reported yet; at most one frame's worth a run."""
        for run in self.runs.values():
            if drops := run.notes.unreported(MAX_DROPS):
                yield run.run_id, run.last_sequence, drops

    def report(self, frame: SealedFrame, drops: list[DropRecord]) -> None:
        """Bring the frame that reports drops to the disk.

        Raises:
            OSError: it is not there; the drops are still to be reported.
        """
        run = self.runs[self._ordinals[frame.run_id]]
        self.put([frame], run.reported(drops, frame.sequence), sync=True)
        run.notes.report(drops, frame.sequence)
        self._note_earlier()

    def newest(self) -> int:
        """The highest id, or that of the run's begin."""
        ids = [frame_id(run.ordinal, run.index.newest()) for run in self.runs.values() if run.index.frames]
        return max(ids, default=frame_id(self.run.ordinal, 0))

    def oldest_ns(self) -> int | None:
        """Acquisition time of the oldest frame."""
        for run, place in self._places(0):
            header = find_header(self.log.read(place.segment, place.offset, HEADER_BYTES))
            return header.acquired_ns if header is not None and _is_of(header, run, place) else None
        return None

    def _places(self, cursor: int) -> Iterator[tuple[Run, Place]]:
        """Frames with an id above `cursor`, in order."""
        for ordinal in sorted(self.runs):
            if ordinal >= run_of(cursor):
                begin = sequence_of(cursor) if ordinal == run_of(cursor) else 0
                for place in self.runs[ordinal].index.after(begin):
                    yield self.runs[ordinal], place

    def after(self, cursor: int, until: int, limit: int) -> list[tuple[int, int]]:
        """(id, size) of frames with `cursor` < id ≤ `until`, in order."""
        found: list[tuple[int, int]] = []
        for run, place in self._places(cursor):
            frame = frame_id(run.ordinal, place.sequence)
            if frame > until or len(found) == limit:
                break
            found.append((frame, place.size))
        return found

    def payload(self, frame: int) -> tuple[bytes | None, bool]:
        """The payload of a frame, None when it is gone; and whether it was damaged: then it is noted as dropped."""
        run = self.runs.get(run_of(frame))
        place = run.index.get(sequence_of(frame)) if run else None
        if run is None or place is None:
            return None, False
        payload = self._read(run, place)[1]
        if payload is None:
            self.damaged += 1
            self.drop([(run, place)], "damaged")
            self._note_earlier()
        return payload, payload is None

    def _read(self, run: Run, place: Place) -> tuple[Header | None, bytes | None]:
        """Header and payload of a frame; None where they are not what was written."""
        raw = self.log.read(place.segment, place.offset, HEADER_BYTES + place.size)
        header, payload = find_header(raw[:HEADER_BYTES]), raw[HEADER_BYTES:]
        if header is None or not _is_of(header, run, place) or not header.fits(payload):
            return None, None
        return header, payload

    def compact(self, segment: Segment) -> int:
        """Write what is needed of a segment again, so that it can go; returns how many frames were found damaged.

        Raises:
            OSError: the disk did not take it all; the frames are where they were.
        """
        places = [(run, place) for run in self.runs.values() for place in run.index.in_segment(segment.number)]
        copies, damaged = [], []
        for run, place in places:
            header, payload = self._read(run, place)
            if header is None or payload is None:
                damaged.append((run, place))
            else:
                copies.append((run, place, *self.log.append([header.packed(), payload], sync=False)))
        self.log.append([], sync=True)  # only then is the old copy given up
        for run, place, into, begin in copies:
            run.index.move(place.sequence, into.number, begin)
            _use(segment, place, -1)
            _use(into, place, 1)
        self.damaged += len(damaged)
        return self.drop(damaged, "damaged")

    def _note_earlier(self) -> None:
        ends = [(run.ordinal, RunEnd(run.run_id, run.last_sequence)) for run in self.runs.values() if run.index.frames]
        self.earlier = tuple(ends)

    def runs_before(self, run_id: bytes) -> tuple[RunEnd, ...]:
        """Runs before that one of which frames are here, oldest first: the newest `MAX_AFTER`."""
        ordinal = self._ordinals.get(run_id, 0)
        return tuple(end for number, end in self.earlier if number < ordinal)[-MAX_AFTER:]

    def close(self) -> None:
        """Sync and close."""
        self.log.close()


def _is_of(header: Header, run: Run, place: Place) -> bool:
    return (header.run_id, header.sequence) == (run.run_id, place.sequence)


def _use(segment: Segment, place: Place, count: int) -> None:
    segment.frames += count
    segment.live_bytes += count * (HEADER_BYTES + place.size)

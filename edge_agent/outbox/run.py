"""What the outbox knows of one run of the agent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from edge_agent.frame.assemble import SealedFrame
from edge_agent.outbox.checkpoint import RunState, pack_numbers, pack_ranges, unpack_numbers
from edge_agent.outbox.index import FrameIndex
from edge_agent.outbox.notes import REASONS, DropNotes
from edge_agent.outbox.record import Kind, header_for
from telltale.readings import DropRecord


@dataclass(slots=True)
class Run:
    """One run.

    Attributes:
        ordinal: 1, 2, 3, … in the order of starts.
        run_id: 16 bytes.
        boot_id: of the machine's boot in which it ran; empty where that is not known.
        last_sequence: the highest one that was written.
        index: its frames that are still needed.
        notes: what was let go and is not known to the service.
    """

    ordinal: int
    run_id: bytes
    boot_id: str = ""
    last_sequence: int = 0
    index: FrameIndex = field(default_factory=FrameIndex)
    notes: DropNotes = field(default_factory=DropNotes)

    @property
    def is_over(self) -> bool:
        """Whether the service knows all of it, as far as it was written."""
        return not (self.index.frames or len(self.notes))

    def state(self) -> RunState:
        """For a checkpoint."""
        notes = pack_numbers(np.array(list(self.notes), np.int64).ravel())
        live = pack_ranges(self.index.ranges())
        return RunState(self.ordinal, self.run_id, self.boot_id, self.last_sequence, live, notes)

    def record(self, kind: Kind, payload: bytes, sequence: int = 0) -> tuple[bytes, bytes]:
        """Header and payload of a record about this run."""
        return header_for(kind, payload, ordinal=self.ordinal, run_id=self.run_id, sequence=sequence), payload

    def frame(self, frame: SealedFrame) -> tuple[bytes, bytes]:
        """The record of a frame."""
        header = header_for(
            Kind.FRAME,
            frame.payload,
            ordinal=self.ordinal,
            run_id=self.run_id,
            sequence=frame.sequence,
            rank=int(frame.rank),
            acquired_ns=frame.acquired_ns,
        )
        return header, frame.payload

    def dropped(self, drops: Iterable[DropRecord]) -> tuple[bytes, bytes]:
        """A record of drops."""
        numbers = [(drop.first, drop.last, REASONS.index(drop.reason)) for drop in drops]
        return self.record(Kind.DROPPED, pack_numbers(np.array(numbers, np.int64).ravel()))

    def reported(self, drops: Iterable[DropRecord], sequence: int) -> tuple[bytes, bytes]:
        """A record of which drops the frame `sequence` reports."""
        numbers = [(drop.first, drop.last) for drop in drops]
        return self.record(Kind.REPORTED, pack_numbers(np.array(numbers, np.int64).ravel()), sequence)


def drops_in(payload: bytes) -> list[DropRecord]:
    """What `Run.dropped` wrote."""
    rows = unpack_numbers(payload).reshape(-1, 3).tolist()
    return [DropRecord(first, last, REASONS[reason]) for first, last, reason in rows]


def reported_in(payload: bytes) -> list[DropRecord]:
    """What `Run.reported` wrote; the reasons are elsewhere."""
    return [DropRecord(first, last, "") for first, last in unpack_numbers(payload).reshape(-1, 2).tolist()]

"""What one commit takes, and what it did."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent.frame.assemble import SealedFrame
from telltale.readings import DropRecord
from telltale.wire.ack import StoredAck


@dataclass(slots=True)
class Batch:
    """Frames in, store-acks, drops that happened in memory."""

    frames: list[SealedFrame] = field(default_factory=list)
    acks: list[StoredAck] = field(default_factory=list)
    drops: list[DropRecord] = field(default_factory=list)


@dataclass(slots=True)
class Applied:
    """What a commit did, in frames of any run; `failure`: why its frames and drops are not on the disk."""

    acknowledged: int = 0
    rejected: list[str] = field(default_factory=list)
    dropped: int = 0
    failure: OSError | None = None

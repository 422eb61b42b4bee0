"""Sealed frames that wait for their commit: bounded, also while the disk is full."""

from __future__ import annotations

from collections import deque

from edge_agent.frame.assemble import SealedFrame
from telltale.readings import DropRecord


class PendingFrames:
    """Frames between sealing and commit.

    Args:
        max_bytes: bound; beyond it the oldest frame of the lowest rank is let go and noted.
    """

    def __init__(self, max_bytes: int) -> None:
        self.size = 0
        self.drops: list[DropRecord] = []
        self._max_bytes = max_bytes
        self._frames: deque[SealedFrame] = deque()

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: SealedFrame) -> int:
        """Take a frame; returns how many were let go for it."""
        self._frames.append(frame)
        self.size += len(frame.payload)
        count = 0
        while self.size > self._max_bytes and len(self._frames) > 1:
            self._let_go(min(self._frames, key=lambda kept: (kept.rank, kept.sequence)))
            count += 1
        return count

    def _let_go(self, frame: SealedFrame) -> None:
        self._frames.remove(frame)
        self.size -= len(frame.payload)
        self.drops.append(DropRecord(frame.sequence, frame.sequence, "disk_unavailable"))

    def take(self) -> tuple[list[SealedFrame], list[DropRecord]]:
        """All that waits, to be committed together; they come back with `put_back` if that fails."""
        frames, drops = list(self._frames), self.drops
        self._frames.clear()
        self.drops, self.size = [], 0
        return frames, drops

    def put_back(self, frames: list[SealedFrame], drops: list[DropRecord]) -> None:
        """Frames and drops whose commit failed, before those that came since."""
        self._frames.extendleft(reversed(frames))
        self.size += sum(len(frame.payload) for frame in frames)
        self.drops = [*drops, *self.drops]

"""Sealed frames that wait for their commit: bounded, also while the disk is full."""

from __future__ import annotations

from collections import deque

from edge_agent.frame.assemble import SealedFrame
from telltale.readings import DropRecord


class PendingFrames:
    """Frames between sealing and commit.

    Attributes:
        size, taken: bytes that wait, and bytes that are being committed.

    Args:
        max_bytes: bound; beyond it the oldest frame of the lowest rank is let go and noted.
    """

    def __init__(self, max_bytes: int) -> None:
        self.size = 0
        self.taken = 0
        self.drops: list[DropRecord] = []
        self._max_bytes = max_bytes
        self._frames: deque[SealedFrame] = deque()

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: SealedFrame) -> int:
        """Take a frame; returns how many were let go for it."""
        self._frames.append(frame)
        self.size += len(frame.payload)
        return self._bound()

    def _bound(self) -> int:
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
        """All that waits, to be committed together; `committed` or `put_back` says how that went."""
        frames, drops = list(self._frames), self.drops
        self._frames.clear()
        self.drops, self.size, self.taken = [], 0, self.size
        return frames, drops

    def committed(self) -> None:
        """What was taken is on the disk."""
        self.taken = 0

    def put_back(self, frames: list[SealedFrame], drops: list[DropRecord]) -> int:
        """What was taken waits again, before what came since; returns how many frames were let go."""
        self._frames.extendleft(reversed(frames))
        self.size += self.taken
        self.taken = 0
        self.drops = [*drops, *self.drops]
        return self._bound()

"""Which frames are sent and not yet store-acked. Bounded in frames and bytes; nothing here does I/O."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.outbox.schema import MAX_SEQUENCE, frame_id
from telltale.clock import NS_PER_S
from telltale.wire.ack import StoredAck

JITTER = 0.25


@dataclass(slots=True)
class _Sent:
    size: int
    due_ns: int
    attempts: int
    first_ns: int


class UnackedWindow:
    """Frames between their first sending and their store-ack.

    Args:
        max_frames, max_bytes: bounds of what is unacknowledged; one frame always fits.
        resend_s, resend_cap_s: time-out of the first sending, doubled with each one, and its ceiling.
        source: of randomness, for the jitter of ±25 %.
    """

    def __init__(
        self, max_frames: int, max_bytes: int, resend_s: float, resend_cap_s: float, source: random.Random
    ) -> None:
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._resend_s = resend_s
        self._resend_cap_s = resend_cap_s
        self._random = source
        self._sent: dict[int, _Sent] = {}
        self._size = 0

    def __contains__(self, frame: int) -> bool:
        return frame in self._sent

    def __len__(self) -> int:
        return len(self._sent)

    def room(self, share: float = 1.0) -> tuple[int, int]:
        """Frames and bytes that may still be sent, of `share` of the bounds."""
        return int(self._max_frames * share) - len(self._sent), int(self._max_bytes * share) - self._size

    def fits(self, size: int, share: float = 1.0) -> bool:
        """Whether a frame of `size` may be sent now."""
        frames, left = self.room(share)
        return not self._sent or (frames > 0 and size <= left)

    def sent(self, frame: int, size: int, now_ns: int) -> None:
        """A frame is being sent, for the first time or again."""
        known = self._sent.get(frame)
        if known is None:
            known = self._sent[frame] = _Sent(size, 0, 0, now_ns)
            self._size += size
        timeout_s = min(self._resend_cap_s, self._resend_s * 2 ** min(known.attempts, 32))
        known.attempts += 1
        known.due_ns = now_ns + round(timeout_s * self._random.uniform(1 - JITTER, 1 + JITTER) * NS_PER_S)

    def forget(self, frame: int) -> None:
        """A frame is acknowledged, or no longer in the outbox."""
        known = self._sent.pop(frame, None)
        if known is not None:
            self._size -= known.size

    def acknowledge(self, ordinal: int, ack: StoredAck) -> int:
        """Forget what a store-ack for the run `ordinal` names; returns how many frames."""
        rejected = {frame_id(ordinal, item[0]) for item in ack.rejected if 1 <= item[0] <= MAX_SEQUENCE}
        spans = [
            (frame_id(ordinal, max(first, 1)), frame_id(ordinal, min(last, MAX_SEQUENCE)))
            for first, last in ((1, ack.cumulative), *ack.above)
        ]
        named = [frame for frame in self._sent if frame in rejected or any(low <= frame <= high for low, high in spans)]
        for frame in named:
            self.forget(frame)
        return len(named)

    def overdue(self, now_ns: int) -> Iterator[int]:
        """Frames to be sent again, oldest first."""
        return iter([frame for frame, sent in self._sent.items() if sent.due_ns <= now_ns])

    def next_due_ns(self) -> int | None:
        """Monotonic time at which the next frame is overdue."""
        return min((sent.due_ns for sent in self._sent.values()), default=None)

    def waiting_ns(self, now_ns: int) -> int:
        """How long the frame that has waited longest has been unacknowledged."""
        return max((now_ns - sent.first_ns for sent in self._sent.values()), default=0)

"""Which frames are sent and not yet store-acked. Bounded in frames and bytes; nothing here does I/O."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.outbox.schema import run_of, sequence_of
from telltale.clock import NS_PER_S
from telltale.wire.ack import StoredAck

JITTER = 0.25
# A frame that the service has not stored though it stored one that was sent later, or for which the broker had no
# subscriber, is sent again after this time, which doubles with each sending: quick for one that a cut link lost,
# bounded for one that the service keeps putting off.
EARLY_S = 0.5
# What the broker refuses for its content waits here, beside the window, so that it holds nobody up.
MAX_ASIDE = 1_000


@dataclass(slots=True)
class _Sent:
    """`first_order`, `last_order`: place of the first and the last sending among all sendings of the session."""

    size: int
    first_ns: int
    first_order: int
    last_order: int = 0
    last_ns: int = 0
    due_ns: int = 0
    attempts: int = 0


class _Covered:
    """Which sequences a store-ack names. One that names ten thousand ranges is looked up, not walked."""

    def __init__(self, ack: StoredAck) -> None:
        self._rejected = {item[0] for item in ack.rejected}
        self._spans = sorted(((1, ack.cumulative), *ack.above))
        self._firsts = [first for first, _ in self._spans]

    def __contains__(self, sequence: int) -> bool:
        at = bisect_right(self._firsts, sequence) - 1
        return sequence in self._rejected or (at >= 0 and sequence <= self._spans[at][1])


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
        self._aside: dict[int, _Sent] = {}
        self._size = 0
        self._order = 0

    def __contains__(self, frame: int) -> bool:
        return frame in self._sent or frame in self._aside

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
        self._order += 1
        known = self._sent.get(frame)
        if known is None:
            known = self._aside.pop(frame, None) or _Sent(size, now_ns, self._order)
            self._sent[frame] = known
            self._size += known.size
        timeout_s = min(self._resend_cap_s, self._resend_s * 2 ** min(known.attempts, 32))
        known.attempts += 1
        known.last_order, known.last_ns = self._order, now_ns
        known.due_ns = now_ns + round(timeout_s * self._random.uniform(1 - JITTER, 1 + JITTER) * NS_PER_S)

    def forget(self, frame: int) -> None:
        """A frame is acknowledged, or no longer in the outbox."""
        known = self._sent.pop(frame, None)
        if known is not None:
            self._size -= known.size
        self._aside.pop(frame, None)

    def postpone(self, frame: int, now_ns: int) -> None:
        """An overdue frame has not even reached the broker: look at it again later."""
        if known := self._sent.get(frame):
            known.due_ns = now_ns + round(self._resend_s * NS_PER_S)

    def unheard(self, frame: int) -> None:
        """The broker had nobody to give this frame to."""
        if known := self._sent.get(frame):
            known.due_ns = min(known.due_ns, _early_ns(known))

    def set_aside(self, frame: int) -> None:
        """The broker refused this frame for what it is: it is tried again when due, and holds up no other meanwhile."""
        known = self._sent.get(frame)
        if known is not None and len(self._aside) < MAX_ASIDE:
            self.forget(frame)
            self._aside[frame] = known

    def largest(self) -> int:
        """Bytes of the largest frame that is sent and unacknowledged; 0 where none is."""
        return max((sent.size for sent in self._sent.values()), default=0)

    def acknowledge(self, ordinal: int, ack: StoredAck) -> int:
        """Forget what a store-ack for the run `ordinal` names; returns how many frames."""
        covered = _Covered(ack)
        named = [
            frame for frame in (*self._sent, *self._aside) if run_of(frame) == ordinal and sequence_of(frame) in covered
        ]
        order = max((self._sent[frame].first_order for frame in named if frame in self._sent), default=0)
        for frame in named:
            self.forget(frame)
        self._overtaken(ordinal, order)
        return len(named)

    def _overtaken(self, ordinal: int, order: int) -> None:
        """Frames of the run whose last sending came before that of one now stored are lost or put off: due early."""
        for frame, sent in self._sent.items():
            if sent.last_order < order and run_of(frame) == ordinal:
                sent.due_ns = min(sent.due_ns, _early_ns(sent))

    def overdue(self, now_ns: int) -> Iterator[int]:
        """Frames to be sent again, oldest first; those set aside only where the window has room for them."""
        late = [frame for frame, sent in self._sent.items() if sent.due_ns <= now_ns]
        aside = [frame for frame, sent in self._aside.items() if sent.due_ns <= now_ns and self.fits(sent.size)]
        return iter([*late, *aside[:1]])

    def next_due_ns(self) -> int | None:
        """Monotonic time at which the next frame is overdue."""
        aside = [sent for sent in self._aside.values() if self.fits(sent.size)]
        return min((sent.due_ns for sent in (*self._sent.values(), *aside)), default=None)

    def waiting_ns(self, now_ns: int) -> int:
        """How long the frame that has waited longest has been unacknowledged."""
        return max((now_ns - sent.first_ns for sent in self._sent.values()), default=0)


def _early_ns(sent: _Sent) -> int:
    wait_s: float = EARLY_S * 2 ** min(sent.attempts - 1, 32)
    return sent.last_ns + round(wait_s * NS_PER_S)

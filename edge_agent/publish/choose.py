"""Which frame goes next: live data first, the backlog beside it, what is overdue again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from edge_agent.outbox.box import Outbox
from edge_agent.publish.restamp import Restamper
from edge_agent.publish.window import UnackedWindow
from telltale.clock import Clock

NO_END = (1 << 63) - 1
LOOK_AHEAD = 64
# Of the window, for the backlog: the rest is kept free, so that a fresh frame never waits for an old one.
BACKLOG_SHARE = 0.75


class FrameChooser:
    """Walks the outbox for one session.

    Args:
        outbox, window, clock: of the agent; what the window holds is not chosen again before it is overdue.
        restamper: says which frames wait for the clock, and corrects those that did.
        newest: highest id when the session began: up to there is backlog, beyond it live data. 0: no frame is more
            urgent than the one before it (a recording that is played), and all go in order.
        max_bytes: the largest payload that may be sent. What is larger stays in the outbox, and others pass it by.
        too_large: told of each pass that met such a frame.
        is_under_way: whether the broker has not answered for a frame yet.
    """

    def __init__(
        self,
        outbox: Outbox,
        window: UnackedWindow,
        clock: Clock,
        newest: int,
        *,
        restamper: Restamper,
        max_bytes: int,
        too_large: Callable[[], None],
        is_under_way: Callable[[int], bool],
    ) -> None:
        self._outbox = outbox
        self._restamper = restamper
        self._max_bytes = max_bytes
        self._too_large = too_large
        self._is_under_way = is_under_way
        self._window = window
        self._clock = clock
        self._boundary = newest
        self._live = newest
        self._backlog = 0

    def rescan(self) -> None:
        """Frames of an earlier run came into the outbox (a report of drops): look at the backlog again."""
        self._backlog, self._boundary = 0, max(self._boundary, self._live)

    async def frames(self) -> AsyncIterator[tuple[int, bytes]]:
        """(id, payload) of all that may be sent now; each one is in the window when it is handed over."""
        now_ns = self._clock.monotonic_ns()
        for frame in self._window.overdue(now_ns):
            if self._is_under_way(frame):
                self._window.postpone(frame, now_ns)
                continue
            async for chosen in self._send(frame):
                yield chosen
        async for frame in self._walk(self._live, NO_END, 1.0):
            self._live = frame
            async for chosen in self._send(frame):
                yield chosen
        async for frame in self._walk(self._backlog, self._boundary, BACKLOG_SHARE):
            self._backlog = frame
            async for chosen in self._send(frame):
                yield chosen

    async def _walk(self, after: int, until: int, share: float) -> AsyncIterator[int]:
        """Ids above `after`, up to `until`, that are not under way: as many as the window has room for, and no more
        than one look ahead shows. What is overdue must not wait for the end of a stream that may have none.
        """
        is_served = False
        while not is_served and (found := await self._outbox.after(after, until, LOOK_AHEAD)):
            for frame, size in found:
                if frame in self._window or not self._passes(size):
                    continue
                if not self._window.fits(size, share) or self._restamper.holds(frame):
                    return
                is_served = True
                yield frame
            after = found[-1][0]

    def _passes(self, size: int) -> bool:
        if size <= self._max_bytes:
            return True
        self._too_large()
        return False

    async def _send(self, frame: int) -> AsyncIterator[tuple[int, bytes]]:
        payload = await self._outbox.payload(frame)
        if payload is None:  # acknowledged or let go meanwhile
            self._window.forget(frame)
            return
        payload = self._restamper.stamped(frame, payload)
        if self._passes(len(payload)):
            self._window.sent(frame, len(payload), self._clock.monotonic_ns())
            yield frame, payload

"""Which frame goes next: live data first, the backlog beside it, what is overdue again."""

from __future__ import annotations

from collections.abc import AsyncIterator

from edge_agent.outbox.box import Outbox
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
        newest: highest id when the session began: up to there is backlog, beyond it live data. 0: no frame is more
            urgent than the one before it (a recording that is played), and all go in order.
    """

    def __init__(self, outbox: Outbox, window: UnackedWindow, clock: Clock, newest: int) -> None:
        self._outbox = outbox
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
        for frame in self._window.overdue(self._clock.monotonic_ns()):
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
        """Ids above `after`, up to `until`, that are not under way, for as long as the window has room for them."""
        while found := await self._outbox.after(after, until, LOOK_AHEAD):
            for frame, size in found:
                if frame in self._window:
                    continue
                if not self._window.fits(size, share):
                    return
                yield frame
            after = found[-1][0]

    async def _send(self, frame: int) -> AsyncIterator[tuple[int, bytes]]:
        payload = await self._outbox.payload(frame)
        if payload is None:  # acknowledged or let go meanwhile
            self._window.forget(frame)
            return
        self._window.sent(frame, len(payload), self._clock.monotonic_ns())
        yield frame, payload

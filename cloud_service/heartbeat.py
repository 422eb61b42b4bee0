"""Signs of life of a part, for the supervisor: a byte through a pipe that the supervisor opened.

A part beats from where its work happens, never from a helper that lives on while the work hangs. No disk is touched: a
full one must not look like a hang.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable

from cloud_service.pause import pause
from telltale.clock import NS_PER_S, Clock, SystemClock

BEAT_EVERY_S = 1.0
Beat = Callable[[], None]


def no_beat() -> None:
    """The beat of a part that nobody watches."""


class Heartbeat:
    """Calls tell the supervisor that the part is alive, at most once a second however often it is called.

    Args:
        descriptor: the pipe's end to write to.
        clock: for the second.
    """

    def __init__(self, descriptor: int, clock: Clock | None = None) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._clock = clock or SystemClock()
        self._next_ns = self._clock.monotonic_ns()

    def __call__(self) -> None:
        """The work goes on. A pipe that is full or closed is not this part's trouble."""
        now_ns = self._clock.monotonic_ns()
        if now_ns >= self._next_ns:
            self._next_ns = now_ns + int(BEAT_EVERY_S * NS_PER_S)
            with contextlib.suppress(OSError):
                os.write(self._descriptor, b".")


async def beating_pause(delay_s: float, stop: asyncio.Event, beat: Beat) -> None:
    """`pause` that may be longer than the supervisor's patience: waiting on purpose is no hang."""
    while delay_s > 0 and not stop.is_set():
        beat()
        await pause(min(delay_s, BEAT_EVERY_S), stop)
        delay_s -= BEAT_EVERY_S


async def beat_with_loop(stop: asyncio.Event, beat: Beat) -> None:
    """Beat until stopped: for a part whose work is the event loop itself."""
    while not stop.is_set():
        beat()
        await pause(BEAT_EVERY_S, stop)

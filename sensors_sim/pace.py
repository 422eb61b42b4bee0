"""Pacing: simulated time against real time."""

from __future__ import annotations

import asyncio

from telltale.clock import NS_PER_S, Clock


class Pace:
    """Waits until a simulated moment is due.

    Due times count from the first wait, so a delay is caught up and never adds up.

    Args:
        speed: simulated seconds a real second; 0: never wait, only let others run.
        clock: for its monotonic time.
    """

    def __init__(self, speed: float, clock: Clock) -> None:
        self._speed, self._clock = speed, clock
        self._begin_ns: int | None = None

    async def until(self, simulated_s: float) -> None:
        """Return when `simulated_s` seconds of simulated time have passed since the first call."""
        now_ns = self._clock.monotonic_ns()
        if self._begin_ns is None:
            self._begin_ns = now_ns
        if self._speed == 0:
            await asyncio.sleep(0)
            return
        due_ns = self._begin_ns + simulated_s * NS_PER_S / self._speed
        await asyncio.sleep(max(0.0, (due_ns - now_ns) / NS_PER_S))

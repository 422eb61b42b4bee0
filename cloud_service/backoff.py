"""Waiting between attempts: exponential with full jitter, so that many clients do not come back at once.

Full jitter: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from __future__ import annotations

import asyncio
import random


class Backoff:
    """Delays drawn from [0, min(cap, base · 2ⁿ)]; `reset` after a success."""

    def __init__(self, rng: random.Random, base_s: float = 0.5, cap_s: float = 30.0) -> None:
        self._rng = rng
        self._base_s = base_s
        self._cap_s = cap_s
        self._failures = 0

    def next_s(self) -> float:
        """The next delay, seconds."""
        ceiling_s = min(self._cap_s, self._base_s * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return self._rng.uniform(0.0, ceiling_s)

    def reset(self) -> None:
        """It worked: the next failure starts again at the base."""
        self._failures = 0


async def pause(delay_s: float, stop: asyncio.Event) -> None:
    """Wait `delay_s` seconds, or less when `stop` is set."""
    try:
        async with asyncio.timeout(delay_s):
            await stop.wait()
    except TimeoutError:
        pass

"""Waiting that a stop ends."""

from __future__ import annotations

import asyncio


async def pause(delay_s: float, stop: asyncio.Event) -> None:
    """Wait `delay_s` seconds, or less when `stop` is set."""
    try:
        async with asyncio.timeout(delay_s):
            await stop.wait()
    except TimeoutError:
        pass

"""The sign of life for the service manager.

It comes from the event loop, and only when the outbox's thread answers: an agent that hangs, or whose disk does, is
killed and started again. A disk that is full is no hang: that thread answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from telltale.notify_socket import ALIVE, notify

SIGNS_A_TIMEOUT = 4


async def give_signs(timeout_s: float | None, answers: Callable[[], Awaitable[None]]) -> None:
    """Give signs for ever, a few in each `timeout_s`, each one after `answers` has returned; None: nobody asks."""
    while timeout_s is not None:
        await answers()
        notify(ALIVE)
        await asyncio.sleep(timeout_s / SIGNS_A_TIMEOUT)
    await asyncio.Event().wait()

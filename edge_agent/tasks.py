"""The tasks of a run: which of them ends it, and ending them all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

CANCEL_AGAIN_S = 5.0


async def first_end(
    serving: Iterable[asyncio.Task[Any]], ends: Iterable[asyncio.Task[Any]], feeds: Iterable[asyncio.Task[Any]]
) -> asyncio.Task[Any] | None:
    """Wait until the run is to end; the part that broke, where one did. A source that just ends is no reason."""
    serving, ends, feeds = set(serving), set(ends), set(feeds)
    while True:
        done, _ = await asyncio.wait({*serving, *ends, *feeds}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if task in serving or task.exception() is not None:
                return task
        if done & ends:
            return None
        feeds -= done


async def cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """End tasks; once more where a cancellation got lost: `wait_for` and task groups of Python 3.11 can swallow one."""
    tasks = set(tasks)
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)

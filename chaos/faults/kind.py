"""What a kind of fault is: how it breaks the system, and how one sees that the system has recovered."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

from chaos.system import System

Healed = Callable[[], Awaitable[bool]]


@dataclass(slots=True)
class Broken:
    """One fault that was injected and is over.

    Attributes:
        target: what was broken.
        detail: how, with its random choices.
        ended_s: when it was over, from which recovery counts (monotonic).
        gateways: whose fresh readings must reach the database again; empty: every load's.
        healed: what must work again beside that.
    """

    target: str
    detail: str
    ended_s: float = field(default_factory=time.monotonic)
    gateways: tuple[str, ...] = ()
    healed: Healed | None = None


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault.

    Attributes:
        name: as in reports.
        inject: breaks something, and returns when the fault itself is over.
        touches: what it needs for itself: two faults at once must not share any of it.
        missing: why this machine cannot do it; empty: it can.
    """

    name: str
    inject: Callable[[System, Random], Awaitable[Broken]]
    touches: frozenset[str]
    missing: Callable[[System], str] = lambda _system: ""


async def until(condition: Callable[[], bool], deadline_s: float) -> bool:
    """Wait for a condition; whether it came true in time."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.02)
    return True


async def within(wait: Awaitable[object], deadline_s: float) -> bool:
    """Await something; whether it came in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(deadline_s):
            await wait
            return True
    return False

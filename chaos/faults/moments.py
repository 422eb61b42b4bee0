"""Moments to strike: while a frame, a store-ack, a write or a mail is on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from chaos.faults.kind import within
from chaos.link import Way
from chaos.system import System

Moment = Callable[[System], Awaitable[object]]
WAIT_S = 2.5
JITTER_S = 0.04


async def _write_arrives(system: System) -> None:
    system.forwarder.arriving.clear()
    await system.forwarder.arriving.wait()


async def _write_done(system: System) -> None:
    system.forwarder.written.clear()
    await system.forwarder.written.wait()


MOMENTS: dict[str, Moment] = {
    "a frame on its way to the service": lambda system: system.to_broker.passing(Way.DOWN),
    "a store-ack on its way": lambda system: system.to_broker.passing(Way.UP),
    "a write on its way to the database": _write_arrives,
    "a write done and not answered": _write_done,
    "a mail on its way": lambda system: system.to_postbox.passing(Way.UP),
}
OF_INGEST = ("a frame on its way to the service", "a store-ack on its way")
OF_STORE = ("a write on its way to the database", "a write done and not answered")
OF_MAIL = ("a mail on its way",)
ANY = tuple(MOMENTS)


async def strike(system: System, rng: Random, names: tuple[str, ...] = ANY) -> str:
    """Wait for one of these moments and a random instant more; says which. Now and then at any time."""
    if rng.random() < 0.2:
        await asyncio.sleep(rng.uniform(0, 0.5))
        return "at any time"
    name = rng.choice(names)
    came = await within(MOMENTS[name](system), WAIT_S)
    await asyncio.sleep(rng.uniform(0, JITTER_S) if rng.random() < 0.7 else 0)
    return name if came else "at any time"


async def strike_agent(system: System, rng: Random, gateway: str) -> str:
    """The same for an agent: a frame leaves it, or a store-ack comes."""
    way = rng.choice(tuple(Way))
    await within(system.agent_links[gateway].passing(way), WAIT_S)
    await asyncio.sleep(rng.uniform(0, JITTER_S))
    return "a frame leaves it" if way is Way.UP else "an answer comes"

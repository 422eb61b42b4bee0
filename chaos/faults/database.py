"""The database is away, slow, busy, or refuses."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random

from chaos.faults.kind import Broken, FaultKind, until
from chaos.forwarder import Order, Poison
from chaos.system import System

ANSWER_DEADLINE_S = 6.0


async def down(system: System, rng: Random) -> Broken:
    """Stopped for a while."""
    unit, duration_s = system.units["database"], rng.uniform(0.5, 3.0)
    unit.hold_down()
    unit.kill()
    await asyncio.sleep(duration_s)
    unit.let_up()
    return Broken("database", f"for {duration_s:.1f} s")


async def slow(system: System, rng: Random) -> Broken:
    """Each write takes long, sometimes longer than the store waits."""
    delay_s, duration_s = rng.choice((0.3, 1.0, 5.0)), rng.uniform(1.0, 3.0)
    system.forwarder.delay_s = delay_s
    await asyncio.sleep(duration_s)
    system.forwarder.delay_s = 0.0
    return Broken("database", f"{delay_s:g} s a write for {duration_s:.1f} s")


async def answer(status: int, system: System, rng: Random) -> Broken:
    """The next writes get this answer though nothing is wrong with them.

    A refusal (400, 422) goes to batches of two lines or more alone: halved, each half is taken.
    """
    times = rng.randint(1, 3)
    is_refusal = status in (400, 413, 422)
    after_s = rng.randint(0, 2) if status == 429 else None
    system.forwarder.orders.extend([Order(status, after_s, 2 if is_refusal else 1)] * times)
    await until(lambda: not system.forwarder.orders, ANSWER_DEADLINE_S)
    met = times - len(system.forwarder.orders)
    system.forwarder.orders.clear()
    return Broken("database", f"{met} writes" + (f", Retry-After {after_s}" if after_s is not None else ""))


async def poison(status: int, system: System, rng: Random) -> Broken:
    """One row that is still to come is refused for ever: it, and only it, must end among the refused rows."""
    gateway = next(gateway for gateway in system.gateways if gateway.load)
    assert gateway.load is not None
    newest = system.emitted[gateway.id].newest
    if newest is None:
        return Broken("database", "nothing came yet")
    step_ns = round(gateway.load.chunk_s * 1e9)
    t_ns = newest.t0_ns + rng.randint(2, 5) * step_ns
    channel = gateway.channel(rng.choice(gateway.load.channels))
    system.forwarder.poisons.append(Poison(channel, t_ns, status))
    before = len(system.forwarder.refusals)
    await until(lambda: len(system.forwarder.refusals) > before, ANSWER_DEADLINE_S)
    return Broken("database", f"{status} for every batch with {channel} at {t_ns}")


DATABASE = frozenset({"database"})
KINDS = [
    FaultKind("database down", down, DATABASE),
    FaultKind("database slow", slow, DATABASE),
    *(FaultKind(f"database answers {status}", partial(answer, status), DATABASE) for status in (429, 503, 400, 422)),
    *(FaultKind(f"database refuses a row ({status})", partial(poison, status), DATABASE) for status in (400, 422)),
]

"""SIGSTOP of every process: it hangs, and either goes on after a while or is restarted by whoever watches it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from functools import partial
from random import Random

from chaos.faults.kill import MOMENTS_OF_PART
from chaos.faults.kind import Broken, FaultKind, until
from chaos.faults.moments import strike, strike_agent
from chaos.layout import PART_WATCHDOG_S
from chaos.system import PARTS, System
from chaos.units import WATCHDOG_S, Unit

SHORT_S, LONG_S = 0.3, 2.0
WATCHED_SHARE = 0.15  # of the hangs of a watched process: it stays hung until its watchdog bites


async def hang_agent(system: System, rng: Random) -> Broken:
    """An agent."""
    gateway = rng.choice(system.gateways).id
    when = await strike_agent(system, rng, gateway)
    system.doubts.begun[gateway] = time.monotonic()
    how = await _hang_unit(system.units[gateway], rng)
    system.doubts.begun.pop(gateway, None)
    return Broken(gateway, f"{how}; {when}", gateways=(gateway,))


async def hang_unit(name: str, system: System, rng: Random) -> Broken:
    """A server, or the supervisor of the service."""
    when = await strike(system, rng)
    return Broken(name, f"{await _hang_unit(system.units[name], rng)}; {when}")


async def _hang_unit(unit: Unit, rng: Random) -> str:
    pid, duration_s = unit.pid, rng.uniform(SHORT_S, LONG_S)
    is_watched = unit.watchdog is not None and unit.watchdog.was_ever_armed
    if is_watched and rng.random() < WATCHED_SHARE:
        starts = unit.starts
        unit.signal(signal.SIGSTOP)
        bitten = await until(lambda: unit.starts > starts, WATCHDOG_S + 15.0)
        _go_on(pid)
        return "restarted by its watchdog" if bitten else "its watchdog did not bite"
    unit.signal(signal.SIGSTOP)
    await asyncio.sleep(duration_s)
    if unit.pid == pid:
        unit.signal(signal.SIGCONT)
    return f"for {duration_s:.1f} s"


async def hang_part(part: str, system: System, rng: Random) -> Broken:
    """A part of the service; its supervisor watches it."""
    when = await strike(system, rng, MOMENTS_OF_PART[part])
    pid, duration_s = system.part_pid(part), rng.uniform(SHORT_S, LONG_S)
    if not pid:
        return Broken(part, "it was down already")
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    if rng.random() < WATCHED_SHARE:
        bitten = await until(lambda: system.part_pid(part) not in (0, pid), PART_WATCHDOG_S + 15.0)
        _go_on(0 if bitten else pid)
        return Broken(part, f"{'restarted by its watchdog' if bitten else 'its watchdog did not bite'}; {when}")
    await asyncio.sleep(duration_s)
    if system.part_pid(part) == pid:
        _go_on(pid)
    return Broken(part, f"for {duration_s:.1f} s; {when}")


def _go_on(pid: int) -> None:
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


KINDS = [
    FaultKind("hang agent", hang_agent, frozenset({"agent"})),
    *(FaultKind(f"hang {part}", partial(hang_part, part), frozenset({part})) for part in PARTS),
    FaultKind("hang supervisor", partial(hang_unit, "service"), frozenset({"service", *PARTS})),
    FaultKind("hang broker", partial(hang_unit, "broker"), frozenset({"broker"})),
    FaultKind("hang database", partial(hang_unit, "database"), frozenset({"database"})),
    FaultKind("hang mail server", partial(hang_unit, "mail"), frozenset({"mail"})),
]

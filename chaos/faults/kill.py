"""`kill -9` of every process."""

from __future__ import annotations

import os
import signal
from functools import partial
from random import Random

from chaos.faults.kind import Broken, FaultKind
from chaos.faults.moments import ANY, OF_INGEST, OF_MAIL, OF_STORE, strike, strike_agent
from chaos.system import PARTS, System
from chaos.units import accepts

MOMENTS_OF_PART = {"ingest": OF_INGEST, "analyse": ANY, "store": OF_STORE, "notify": OF_MAIL, "serve": ANY}


async def kill_agent(system: System, rng: Random) -> Broken:
    """An agent, while a frame or an ack is on its way."""
    gateway = rng.choice(system.gateways).id
    when = await strike_agent(system, rng, gateway)
    system.units[gateway].kill()
    return Broken(gateway, when, gateways=(gateway,))


async def kill_part(part: str, system: System, rng: Random) -> Broken:
    """A part of the service; its supervisor starts it again."""
    when = await strike(system, rng, MOMENTS_OF_PART[part])
    killed = system.part_pid(part)
    if killed:
        os.kill(killed, signal.SIGKILL)

    async def is_back() -> bool:
        if system.part_pid(part) in (0, killed):
            return False
        return part != "serve" or await system.page_answers()

    return Broken(part, when if killed else "it was down already", healed=is_back)


async def kill_unit(name: str, system: System, rng: Random) -> Broken:
    """A server, or the supervisor of the service."""
    when = await strike(system, rng)
    unit = system.units[name]
    unit.kill()

    async def is_back() -> bool:
        return bool(unit.pid) and await accepts(unit.port)

    return Broken(name, when, healed=is_back)


KINDS = [
    FaultKind("kill agent", kill_agent, frozenset({"agent"})),
    *(FaultKind(f"kill {part}", partial(kill_part, part), frozenset({part})) for part in PARTS),
    FaultKind("kill supervisor", partial(kill_unit, "service"), frozenset({"service", *PARTS})),
    FaultKind("kill broker", partial(kill_unit, "broker"), frozenset({"broker"})),
    FaultKind("kill database", partial(kill_unit, "database"), frozenset({"database"})),
    FaultKind("kill mail server", partial(kill_unit, "mail"), frozenset({"mail"})),
]

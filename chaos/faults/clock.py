"""The wall clock is wrong when a process starts: 1970, an hour off, ten years ahead. It is true at the next start."""

from __future__ import annotations

from functools import partial
from random import Random

from chaos.faults.kind import Broken, FaultKind
from chaos.system import System
from chaos.units import accepts

OFFSETS = {"1970": "@1970-01-02 00:00:00", "-1 h": "-1h", "+1 h": "+1h", "+10 y": "+10y"}


async def at_agent(offset: str, system: System, rng: Random) -> Broken:
    """An agent is killed and starts with a wrong clock."""
    gateway = rng.choice(system.gateways).id
    system.clocks.next_start[gateway] = offset
    system.units[gateway].kill()
    return Broken(gateway, offset, gateways=(gateway,))


async def at_service(offset: str, system: System, _rng: Random) -> Broken:
    """The service is killed and starts with a wrong clock."""
    unit = system.units["service"]
    system.clocks.next_start["service"] = offset
    unit.kill()

    async def is_back() -> bool:
        return bool(unit.pid) and await accepts(unit.port)

    return Broken("service", offset, healed=is_back)


def _missing(system: System) -> str:
    return "" if system.clocks.library else "libfaketime is not here"


SERVICE = frozenset({"service", "ingest", "analyse", "store", "notify", "serve"})
KINDS = [
    *(
        FaultKind(f"clock {name} at an agent", partial(at_agent, offset), frozenset({"agent"}), _missing)
        for name, offset in OFFSETS.items()
    ),
    *(
        FaultKind(f"clock {name} at the service", partial(at_service, offset), SERVICE, _missing)
        for name, offset in OFFSETS.items()
    ),
]

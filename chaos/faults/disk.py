"""Disk full: every write may fail, until there is room again."""

from __future__ import annotations

import asyncio
import time
from random import Random

from chaos.faults.kind import Broken, FaultKind
from chaos.faults.moments import strike
from chaos.system import System


async def full_edge(system: System, rng: Random) -> Broken:
    """An agent's."""
    gateway, duration_s = rng.choice(system.gateways).id, rng.uniform(0.5, 3.0)
    system.doubts.begun[gateway] = time.monotonic()
    await _full(system, gateway, duration_s)
    system.doubts.begun.pop(gateway, None)
    return Broken(gateway, f"for {duration_s:.1f} s", gateways=(gateway,))


async def full_service(system: System, rng: Random) -> Broken:
    """The service's."""
    when, duration_s = await strike(system, rng), rng.uniform(0.5, 3.0)
    await _full(system, "service", duration_s)
    return Broken("service", f"for {duration_s:.1f} s; {when}")


async def _full(system: System, name: str, duration_s: float) -> None:
    disk = system.disks[name]
    await asyncio.to_thread(disk.fill)
    try:
        end_s = time.monotonic() + duration_s
        while time.monotonic() < end_s:
            await asyncio.sleep(0.1)
            await asyncio.to_thread(disk.fill)  # what was freed meanwhile
    finally:
        disk.free()


def _missing(system: System) -> str:
    return "" if all(disk.is_mounted for disk in system.disks.values()) else "no tmpfs can be mounted here (root only)"


KINDS = [
    FaultKind("disk full at an agent", full_edge, frozenset({"agent"}), _missing),
    FaultKind("disk full at the service", full_service, frozenset({"disk"}), _missing),
]

"""The broker forgets: restarted without its persistence file, while messages are queued in it."""

from __future__ import annotations

from random import Random

from chaos.faults.kind import Broken, FaultKind, until
from chaos.link import Way
from chaos.system import System
from chaos.units import accepts

QUEUE_S = 1.5


async def lose_queue(system: System, rng: Random) -> Broken:
    """Let messages that the broker has acknowledged go nowhere for a while, then kill it and remove what it kept."""
    queued_s, unit = rng.uniform(0.5, QUEUE_S), system.units["broker"]
    await system.to_broker.half_open(queued_s, frozenset({Way.DOWN}))
    unit.hold_down()
    unit.kill()
    await until(lambda: not unit.pid, 5.0)
    (system.folder / "broker" / "mosquitto.db").unlink(missing_ok=True)
    unit.let_up()

    async def is_back() -> bool:
        return bool(unit.pid) and await accepts(unit.port)

    return Broken("broker", f"{queued_s:.1f} s of messages queued, persistence file removed", healed=is_back)


KINDS = [FaultKind("broker loses its queue", lose_queue, frozenset({"broker", "service-broker"}))]

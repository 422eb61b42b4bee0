"""The broker forgets: restarted without its persistence file, while messages are queued in it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from random import Random

from chaos.faults.kind import Broken, FaultKind, until
from chaos.system import System
from chaos.units import accepts

QUEUE_S = 1.0


async def lose_queue(system: System, rng: Random) -> Broken:
    """Let messages queue up behind an ingest that hangs, then kill the broker and remove what it had kept."""
    queued_s = rng.uniform(0.3, QUEUE_S)
    ingest, unit = system.part_pid("ingest"), system.units["broker"]
    if ingest:
        os.kill(ingest, signal.SIGSTOP)
    await asyncio.sleep(queued_s)
    unit.hold_down()
    unit.kill()
    await until(lambda: not unit.pid, 5.0)
    (system.folder / "broker" / "mosquitto.db").unlink(missing_ok=True)
    unit.let_up()
    if ingest:
        with contextlib.suppress(ProcessLookupError):
            os.kill(ingest, signal.SIGCONT)

    async def is_back() -> bool:
        return bool(unit.pid) and await accepts(unit.port)

    return Broken("broker", f"{queued_s:.1f} s of messages queued, persistence file removed", healed=is_back)


KINDS = [FaultKind("broker loses its queue", lose_queue, frozenset({"broker", "ingest", "service"}))]

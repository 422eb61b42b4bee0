"""A thousand gateways after their broker was restarted: how soon all are back, and how many connect in one second.

Each gateway is a real publisher with an outbox of its own and a TCP connection of its own, all with the settings that
an agent has by default; they share one process, for a thousand agents would not fit here. What is counted is what the
broker logs ("New client connected"), by its own clock.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import resource
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edge_agent.boot_clock import BootClock
from edge_agent.outbox.box import Outbox, OutboxSettings
from edge_agent.publish.publisher import Publisher
from edge_agent.publish.restamp import Restamper
from edge_agent.publish.settings import PublishSettings
from edge_agent.reports import LOG, Reports
from sensors_sim.demo.debian import find_program
from sensors_sim.demo.mosquitto import write_settings
from sensors_sim.demo.processes import Child, free_port
from telltale.broker import BrokerSettings
from telltale.clock import SystemClock
from telltale.health import Health

GATEWAYS, DOWN_S = 1_000, 3.0
STOOD_S = 61.0  # a session that lasted a minute begins the back-off anew: the case that matters
BACK_TARGET_S, A_SECOND_TARGET = 60.0, 100
CONNECTED = re.compile(r"^(\d+): New client connected .* as (gw-\d+) ", re.MULTILINE)
FILES = 16_384


async def no_health() -> Health:
    return Health(at_ns=0, version="bench")


class Gateway:
    def __init__(self, number: int, port: int, folder: Path) -> None:
        self.name, run_id, reports = f"gw-{number:04d}", os.urandom(16), Reports()
        self.outbox, self.folder, self.run_id = Outbox(OutboxSettings(), reports), folder / self.name, run_id
        self.publisher = Publisher(
            self.name,
            run_id,
            broker=BrokerSettings(port=port),
            tls=None,
            outbox=self.outbox,
            clock=SystemClock(),
            randomness=random.SystemRandom(),
            health=no_health,
            reports=reports,
            settings=PublishSettings(health_s=3_600.0),
        )

    async def run(self) -> None:
        await self.outbox.open(self.folder, self.run_id)
        own = self.outbox.ordinal(self.run_id) or 0
        restamper = Restamper(
            BootClock(self.folder), self.outbox.boot_of, own, clock=SystemClock(), wait_s=0, recorded=(), active=False
        )
        await self.publisher.run(restamper)


def broker(folder: Path, port: int) -> Child:
    mosquitto = find_program("mosquitto", "mosquitto", Path("build"), print)
    path = write_settings(folder / "broker", port)
    log = folder / f"broker-{time.time_ns()}.log"
    path.write_text(
        path.read_text(encoding="utf-8").replace("log_dest stdout", f"log_dest file {log}"), encoding="utf-8"
    )
    child = Child(str(log), [str(mosquitto.path), "-c", str(path)], folder / "out.log", mosquitto.full_environment())
    child.wait_for_port(port)
    return child


async def until(condition: Callable[[], bool], deadline_s: float) -> None:
    async with asyncio.timeout(deadline_s):
        while not condition():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


async def end(tasks: list[asyncio.Task[None]]) -> None:
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=10)


async def restart(folder: Path, port: int) -> tuple[float, Path]:
    """All connect, stay, and lose the broker; returns when it was back, and its log."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(32))
    first = broker(folder, port)
    gateways = [Gateway(number, port, folder) for number in range(GATEWAYS)]
    tasks = []
    try:
        for gateway in gateways:
            tasks.append(asyncio.create_task(gateway.run()))
            await asyncio.sleep(0.01)
        await until(lambda: all(gateway.publisher.connected for gateway in gateways), 120)
        await asyncio.sleep(STOOD_S)
        await asyncio.to_thread(first.stop)
        await asyncio.sleep(DOWN_S)
        second = await asyncio.to_thread(broker, folder, port)
        try:
            up_s = time.time()
            await until(lambda: all(gateway.publisher.connected for gateway in gateways), 180)
            await end(tasks)
        finally:
            await asyncio.to_thread(second.stop)
        return up_s, Path(second.name)
    finally:
        first.stop()
        await end(tasks)


def run(folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, max(FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    LOG.setLevel("CRITICAL")
    up_s, log = asyncio.run(restart(folder, free_port()))
    found = [(int(at), name) for at, name in CONNECTED.findall(log.read_text(encoding="utf-8"))]
    seconds = Counter(at for at, _ in found)
    back_s = max(min(at for at, name in found if name == gateway) for gateway in {name for _, name in found}) + 1 - up_s
    print(
        f"{len({name for _, name in found})} of {GATEWAYS:,} gateways back after a broker that was away for {DOWN_S:g} s\n"
        "                                        measured       target\n"
        f"all connected after                     {back_s:6.1f} s      {BACK_TARGET_S:6g} s\n"
        f"connects in one second, at most         {max(seconds.values()):6d}        {A_SECOND_TARGET:6d}"
        f"    {len(found)} connects; by second: {' '.join(str(seconds[at]) for at in range(min(seconds), max(seconds) + 1))}"
    )

"""The undisturbed run: the compared site with the same seed, nothing broken, into a store of its own."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from chaos.layout import SITE, Plan, free_ports, write_reference
from chaos.programs import TELLTALE, Programs
from chaos.units import Unit
from sensors_sim.demo.system import left_over
from telltale.errors import FatalError

POLL_S = 0.1


async def play_reference(folder: Path, plan: Plan, programs: Programs, deadline_s: float) -> None:
    """Play it and wait until all of it is stored.

    Raises:
        FatalError: not by the deadline.
    """
    ports = free_ports()
    write_reference(folder, plan, ports)
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    mosquitto = programs.mosquitto
    broker = Unit(
        "broker",
        [str(mosquitto.path), "-c", str(folder / "broker" / "mosquitto.conf")],
        mosquitto.full_environment,
        logs / "broker.log",
        port=ports.mqtt,
    )
    cloud = Unit(
        "cloud",
        [*TELLTALE, "cloud", "run", "-c", str(folder / "cloud.toml")],
        os.environ.copy,
        logs / "cloud.log",
        port=ports.page,
    )
    edge_toml = folder / f"edge-{SITE}.toml"
    edge = Unit(
        "edge", [*TELLTALE, "edge", "run", "-c", str(edge_toml), "--until-drained"], os.environ.copy, logs / "edge.log"
    )
    try:
        for unit in (broker, cloud):
            unit.start()
            await unit.ready()
        edge.start()
        await played(edge, folder / "cloud-data", time.monotonic() + deadline_s)
    finally:
        for unit in (edge, cloud, broker):
            await unit.stop()


async def played(edge: Unit, cloud_data: Path, deadline_s: float) -> None:
    """Until an agent that ends by itself has ended well, and the service has finished all that it accepted.

    Raises:
        FatalError: not by the deadline (monotonic time); says what is left.
    """
    while not any(status == 0 for _, status in edge.ends):
        _check(deadline_s, f"{edge.name} has not played to its end: {edge.last_words()}")
        await asyncio.sleep(POLL_S)
    edge.hold_down()
    while left := left_over(cloud_data):
        _check(deadline_s, f"the service still has {left}")
        await asyncio.sleep(POLL_S)


async def last_word(cloud_data: Path, deadline_s: float) -> None:
    """Until the service has said again what an unanswered write might have put back.

    Raises:
        FatalError: not by the deadline (monotonic time).
    """
    while _in_doubt(cloud_data / "state.db"):
        _check(deadline_s, "the service still has rows to say again")
        await asyncio.sleep(POLL_S)


def _in_doubt(state: Path) -> int:
    with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True, timeout=30)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM last_word").fetchone()[0])


def _check(deadline_s: float, what: str) -> None:
    if time.monotonic() > deadline_s:
        raise FatalError(f"deadline passed: {what}")

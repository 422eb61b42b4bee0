"""The whole system of a campaign: agents, broker, service, database, mail server, and the links between them."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import psutil

from chaos.disk import SmallDisk
from chaos.doubts import Doubts
from chaos.emitted import Emitted
from chaos.forwarder import Forwarder
from chaos.influx import Influx, write_influx_settings
from chaos.layout import DAY_S, SITE, Gateway, Plan, free_ports, gateways, write_campaign, write_edge, write_last_words
from chaos.link import HOST, Link
from chaos.mqtt_tap import MqttTap, Wire
from chaos.posts import Posts
from chaos.programs import PYTHON, ROOT, TELLTALE, Programs
from chaos.reference import last_word, played
from chaos.units import Unit, Watchdog
from chaos.wrong_clock import Clocks
from sensors_sim.span import TICKS_PER_DAY
from telltale.errors import FatalError

EDGE_DISK_MB, CLOUD_DISK_MB = 48, 1_536
TOO_FAST, SLOWER = 1.25, 0.9
PARTS = ("ingest", "analyse", "store", "notify", "serve")


class System:
    """Everything that runs in one campaign; `start`, break things, `drain`, `stop`.

    Args:
        folder: of the campaign, empty.
        plan: what is played.
        programs: the servers.
        mutant: a module of `chaos.mutants` that the product's processes load; empty: the product as it is.
    """

    def __init__(self, folder: Path, plan: Plan, programs: Programs, mutant: str = "") -> None:
        self.folder, self.plan, self.programs = folder, plan, programs
        self.gateways: list[Gateway] = gateways(plan)
        self.wire = Wire()
        self.clocks = Clocks(programs.faketime)
        self.posts = Posts(folder / "postbox")
        self._mutant = mutant
        self._days_per_s = plan.days_per_s
        self._ports = free_ports()
        self._sockets = Path(tempfile.mkdtemp(prefix="telltale-chaos-"))
        self._tasks: list[asyncio.Task[None]] = []
        self.disks: dict[str, SmallDisk] = {}
        self.influx = Influx(self._ports.influx)
        self.forwarder = Forwarder(self._ports.influx)
        self.doubts = Doubts()
        self.emitted = {gateway.id: Emitted(folder / gateway.truth) for gateway in self.gateways}
        self.agent_links: dict[str, Link] = {}
        self._links: list[Link] = []
        self.units: dict[str, Unit] = {}

    async def start(self) -> None:
        """Start all of it; returns when readings flow into the database.

        Raises:
            FatalError: a process did not come up.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "logs").mkdir()
        await self._open_links()
        write_campaign(self.folder, self.plan, self._ports)
        self._mount()
        self._make_units()
        for name in ("broker", "database", "mail"):
            self.units[name].start()
        for name in ("broker", "database", "mail"):
            await self.units[name].ready()
        await self.influx.create()
        self.units["service"].start()
        await self.units["service"].ready()
        for gateway in self.gateways:
            self.units[gateway.id].start()
        self._tasks = [asyncio.create_task(self._follow_emitted())]

    async def _open_links(self) -> None:
        ports = self._ports
        await self.forwarder.open()
        self.to_broker = Link("service-broker", ports.mqtt)
        self.to_database = Link("store-database", self.forwarder.port)
        self.to_postbox = Link("notify-mail", ports.smtp)
        for gateway in self.gateways:
            self.agent_links[gateway.id] = Link(f"{gateway.id}-broker", ports.mqtt, lambda: MqttTap(self.wire.take))
        self._links = [self.to_broker, self.to_database, self.to_postbox, *self.agent_links.values()]
        for link in self._links:
            await link.open()
        self._ports = replace(
            ports,
            to_broker=self.to_broker.port,
            to_database=self.to_database.port,
            to_postbox=self.to_postbox.port,
            of_agents=tuple((name, link.port) for name, link in self.agent_links.items()),
        )

    def _mount(self) -> None:
        for gateway in self.gateways:
            self.disks[gateway.id] = SmallDisk(self.folder / f"edge-{gateway.id}", EDGE_DISK_MB)
        self.disks["service"] = SmallDisk(self.folder / "cloud-data", CLOUD_DISK_MB)

    def _make_units(self) -> None:
        mosquitto, influxd, folder = self.programs.mosquitto, self.programs.influxd, self.folder
        conf = write_influx_settings(folder / "influx", self._ports.influx, self._ports.influx_rpc)
        self._unit(
            "broker",
            [str(mosquitto.path), "-c", str(folder / "broker" / "mosquitto.conf")],
            self._ports.mqtt,
            mosquitto.full_environment,
        )
        self._unit(
            "database", [str(influxd.path), "run", "-config", str(conf)], self._ports.influx, influxd.full_environment
        )
        postbox = [*PYTHON, "-m", "chaos.postbox", "--port", str(self._ports.smtp), "--dir", str(self.posts.folder)]
        self._unit("mail", postbox, self._ports.smtp, lambda: {**os.environ, "PYTHONPATH": str(ROOT)})
        self._product("service", ["cloud", "run", "-c", str(folder / "cloud.toml")], self._ports.page)
        for gateway in self.gateways:
            self._product(gateway.id, ["edge", "run", "-c", str(folder / f"edge-{gateway.id}.toml")], 0)

    def _product(self, name: str, words: Sequence[str], port: int) -> None:
        watchdog = Watchdog(self._sockets / name)

        def environment() -> dict[str, str]:
            hook = {
                "PYTHONPATH": f"{ROOT / 'chaos' / 'mutants' / 'hook'}{os.pathsep}{ROOT}",
                "TELLTALE_CHAOS_MUTANT": self._mutant,
            }
            return {
                **os.environ,
                **watchdog.environment,
                **self.clocks.environment(name),
                **(hook if self._mutant else {}),
            }

        self._unit(name, [*TELLTALE, *words], port, environment, watchdog)
        if name in self.emitted:
            self.units[name].before_start = lambda: self._doubt(name, self.units[name].last_end_s)

    def _unit(
        self,
        name: str,
        command: list[str],
        port: int,
        environment: Callable[[], dict[str, str]],
        watchdog: Watchdog | None = None,
    ) -> None:
        self.units[name] = Unit(name, command, environment, self.log(name), port=port, watchdog=watchdog)

    def keep_pace(self, left_s: float) -> None:
        """Slow the compared site down where its span would end before the faults: an orderly restart of its agent."""
        if SITE not in self.emitted or (newest := self.emitted[SITE].newest) is None or left_s <= 0:
            return
        days_left = self.plan.days - newest.number / TICKS_PER_DAY
        wanted = max(days_left, 0.5) / left_s
        if self._days_per_s <= wanted * TOO_FAST:
            return
        self._days_per_s = wanted * SLOWER
        site = next(gateway for gateway in self.gateways if gateway.id == SITE)
        write_edge(self.folder, self.plan, site, self.agent_links[SITE].port, self._days_per_s * DAY_S)
        self.units[SITE].signal(signal.SIGTERM)

    def _doubt(self, name: str, end_s: float | None) -> None:
        """After an agent's end, what it had been given and may not have committed is in doubt: the compared site's
        logger gives it again; of the loads the oracle excuses it, if it was never on the wire.
        """
        self.emitted[name].follow()
        since_s = self.doubts.close(name, end_s)
        if name == SITE and since_s is not None:
            self.emitted[SITE].rewind(since_s)

    def log(self, name: str) -> Path:
        """The log file of a unit."""
        return self.folder / "logs" / f"{name}.log"

    @property
    def cloud_data(self) -> Path:
        """The service's databases."""
        return self.folder / "cloud-data"

    def part_pid(self, part: str) -> int:
        """The process of one part of the service; 0 while it does not run."""
        supervisor = self.units["service"].pid
        if not supervisor:
            return 0
        try:
            for child in psutil.Process(supervisor).children():
                words = child.cmdline()
                if part in words and "cloud" in words:
                    return int(child.pid)
        except psutil.Error:
            pass
        return 0

    async def page_answers(self) -> bool:
        """Whether the service's page answers."""
        try:
            async with asyncio.timeout(2.0):
                reader, writer = await asyncio.open_connection(HOST, self._ports.page)
                writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                answer = await reader.readline()
                writer.close()
        except (OSError, TimeoutError):
            return False
        return b" 200 " in answer

    async def drain(self, deadline_s: float) -> None:
        """Let every gateway come to its end, and the service finish what it has.

        Raises:
            FatalError: not by the deadline; says what is left.
        """
        end = time.monotonic() + deadline_s
        for gateway in self.gateways:
            await self._last_run(gateway, end)
        for gateway in self.gateways:
            await played(self.units[gateway.id], self.cloud_data, end)
        await last_word(self.cloud_data, end)

    async def _last_run(self, gateway: Gateway, end_s: float) -> None:
        unit = self.units[gateway.id]
        if await unit.stop() != 0:
            self._doubt(gateway.id, time.monotonic())
        port = self.agent_links[gateway.id].port
        if gateway.load is None:
            write_edge(self.folder, self.plan, gateway, port, 0.0)
        else:
            write_last_words(self.folder, self.plan, gateway, port)
        if time.monotonic() > end_s:
            raise FatalError("the drain's deadline passed")
        unit.ends.clear()
        unit.command.append("--until-drained")
        unit.start()

    async def stop(self) -> None:
        """End everything, whatever state it is in; leave the data in the folder."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        order = [*(gateway.id for gateway in self.gateways), "service", "mail", "database", "broker"]
        await asyncio.gather(*(self.units[name].stop() for name in order if name in self.units and name != "database"))
        if "database" in self.units:
            await self.units["database"].stop()
        for link in self._links:
            await link.close()
        await self.forwarder.close()
        for unit in self.units.values():
            if unit.watchdog is not None:
                unit.watchdog.close()
        self._sockets.rmdir()
        for disk in self.disks.values():
            disk.keep_copy()

    async def _follow_emitted(self) -> None:
        while True:
            for emitted in self.emitted.values():
                emitted.follow()
            await asyncio.sleep(0.05)

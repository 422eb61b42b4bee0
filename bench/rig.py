"""A broker with a plain and a TLS listener, and parts of the service behind it, for benches that compare."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import certificates
from bench.flood import wait_for_stats
from bench.pipeline import TOPIC, channels, cpu_s, our_frames, rows, site_toml, wait_for
from bench.raw_mqtt import RawPublisher
from sensors_sim.demo.debian import find_program
from sensors_sim.demo.processes import Child, free_port

ROOT = Path(__file__).parents[1]
_BROKER = """\
listener {plain} 127.0.0.1
allow_anonymous true
listener {tls} 127.0.0.1
cafile {certificates}/ca.crt
certfile {certificates}/broker.crt
keyfile {certificates}/broker.key
require_certificate true
max_queued_messages 0
max_queued_bytes 268435456
max_inflight_messages 200
max_packet_size 8388608
set_tcp_nodelay true
log_type error
log_type warning
{user}"""


@dataclass
class Rig:
    """The broker; `folder` holds everything."""

    folder: Path
    plain_port: int
    tls_port: int
    broker: Child
    services: int = 0

    @property
    def context(self) -> ssl.SSLContext:
        return certificates.client_context(self.folder / "certificates")

    @contextmanager
    def service(self, parts: Sequence[str], *, tls: bool, durable: bool = True) -> Iterator[Service]:
        """The parts as processes on a fresh data folder; they have started."""
        self.services += 1
        folder = self.folder / f"service-{self.services}"
        folder.mkdir()
        site_toml(folder / "site.toml")
        (folder / "cloud.toml").write_text(self._cloud_toml(tls=tls), encoding="utf-8")
        environment = dict(os.environ, PYTHONPATH=str(ROOT))
        with ExitStack() as stack:
            children = {}
            for part in parts:
                words = [sys.executable, "-m", "bench.part_main", part, str(folder / "cloud.toml")]
                words.append("on" if durable else "off")
                children[part] = Child(part, words, folder / f"{part}.log", environment)
                stack.callback(children[part].stop)
            wait_for_stats(folder / "data", children)
            yield Service(self, folder, children, tls)

    def _cloud_toml(self, *, tls: bool) -> str:
        text = 'site = "site.toml"\ndata_dir = "data"\nclock = "data"\n[store]\nkind = "sqlite"\n[broker]\n'
        if not tls:
            return f"{text}port = {self.plain_port}\n"
        files = self.folder / "certificates"
        return (
            f'{text}port = {self.tls_port}\nca_file = "{files}/ca.crt"\n'
            f'cert_file = "{files}/client.crt"\nkey_file = "{files}/client.key"\n'
        )


@dataclass
class Service:
    """Parts of the service that run."""

    rig: Rig
    folder: Path
    children: dict[str, Child]
    tls: bool

    @property
    def journal(self) -> Path:
        return self.folder / "data" / "journal.db"

    @property
    def store(self) -> Path:
        return self.folder / "data" / "store.db"

    def publisher(self) -> RawPublisher:
        port = self.rig.tls_port if self.tls else self.rig.plain_port
        return RawPublisher(port, f"bench-{time.monotonic_ns()}", self.rig.context if self.tls else None)

    def play(self, first: int, count: int, *, until: str) -> tuple[float, float]:
        """Publish frames as fast as they are taken; (wall seconds, CPU seconds of service and broker) until all are in
        the journal, or their rows in the store.
        """
        payloads = list(our_frames(first, count))
        pids = [self.rig.broker.pid, *(child.pid for child in self.children.values())]
        before, start = cpu_s(pids), time.perf_counter()
        asyncio.run(self._publish(payloads))
        child = next(iter(self.children.values()))
        if until == "journal":
            wait_for(lambda: rows(self.journal, "SELECT COUNT(*) FROM frames"), first + count - 1, child)
        else:
            wanted = (first + count - 1) * len(channels())
            wait_for(lambda: rows(self.store, "SELECT COUNT(*) FROM window"), wanted, child)
        return time.perf_counter() - start, cpu_s(pids) - before

    async def _publish(self, payloads: Sequence[bytes]) -> None:
        async with self.publisher() as publisher:
            for payload in payloads:
                await publisher.publish(TOPIC, payload)
            await publisher.drain()


@contextmanager
def rig(folder: Path) -> Iterator[Rig]:
    mosquitto = find_program("mosquitto", "mosquitto", ROOT / "build", print)
    certificates.make(folder / "certificates")
    plain, tls = free_port(), free_port()
    user = "user root\n" if os.geteuid() == 0 else ""
    settings = folder / "mosquitto.conf"
    settings.write_text(
        _BROKER.format(plain=plain, tls=tls, certificates=folder / "certificates", user=user), encoding="utf-8"
    )
    words = [str(mosquitto.path), "-c", str(settings)]
    broker = Child("broker", words, folder / "broker.log", mosquitto.full_environment())
    try:
        broker.wait_for_port(plain)
        yield Rig(folder, plain, tls, broker)
    finally:
        broker.stop()

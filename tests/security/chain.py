"""Agent → Mosquitto → ingest as real processes over TLS, on one deployment."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sensors_sim.demo.processes import Child
from sensors_sim.demo.system import TELLTALE
from telltale.durable_file import write_durably
from telltale.readings import Frame
from telltale.wire.codec import decode_frame
from tests.security.site import SERVICE, Deployment
from tests.servers.process import wait_until

GATEWAYS = ("gw-a", "gw-b")
ROWS = 1_500

_SITE = """
[[facilities]]
id = "hall"
name = "Hall"
[[facilities.structures]]
id = "wall"
name = "Wall"
"""
_CHANNEL = """
[[facilities.structures.channels]]
id = "{gateway}.crack"
kind = "crack"
unit = "mm"
gateway = "{gateway}"
interval_s = 60
"""
_CLOUD = """
site = "site.toml"
data_dir = "data"
clock = "data"
"""
_BROKER = """
[broker]
host = "localhost"
port = {port}
ca_file = "{ca}"
cert_file = "{certificate}"
key_file = "{key}"
"""
_EDGE = """
gateway = "{gateway}"
clock = "data"
data_dir = "data"
{broker}
[publish]
reconnect_s = 0.1
reconnect_cap_s = 0.5
resend_s = 1.0
health_s = 0.5
[frame]
max_bytes = 1024
[[source]]
name = "file"
kind = "replay"
settings = {{path = "log.csv", speed = {speed}, rows_per_chunk = 10}}
[[channel]]
id = "{gateway}.crack"
source = "file"
input = "a"
"""


@dataclass
class Ingest:
    """`telltale cloud ingest`."""

    folder: Path
    child: Child

    def rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.folder / "data" / "journal.db")) as connection:
            return connection.execute(sql, values).fetchall()

    def frames(self, gateway: str) -> list[Frame]:
        rows = self.rows("SELECT payload FROM frames WHERE gateway = ?", gateway)
        return [decode_frame(bytes(payload), gateway) for (payload,) in rows]  # type: ignore[arg-type]

    def has_heard(self, gateway: str, more_than: int = 0) -> bool:
        self.child.must_run()
        return len(self.frames(gateway)) > more_than


def broker_table(port: int, ca: Path, certificate: Path, key: Path) -> str:
    return _BROKER.format(port=port, ca=ca, certificate=certificate, key=key)


@contextmanager
def ingest(deployment: Deployment, port: int, folder: Path) -> Iterator[Ingest]:
    """The service's ingest; ended at exit."""
    folder.mkdir()
    (folder / "site.toml").write_text(_SITE + "".join(_CHANNEL.format(gateway=gateway) for gateway in GATEWAYS))
    (folder / "cloud.toml").write_text(_CLOUD + broker_table(port, deployment.ca, *deployment.files(SERVICE)))
    command = [*TELLTALE, "cloud", "ingest", "-c", str(folder / "cloud.toml")]
    child = Child("ingest", command, folder / "ingest.log")
    try:
        wait_until(lambda: "connected" in (folder / "ingest.log").read_text(), "ingest at the broker")
        yield Ingest(folder, child)
    finally:
        child.stop()


def edge_toml(folder: Path, gateway: str, broker: str, speed: float = 0.0) -> Path:
    """Settings of an agent, and what it plays: one reading a minute."""
    folder.mkdir(exist_ok=True)
    lines = "".join(f"{1_700_000_000 + 60 * row},{row}\n" for row in range(ROWS))
    write_durably(folder / "log.csv", b"time,a\n" + lines.encode())
    path = folder / "edge.toml"
    path.write_text(_EDGE.format(gateway=gateway, broker=broker, speed=float(speed)))
    return path


@contextmanager
def agent(config: Path, *more: str) -> Iterator[Child]:
    """`telltale edge run`; ended at exit."""
    child = Child("agent", [*TELLTALE, "edge", "run", "-c", str(config), *more], config.parent / "agent.log")
    try:
        yield child
    finally:
        child.stop()


def said(config: Path) -> str:
    """The agent's log."""
    path = config.parent / "agent.log"
    return path.read_text() if path.exists() else ""


def complete(frames: list[Frame]) -> bool:
    """Whether every run's frames are all there, each once."""
    runs: dict[bytes, list[int]] = {}
    for frame in frames:
        runs.setdefault(frame.run_id, []).append(frame.sequence)
    return all(sorted(sequences) == list(range(1, max(sequences) + 1)) for sequences in runs.values())


def samples(frames: list[Frame], run_id: bytes) -> int:
    return sum(len(block) for frame in frames if frame.run_id == run_id for block in frame.blocks)

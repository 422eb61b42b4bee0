"""A database that is away, slow or refuses, at 50,000 samples/s and more: what is lost, what memory and disk it takes.

`python -m bench outage` is the short form (1 minute down); `outage=30` takes the database away for 30 minutes. Time is
real: nothing is accelerated. Counted at the end is what the database itself answers, against what was made.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.keeper import Keeper
from bench.pipeline import RATE_HZ, SAMPLES, STEP_NS, T0_NS, channels, counts, parts, rows, site_toml
from bench.servers import start_broker
from bench.store_gate import Gate
from sensors_sim.demo.processes import Child, free_port
from sensors_sim.demo.system import TELLTALE
from telltale.durable_file import write_durably
from telltale.readings import Block, Frame
from telltale.wire.codec import encode_frame
from tests.servers.influxdb import Influx, influxdb

SHORT_MINUTES = 1.0
FRAMES_A_SECOND, FAST = 3.0, 10.0
MEMORY_LIMIT_MB = 256
RECOVERY_S = 1_800.0
TOUR_S = 10.0
QUIET_S = 25.0  # no store-ack for so long: ingest has stopped acknowledging
SMALL = "max_bytes = 33_554_432\nkeep_bytes = 1_048_576\n[analyse]\nspool_max_bytes = 16_777_216\n"
POISONED = channels()[-1]
POOL = counts()


def frame(sequence: int) -> bytes:
    t0_ns = T0_NS + sequence * STEP_NS
    blocks = tuple(
        Block(name, t0_ns, RATE_HZ, POOL[(sequence * 7 + at) % 64], 1e-3) for at, name in enumerate(channels())
    )
    return encode_frame(Frame("gw-bench", bytes(16), sequence, t0_ns + STEP_NS, blocks=blocks))


@dataclass
class Watch:
    """The largest that was seen of each process (RSS, MB), of all together (RSS and PSS, MB), and of each file (MB)."""

    data: Path
    supervisor: int
    rss_mb: dict[str, float] = field(default_factory=dict)
    files_mb: dict[str, float] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stop.wait(1.0):
            with contextlib.suppress(psutil.Error, OSError):
                self._look()

    def _look(self) -> None:
        found, shares = {}, 0.0
        for name, pid in parts(self.supervisor).items():
            memory = psutil.Process(pid).memory_full_info()
            found[name] = memory.rss / 2**20
            shares += memory.pss / 2**20
        found |= {"all, RSS": sum(found.values()), "all, PSS": shares}
        for name, size in found.items():
            self.rss_mb[name] = max(size, self.rss_mb.get(name, 0.0))
        for name in ("journal.db", "state.db"):
            size = sum(path.stat().st_size for path in self.data.glob(f"{name}*")) / 2**20
            self.files_mb[name] = max(size, self.files_mb.get(name, 0.0))


@dataclass
class Run:
    """A service with its gateway and the gate before its database."""

    service: Child
    keeper: Keeper
    gate: Gate
    influx: Influx
    folder: Path
    watch: Watch

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def in_store(self) -> int:
        """Window rows that the database answers."""
        with contextlib.suppress(OSError):
            series = self.influx.query('SELECT COUNT("samples") FROM "window"')["results"][0].get("series", [])
            return int(series[0]["values"][0][1]) if series else 0
        return 0

    def spool(self) -> int:
        return rows(self.data / "state.db", "SELECT COUNT(*) FROM spool")

    def refused(self) -> int:
        return rows(self.data / "state.db", "SELECT COUNT(*) FROM refused_rows")

    def wait(self, done: Callable[[], bool], what: str, deadline_s: float = RECOVERY_S) -> float:
        """Seconds until `done`."""
        began_s = time.monotonic()
        while not done():
            self.service.must_run()
            if time.monotonic() - began_s > deadline_s:
                raise TimeoutError(f"{what}: not within {deadline_s:g} s")
            time.sleep(0.2)
        return time.monotonic() - began_s

    def hold(self, seconds: float) -> None:
        """Let time pass."""
        end_s = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= end_s, "time", seconds + 60)

    def finish(self) -> float:
        """No new frames; seconds until everything is delivered and has left the spool."""
        self.keeper.stop_making()
        made = self.keeper.made * len(channels())
        refused = rows(self.data / "state.db", "SELECT COUNT(*) FROM refused_rows")
        return self.wait(
            lambda: self.keeper.kept == 0 and self.spool() == 0 and (refused > 0 or self.in_store() >= made), "drained"
        )


@contextlib.contextmanager
def started(folder: Path, mqtt_port: int, influx: Influx, rate: float, limits: str = "") -> Iterator[Run]:
    folder.mkdir()
    site_toml(folder / "site.toml")
    gate, page_port = Gate(influx.url, f"channel={POISONED}".encode()), free_port()
    write_durably(folder / "token", influx.token.encode())
    (folder / "token").chmod(0o600)
    (folder / "cloud.toml").write_text(
        f'site = "site.toml"\ndata_dir = "data"\nclock = "data"\n[broker]\nport = {mqtt_port}\n[ingest]\n{limits}'
        f'[store]\nkind = "influxdb"\nurl = "{gate.url}"\norg = "{influx.org}"\nbucket = "{influx.bucket}"\n'
        f'token_file = "{folder}/token"\ntimeout_s = 3.0\n[notify]\nkind = "file"\nfolder = "mails"\n'
        f"[serve]\nport = {page_port}\n",
        encoding="utf-8",
    )
    service = Child("cloud", [*TELLTALE, "cloud", "run", "-c", str(folder / "cloud.toml")], folder / "cloud.log")
    watch = Watch(folder / "data", service.pid)
    keeper = Keeper(mqtt_port, "gw-bench", frame, rate)
    try:
        service.wait_for_port(page_port)
        time.sleep(4)
        threading.Thread(target=watch.run, daemon=True).start()
        keeper.start()
        yield Run(service, keeper, gate, influx, folder, watch)
    finally:
        watch.stop.set()
        keeper.stop_making()
        service.stop()
        if not gate.is_closed:
            gate.close()


def down(run: Run, minutes: float) -> None:
    """The database away for so long, and back."""
    run.hold(10)
    run.gate.close()
    print(
        f"database down for {minutes:g} min at {FRAMES_A_SECOND * len(channels()) * SAMPLES:,.0f} samples/s (real time)"
    )
    run.hold(minutes * 60)
    waiting, kept, at = run.spool(), run.keeper.kept, run.keeper.made
    run.gate.open()
    recovered_s = run.wait(lambda: run.spool() <= 2, "spool drained")
    print(
        f"  at its end: {at:,} frames made, {waiting:,} batches in the spool, {kept} frames at the gateway;"
        f" drained {recovered_s:.1f} s after it was back"
    )


def tour(run: Run) -> None:
    """Each way of misbehaving for a while, at full load."""
    for mode in ("429", "503", "slow", "reset", "poison"):
        run.gate.mode = mode
        run.hold(TOUR_S)
        run.gate.mode = "open"
        took_s = run.wait(lambda: run.spool() <= 2, f"recovery from {mode}")
        print(f"  {mode:<7} for {TOUR_S:g} s: misbehaved {run.gate.answered[mode]} times, recovered in {took_s:.1f} s")


def account(run: Run, name: str, took_s: float) -> int:
    """Print the books of a run; how many rows are missing."""
    refused = run.refused()
    if refused:
        command = [
            *TELLTALE,
            "cloud",
            "dead-letter",
            "retry",
            "--limit",
            "100000",
            "-c",
            str(run.folder / "cloud.toml"),
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        run.wait(lambda: run.spool() == 0, "retried rows")
    made = run.keeper.made * len(channels())
    run.wait(lambda: run.in_store() >= made, "all rows in the database", 60)
    stored = run.in_store()
    journal = rows(run.data / "journal.db", "SELECT SUM(stored) FROM runs")
    print(
        f"  {name}: {run.keeper.made:,} frames made, {journal:,} journalled, {run.keeper.sent:,} sent; windows {made:,}"
        f" made, {stored:,} in the database, {made - stored} lost, {stored - min(made, stored)} too many;"
        f" {refused} entries refused and then retried; drained in {took_s:.1f} s"
    )
    print("  most memory, MB: " + ", ".join(f"{part} {size:.0f}" for part, size in run.watch.rss_mb.items()))
    print("  most disk, MB:   " + ", ".join(f"{part} {size:.0f}" for part, size in run.watch.files_mb.items()))
    worst = max(size for part, size in run.watch.rss_mb.items() if not part.startswith("all"))
    print(f"  limit {MEMORY_LIMIT_MB} MB: largest process {worst:.0f}, all together {run.watch.rss_mb['all, RSS']:.0f}")
    return made - stored


def limits_reached(run: Run) -> None:
    """Small limits: the spool fills, then the journal, then the gateway keeps what is no longer acknowledged."""
    run.hold(5)
    run.gate.close()
    began_s = time.monotonic()
    run.wait(lambda: time.monotonic() - run.keeper.last_ack_s > QUIET_S, "ingest stops acknowledging")
    print(
        f"small limits (spool 16 MiB, journal 32 MiB) at {FAST * len(channels()) * SAMPLES:,.0f} samples/s:"
        f" no store-ack after {run.keeper.last_ack_s - began_s:.0f} s"
    )
    run.hold(15)
    print(f"  kept at the gateway: {run.keeper.kept} frames; files, MB: {run.watch.files_mb}")
    run.gate.open()


def run(folder: Path, minutes: float = SHORT_MINUTES) -> None:
    port = free_port()
    broker = start_broker(folder, port)
    try:
        with influxdb(folder / "influxdb") as influx:
            with started(folder / "down", port, influx.new_bucket("down"), FRAMES_A_SECOND) as first:
                down(first, minutes)
                tour(first)
                lost = account(first, "outage", first.finish())
            with started(folder / "limits", port, influx.new_bucket("limits"), FAST, SMALL) as second:
                limits_reached(second)
                lost += account(second, "small limits", second.finish())
    finally:
        broker.stop()
    if lost:
        print(f"bench: {lost} rows lost", file=sys.stderr)

"""Samples per CPU-second, edge frame → results in the store, ours against `bench/plain_service.py` in the same run.

8 three-axis sensors at 1 kHz; the same samples go to both, through the same broker. Counted is the CPU time of the
service's processes (all of ours, supervisor included) from the first frame to the last row, start-up left out. The plain
service keeps no waveforms; ours is shown with every waveform kept as evidence (the default) and without. What JSON costs
depends on its digits: values as a converter's counts become them (17 digits), and rounded to 3 decimals by a kind sender.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiomqtt
import numpy as np
import psutil

from bench.servers import start_broker
from sensors_sim.demo.processes import Child, free_port
from sensors_sim.demo.system import TELLTALE
from telltale.readings import Block, Frame
from telltale.wire.codec import encode_frame

SENSORS, AXES, SAMPLES, RATE_HZ = 8, "xyz", 1024, 1000.0
NOISE_COUNTS = 30
FRAMES, PLAIN_MESSAGES = 1_500, 1_600
T0_NS = 1_767_225_600_000_000_000
STEP_NS = int(SAMPLES / RATE_HZ * 1e9)
FLOOR, TARGET = 5.0, 10.0
SAMPLE_FLOOR, SAMPLE_TARGET = 2.2e6, 8.7e6
IDLE_S, SINGLE_FRAMES = 5.0, 21
TOPIC = "telltale/v1/gw-bench/frame"
PARTS = ("ingest", "analyse", "store", "notify", "serve")


def channels() -> list[str]:
    return [f"bench.s{sensor}.{axis}" for sensor in range(SENSORS) for axis in AXES]


def counts() -> np.ndarray:
    rng = np.random.default_rng(3)
    t_s = np.arange(SAMPLES) / RATE_HZ
    tones = 20 * NOISE_COUNTS * np.sin(2 * np.pi * rng.uniform(2, 200, (64, 1)) * t_s)
    return np.rint(tones + rng.normal(0, NOISE_COUNTS, (64, SAMPLES))).astype(np.int16)


def our_frames(first: int = 1, count: int = FRAMES) -> Iterator[bytes]:
    pool, names = counts(), channels()
    for sequence in range(first, first + count):
        t0_ns = T0_NS + sequence * STEP_NS
        blocks = tuple(Block(name, t0_ns, RATE_HZ, pool[(sequence * 7 + i) % 64], 1e-3) for i, name in enumerate(names))
        yield encode_frame(Frame("gw-bench", bytes(16), sequence, t0_ns + STEP_NS, blocks=blocks))


def plain_messages(decimals: int | None) -> Iterator[bytes]:
    """Values as a converter's counts become them (a ±2 g, 16-bit accelerometer in m/s²), or rounded first."""
    pool = counts() * (9.80665 / 16384)
    pool = pool if decimals is None else pool.round(decimals)
    for number in range(PLAIN_MESSAGES):
        document = {
            "sensor": f"s{number % SENSORS}",
            "t_ns": T0_NS + number // SENSORS * STEP_NS,
            "rate_hz": RATE_HZ,
            "axes": {axis: pool[(number * 7 + i) % 64].tolist() for i, axis in enumerate(AXES)},
        }
        yield json.dumps(document).encode()


def site_toml(path: Path) -> None:
    lines = [
        "[[facilities]]",
        'id = "bench"',
        'name = "Bench"',
        "[[facilities.structures]]",
        'id = "span"',
        'name = "Span"',
    ]
    for name in channels():
        lines += [
            "[[facilities.structures.channels]]", f'id = "{name}"', 'kind = "vibration"', 'unit = "m/s2"',
            'gateway = "gw-bench"', f"rate_hz = {RATE_HZ}", f"interval_s = {SAMPLES / RATE_HZ}", "modes_hz = [[2.0, 40.0]]",
        ]  # fmt: skip
    path.write_text("\n".join(lines), encoding="utf-8")


async def publish(port: int, topics: Callable[[int], str], payloads: Sequence[bytes]) -> None:
    async with aiomqtt.Client(
        "127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5, max_inflight_messages=100
    ) as client:
        client.pending_calls_threshold = 1000
        gate = asyncio.Semaphore(100)

        async def one(number: int, payload: bytes) -> None:
            async with gate:
                await client.publish(topics(number), payload, qos=1, timeout=300)

        await asyncio.gather(*(one(number, payload) for number, payload in enumerate(payloads)))


def cpu_s(pids: Sequence[int]) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


def rows(database: Path, query: str) -> int:
    if not database.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def wait_for(count: Callable[[], int], wanted: int, child: Child) -> None:
    end = time.monotonic() + 600
    while count() < wanted:
        child.must_run()
        if time.monotonic() > end:
            raise TimeoutError(f"{count()} of {wanted} rows after 600 s")
        time.sleep(0.05)


@dataclass(slots=True)
class Ours:
    """One run of the service.

    Attributes:
        cpu_s, rss_mb: of each process, over the run and after it.
        wall_s: first frame to last row.
        idle: share of a core that all processes together use when nothing comes.
        latency_s: of single frames into the idle service, publish to rows in the store.
    """

    cpu_s: dict[str, float]
    rss_mb: dict[str, float]
    wall_s: float
    idle: float = 0.0
    latency_s: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Samples a CPU-second."""
        return FRAMES * len(channels()) * SAMPLES / sum(self.cpu_s.values())


def ours(folder: Path, port: int, waveform_every: int, *, look_idle: bool) -> Ours:
    """Start the service, give it all frames, wait for the last row."""
    folder.mkdir()
    site_toml(folder / "site.toml")
    page_port = free_port()
    (folder / "cloud.toml").write_text(
        f'site = "site.toml"\ndata_dir = "data"\nclock = "data"\n[broker]\nport = {port}\n'
        f'[analyse]\nwaveform_every = {waveform_every}\n[store]\nkind = "sqlite"\n'
        f'[notify]\nkind = "file"\nfolder = "mails"\n[serve]\nport = {page_port}\n',
        encoding="utf-8",
    )
    service = Child("cloud", [*TELLTALE, "cloud", "run", "-c", str(folder / "cloud.toml")], folder / "cloud.log")
    try:
        service.wait_for_port(page_port)
        time.sleep(4)  # the rest of the start-up is not what is measured
        family = parts(service.pid)
        before = {name: cpu_s([pid]) for name, pid in family.items()}
        payloads, start = list(our_frames()), time.perf_counter()
        asyncio.run(publish(port, lambda _: TOPIC, payloads))
        stored = partial(rows, folder / "data" / "store.db", "SELECT COUNT(*) FROM window")
        wait_for(stored, FRAMES * len(channels()), service)
        wall_s = time.perf_counter() - start
        found = Ours(
            {name: cpu_s([pid]) - before[name] for name, pid in family.items()},
            {name: psutil.Process(pid).memory_info().rss / 2**20 for name, pid in family.items()},
            wall_s,
        )
        if look_idle:
            found.idle = idle_share(list(family.values()))
            found.latency_s = sorted(asyncio.run(latencies(port, folder / "data" / "store.db")))
        return found
    finally:
        service.stop()


def parts(supervisor: int) -> dict[str, int]:
    """Process name → id."""
    children = psutil.Process(supervisor).children(recursive=True)
    named = {next((word for word in p.cmdline() if word in PARTS), str(p.pid)): p.pid for p in children}
    return {"supervisor": supervisor, **named}


def idle_share(pids: Sequence[int]) -> float:
    before = cpu_s(pids)
    time.sleep(IDLE_S)
    return (cpu_s(pids) - before) / IDLE_S


async def latencies(port: int, database: Path) -> list[float]:
    """Seconds from the publish of a single frame to its rows, one frame after the other."""
    found = []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
        async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            for payload in our_frames(FRAMES + 1, SINGLE_FRAMES):
                wanted = int(connection.execute("SELECT COUNT(*) FROM window").fetchone()[0]) + len(channels())
                start = time.perf_counter()
                await client.publish(TOPIC, payload, qos=1)
                while connection.execute("SELECT COUNT(*) FROM window").fetchone()[0] < wanted:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.002)
                found.append(time.perf_counter() - start)
    return found


@dataclass(frozen=True, slots=True)
class Plain:
    """One run of the plain service: CPU seconds, wall seconds, and the size of a message."""

    cpu_s: float
    wall_s: float
    message_bytes: int

    @property
    def rate(self) -> float:
        """Samples a CPU-second."""
        return PLAIN_MESSAGES * len(AXES) * SAMPLES / self.cpu_s


def plain(database: Path, port: int, decimals: int | None) -> Plain:
    command = [sys.executable, "-m", "bench.plain_service", str(port), str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            payloads = list(plain_messages(decimals))
            before, start = cpu_s([process.pid]), time.perf_counter()
            asyncio.run(publish(port, lambda number: f"plain/s{number % SENSORS}", payloads))
            wanted = PLAIN_MESSAGES * len(AXES)
            while rows(database, "SELECT COUNT(*) FROM features") < wanted:
                time.sleep(0.05)
            return Plain(cpu_s([process.pid]) - before, time.perf_counter() - start, len(payloads[0]))
        finally:
            process.terminate()


def run(folder: Path) -> None:
    port = free_port()
    broker = start_broker(folder, port)
    try:
        # Before and after: the machine may be busier at one end, and CPU seconds cost more on a busy machine.
        converted = plain(folder / "plain-1.db", port, None)
        kept = ours(folder / "kept", port, 1, look_idle=True)
        bare = ours(folder / "bare", port, 0, look_idle=False)
        rounded = plain(folder / "plain-2.db", port, 3)
    finally:
        broker.stop()
    report({"as converted": converted, "rounded to 3 decimals": rounded}, kept, bare)


def report(plains: Mapping[str, Plain], kept: Ours, bare: Ours) -> None:
    print(
        f"samples a CPU-second, floor {SAMPLE_FLOOR / 1e6:g} M, target {SAMPLE_TARGET / 1e6:g} M; ratio, floor {FLOOR:g}, target {TARGET:g}"
    )
    for name, each in plains.items():
        about = f"plain service, JSON {name} ({each.message_bytes / 1000:.0f} KB)"
        print(f"{about:<52} {each.rate / 1e6:6.2f} M   {each.wall_s:5.1f} s")
    for name, run in (
        ("telltale, every waveform kept", kept),
        ("telltale, features only (as the plain service)", bare),
    ):
        ratios = "  ".join(f"{run.rate / each.rate:4.1f} × {name}" for name, each in plains.items())
        print(f"{name:<52} {run.rate / 1e6:6.2f} M   {run.wall_s:5.1f} s   {ratios}")
    print("process        CPU-s (waveforms kept)   CPU-s (features only)   RSS after it, MB")
    for name in kept.cpu_s:
        print(f"{name:<12} {kept.cpu_s[name]:12.2f} {bare.cpu_s[name]:23.2f} {kept.rss_mb[name]:20.0f}")
    middle, worst = kept.latency_s[len(kept.latency_s) // 2], kept.latency_s[-1]
    print(
        f"idle: {kept.idle * 100:.1f} % of a core for all processes; a single frame is stored after"
        f" {middle * 1e3:.0f} ms (median of {SINGLE_FRAMES}; at most {worst * 1e3:.0f} ms)"
    )

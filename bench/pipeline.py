"""Samples per CPU-second, edge frame → results in the store, ours against `bench/plain_service.py` in the same run.

8 three-axis sensors at 1 kHz; the same samples go to both, through the same broker. Counted is the CPU time of the
service's processes (all of ours, supervisor included) from the first frame to the last row, start-up left out.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import aiomqtt
import numpy as np
import psutil

from sensors_sim.demo.debian import find_program
from sensors_sim.demo.mosquitto import write_settings
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


def channels() -> list[str]:
    return [f"bench.s{sensor}.{axis}" for sensor in range(SENSORS) for axis in AXES]


def counts() -> np.ndarray:
    rng = np.random.default_rng(3)
    t_s = np.arange(SAMPLES) / RATE_HZ
    tones = 20 * NOISE_COUNTS * np.sin(2 * np.pi * rng.uniform(2, 200, (64, 1)) * t_s)
    return np.rint(tones + rng.normal(0, NOISE_COUNTS, (64, SAMPLES))).astype(np.int16)


def our_frames() -> Iterator[bytes]:
    pool, names = counts(), channels()
    for sequence in range(1, FRAMES + 1):
        t0_ns = T0_NS + sequence * STEP_NS
        blocks = tuple(Block(name, t0_ns, RATE_HZ, pool[(sequence * 7 + i) % 64], 1e-3) for i, name in enumerate(names))
        yield encode_frame(Frame("gw-bench", bytes(16), sequence, t0_ns + STEP_NS, blocks=blocks))


def plain_messages() -> Iterator[bytes]:
    pool = counts() * 1e-3
    for number in range(PLAIN_MESSAGES):
        document = {
            "sensor": f"s{number % SENSORS}",
            "t_ns": T0_NS + number // SENSORS * STEP_NS,
            "rate_hz": RATE_HZ,
            "axes": {axis: pool[(number * 7 + i) % 64].round(6).tolist() for i, axis in enumerate(AXES)},
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


def ours(folder: Path, port: int) -> tuple[float, float, dict[str, float]]:
    """CPU seconds, wall seconds, and CPU seconds of each process."""
    site_toml(folder / "site.toml")
    page_port = free_port()
    (folder / "cloud.toml").write_text(
        f'site = "site.toml"\ndata_dir = "data"\nclock = "data"\n[broker]\nport = {port}\n'
        f'[store]\nkind = "sqlite"\n[notify]\nkind = "file"\nfolder = "mails"\n[serve]\nport = {page_port}\n',
        encoding="utf-8",
    )
    service = Child("cloud", [*TELLTALE, "cloud", "run", "-c", str(folder / "cloud.toml")], folder / "cloud.log")
    try:
        service.wait_for_port(page_port)
        time.sleep(4)  # the rest of the start-up is not what is measured
        family = [psutil.Process(service.pid), *psutil.Process(service.pid).children(recursive=True)]
        before = {p.pid: cpu_s([p.pid]) for p in family}
        payloads, start = list(our_frames()), time.perf_counter()
        asyncio.run(publish(port, lambda _: "telltale/v1/gw-bench/frame", payloads))
        wanted = FRAMES * len(channels())
        wait_for(lambda: rows(folder / "data" / "store.db", "SELECT COUNT(*) FROM window"), wanted, service)
        wall_s = time.perf_counter() - start
        parts = {
            f"{p.cmdline()[-3:][0] if p.pid != service.pid else 'supervisor'} {p.pid}": cpu_s([p.pid]) - before[p.pid]
            for p in family
        }
        return sum(parts.values()), wall_s, parts
    finally:
        service.stop()


def plain(folder: Path, port: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "bench.plain_service", str(port), str(folder / "plain.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            before, payloads, start = cpu_s([process.pid]), list(plain_messages()), time.perf_counter()
            asyncio.run(publish(port, lambda number: f"plain/s{number % SENSORS}", payloads))
            wanted = PLAIN_MESSAGES * len(AXES)
            while rows(folder / "plain.db", "SELECT COUNT(*) FROM features") < wanted:
                time.sleep(0.05)
            return cpu_s([process.pid]) - before, time.perf_counter() - start
        finally:
            process.terminate()


def run(folder: Path) -> None:
    mosquitto = find_program("mosquitto", "mosquitto", Path("build"), print)
    port = free_port()
    settings = write_settings(folder / "broker", port)
    broker = Child(
        "broker", [str(mosquitto.path), "-c", str(settings)], folder / "broker.log", mosquitto.full_environment()
    )
    try:
        broker.wait_for_port(port)
        plain_cpu_s, plain_wall_s = plain(folder, port)
        our_cpu_s, our_wall_s, parts = ours(folder, port)
    finally:
        broker.stop()
    our_samples, plain_samples = FRAMES * len(channels()) * SAMPLES, PLAIN_MESSAGES * len(AXES) * SAMPLES
    our_rate, plain_rate = our_samples / our_cpu_s, plain_samples / plain_cpu_s
    print(
        f"plain service   {plain_samples / 1e6:6.1f} Msamples  {plain_cpu_s:6.1f} CPU-s  {plain_wall_s:6.1f} s  {plain_rate / 1e6:6.2f} Msamples per CPU-s"
    )
    print(
        f"telltale        {our_samples / 1e6:6.1f} Msamples  {our_cpu_s:6.1f} CPU-s  {our_wall_s:6.1f} s  {our_rate / 1e6:6.2f} Msamples per CPU-s"
        f"   (floor {SAMPLE_FLOOR / 1e6:g}, target {SAMPLE_TARGET / 1e6:g})"
    )
    for name, part_s in parts.items():
        print(f"    {name:<24} {part_s:6.2f} CPU-s")
    print(f"ratio           {our_rate / plain_rate:6.1f} ×   (floor {FLOOR:g}, target {TARGET:g})")

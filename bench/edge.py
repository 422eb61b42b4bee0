"""The agent under 8 × 3 axes at 1 kHz: start-up to the first published frame, memory, CPU, bytes a sample on the wire.

The agent runs as on a gateway (real broker, outbox with `synchronous=FULL`, frames leave it on the store-ack); the
service's ingest answers. The simulator's cost is inside the agent's figures, since the source runs in its process.

Start-up is counted from the start of the process to the frame in the hands of a subscriber: interpreter, imports,
settings, outbox, connection, one second of readings of all 24 channels, its commit to disk. In those runs the source
hands its first second over at once, and the frame is full with it, so that no time passes waiting for readings.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import psutil

from bench.pipeline import site_toml
from bench.servers import start_broker, start_ingest
from sensors_sim.demo.processes import Child, free_port
from sensors_sim.demo.system import TELLTALE
from telltale.wire.codec import decode_frame

GATEWAY, SENSORS, AXES, RATE_HZ = "gw-bench", 8, "xyz", 1000.0
NOISE_COUNTS, TONE_COUNTS = 3.0, 40.0
MEASURE_S, STARTS = 20.0, 5
RSS_FLOOR_MB, RSS_TARGET_MB, START_FLOOR_S, START_TARGET_S, WIRE_TARGET = 64, 45, 1.0, 0.5, 2.1


def edge_toml(port: int, *, data_dir: str, at_once: bool) -> str:
    """`at_once`: no pace, and frames that are full with the first second of all channels."""
    chunk_bytes = round(2 * RATE_HZ) * SENSORS * len(AXES)
    lines = [
        f'gateway = "{GATEWAY}"', 'clock = "system"', f'data_dir = "{data_dir}"', "[broker]", f"port = {port}",
        *(["[frame]", f"max_bytes = {chunk_bytes}"] if at_once else []),
        "[[source]]", 'name = "load"', 'kind = "sim"', "[source.settings]", 'scenario = "load"', f"sensors = {SENSORS}",
        f"rate_hz = {RATE_HZ}", "chunk_samples = 1000", f"noise_counts = {NOISE_COUNTS}",
        f"tone_counts = {TONE_COUNTS}", f"speed = {0.0 if at_once else 1.0}", f"seconds = {2.0 if at_once else 0.0}",
    ]  # fmt: skip
    for sensor in range(SENSORS):
        for axis in AXES:
            lines += [
                "[[channel]]", f'id = "bench.s{sensor}.{axis}"', 'source = "load"', f'input = "load.s{sensor:02d}.{axis}"',
                f"rate_hz = {RATE_HZ}", "window_samples = 1000",
            ]  # fmt: skip
    return "\n".join(lines)


async def first_frame(port: int, folder: Path, number: int) -> float:
    """Seconds from the start of a new agent's process to its first frame."""
    config = folder / f"start-{number}.toml"
    config.write_text(edge_toml(port, data_dir=f"start-{number}", at_once=True), encoding="utf-8")
    async with subscriber(port) as client:
        start = time.perf_counter()
        agent = Child("edge", [*TELLTALE, "edge", "run", "-c", str(config)], folder / f"start-{number}.log")
        try:
            async with asyncio.timeout(60):
                async for _ in client.messages:
                    return time.perf_counter() - start
        finally:
            await asyncio.to_thread(agent.stop)
    raise ConnectionError("the broker ended")


@contextlib.asynccontextmanager
async def subscriber(port: int) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe(f"telltale/v1/{GATEWAY}/frame", qos=1)
        yield client


@dataclass(slots=True)
class Steady:
    """What was seen of a running agent between its second frame and the last one counted."""

    cpu_share: float
    rss_mb: float
    bytes_a_sample: float
    rate: float


async def steady(port: int, folder: Path) -> Steady:
    config = folder / "edge.toml"
    config.write_text(edge_toml(port, data_dir="steady", at_once=False), encoding="utf-8")
    async with subscriber(port) as client:
        agent = Child("edge", [*TELLTALE, "edge", "run", "-c", str(config)], folder / "edge.log")
        try:
            return await watch(client, psutil.Process(agent.pid))
        finally:
            await asyncio.to_thread(agent.stop)


async def watch(client: aiomqtt.Client, process: psutil.Process) -> Steady:
    wire_bytes = samples = rss = 0
    begin_s, begin_cpu_s, passed_s = 0.0, 0.0, 0.0
    async for message in client.messages:
        now_s, cpu_s = time.perf_counter(), sum(process.cpu_times()[:2])
        rss = max(rss, process.memory_info().rss)
        if not begin_s:
            begin_s, begin_cpu_s = now_s, cpu_s
            continue
        payload = bytes(message.payload)
        wire_bytes += len(payload)
        samples += sum(len(block) for block in decode_frame(payload, GATEWAY).blocks)
        passed_s = now_s - begin_s
        if passed_s >= MEASURE_S:
            break
    share = (sum(process.cpu_times()[:2]) - begin_cpu_s) / passed_s
    return Steady(share, rss / 2**20, wire_bytes / samples, samples / passed_s)


def run(folder: Path) -> None:
    port = free_port()
    children = [start_broker(folder, port)]
    try:
        children.append(ingest(folder, port))
        starts = sorted(asyncio.run(first_frame(port, folder, number)) for number in range(STARTS))
        found = asyncio.run(steady(port, folder))
    finally:
        for child in reversed(children):
            child.stop()
    report(starts, found)


def ingest(folder: Path, port: int) -> Child:
    """The service's ingest, connected."""
    site_toml(folder / "site.toml")
    (folder / "cloud.toml").write_text(
        f'site = "site.toml"\ndata_dir = "data"\nclock = "system"\n[broker]\nport = {port}\n[store]\nkind = "sqlite"\n'
        '[notify]\nkind = "file"\nfolder = "mails"\n',
        encoding="utf-8",
    )
    return start_ingest(folder, folder / "cloud.toml")


def report(starts: list[float], found: Steady) -> None:
    middle = starts[len(starts) // 2]
    print(
        f"{SENSORS} × {len(AXES)} axes at {RATE_HZ:g} Hz ({found.rate:,.0f} samples/s), noise {NOISE_COUNTS:g} counts"
        f" rms beside tones of {TONE_COUNTS:g} counts\n"
        "                                        measured      floor    target\n"
        f"start to the first published frame      {middle:6.2f} s   {START_FLOOR_S:6g} s  {START_TARGET_S:6g} s"
        f"    median of {len(starts)}: {starts[0]:.2f} … {starts[-1]:.2f} s\n"
        f"memory (greatest RSS)                   {found.rss_mb:6.1f} MB  {RSS_FLOOR_MB:6g} MB {RSS_TARGET_MB:6g} MB\n"
        f"on the wire, bytes a sample             {found.bytes_a_sample:6.2f}              {WIRE_TARGET:8g}\n"
        f"CPU                                     {found.cpu_share * 100:6.1f} % of a core"
    )

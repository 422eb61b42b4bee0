"""The agent under 8 × 3 axes at 1 kHz: memory, start-up to the first published frame, CPU, bytes a sample on the wire.

The agent runs as on a gateway (real broker, outbox with `synchronous=FULL`, frames leave it on the store-ack); the
service's ingest answers. The simulator's cost is inside the agent's figures, since the source runs in its process.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiomqtt
import psutil

from bench.pipeline import site_toml
from sensors_sim.demo.debian import find_program
from sensors_sim.demo.mosquitto import write_settings
from sensors_sim.demo.processes import Child, free_port
from sensors_sim.demo.system import TELLTALE
from telltale.wire.codec import decode_frame

GATEWAY, SENSORS, AXES, RATE_HZ = "gw-bench", 8, "xyz", 1000.0
NOISE_COUNTS, TONE_COUNTS = 3.0, 40.0
MEASURE_S = 20.0
RSS_FLOOR_MB, RSS_TARGET_MB, START_FLOOR_S, START_TARGET_S, WIRE_TARGET = 64, 45, 1.0, 0.5, 2.1


def edge_toml(port: int) -> str:
    lines = [
        f'gateway = "{GATEWAY}"', 'clock = "system"', 'data_dir = "edge-data"', "[broker]", f"port = {port}",
        "[[source]]", 'name = "load"', 'kind = "sim"', "[source.settings]", 'scenario = "load"', f"sensors = {SENSORS}",
        f"rate_hz = {RATE_HZ}", "chunk_samples = 1000", f"noise_counts = {NOISE_COUNTS}",
        f"tone_counts = {TONE_COUNTS}", "speed = 1.0",
    ]  # fmt: skip
    for sensor in range(SENSORS):
        for axis in AXES:
            lines += [
                "[[channel]]", f'id = "bench.s{sensor}.{axis}"', 'source = "load"', f'input = "load.s{sensor:02d}.{axis}"',
                f"rate_hz = {RATE_HZ}", "window_samples = 1000",
            ]  # fmt: skip
    return "\n".join(lines)


async def listen(port: int, children: list[Child], command: list[str], log: Path) -> dict[str, float]:
    """Start the agent, wait for its first frame, then measure for MEASURE_S."""
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe(f"telltale/v1/{GATEWAY}/frame", qos=1)
        start = time.perf_counter()
        agent = Child("edge", command, log)
        children.append(agent)
        first_s = wire_bytes = samples = 0.0
        process = psutil.Process(agent.pid)
        cpu_s, rss = 0.0, []
        async for message in client.messages:
            passed_s = time.perf_counter() - start
            payload = bytes(message.payload)
            frame = decode_frame(payload, GATEWAY)
            if not first_s:
                first_s, cpu_s = passed_s, sum(process.cpu_times()[:2])
            wire_bytes += len(payload)
            samples += sum(len(block) for block in frame.blocks)
            rss.append(process.memory_info().rss)
            if passed_s > first_s + MEASURE_S:
                break
        return {
            "first_s": first_s,
            "cpu": (sum(process.cpu_times()[:2]) - cpu_s) / MEASURE_S,
            "rss_mb": max(rss) / 2**20,
            "bytes": wire_bytes / samples,
            "rate": samples / (MEASURE_S + 1),
        }


def run(folder: Path) -> None:
    mosquitto = find_program("mosquitto", "mosquitto", Path("build"), print)
    port = free_port()
    settings = write_settings(folder / "broker", port)
    children = [
        Child("broker", [str(mosquitto.path), "-c", str(settings)], folder / "broker.log", mosquitto.full_environment())
    ]
    try:
        children[0].wait_for_port(port)
        site_toml(folder / "site.toml")
        (folder / "edge.toml").write_text(edge_toml(port), encoding="utf-8")
        (folder / "cloud.toml").write_text(
            f'site = "site.toml"\ndata_dir = "data"\nclock = "system"\n[broker]\nport = {port}\n[store]\nkind = "sqlite"\n'
            '[notify]\nkind = "file"\nfolder = "mails"\n',
            encoding="utf-8",
        )
        children.append(
            Child("ingest", [*TELLTALE, "cloud", "ingest", "-c", str(folder / "cloud.toml")], folder / "ingest.log")
        )
        time.sleep(4)  # ingest is ready well before; it is not what is measured
        command = [*TELLTALE, "edge", "run", "-c", str(folder / "edge.toml")]
        found = asyncio.run(listen(port, children, command, folder / "edge.log"))
    finally:
        for child in reversed(children):
            child.stop()
    print(
        f"{SENSORS} × {len(AXES)} axes at {RATE_HZ:g} Hz, noise {NOISE_COUNTS:g} counts rms beside tones of {TONE_COUNTS:g} counts"
    )
    print(
        f"start-up to the first published frame   {found['first_s']:6.2f} s, of which 1 s is the first second of data"
    )
    print(
        f"    beyond that second                  {found['first_s'] - 1:6.2f} s   (floor {START_FLOOR_S:g}, target {START_TARGET_S:g})"
    )
    print(
        f"memory (RSS, greatest)                  {found['rss_mb']:6.1f} MB  (floor {RSS_FLOOR_MB}, target {RSS_TARGET_MB})"
    )
    print(f"CPU                                     {found['cpu'] * 100:6.1f} % of a core")
    print(f"on the wire                             {found['bytes']:6.2f} bytes a sample  (target {WIRE_TARGET})")

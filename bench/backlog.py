"""A day without the broker, brought over: drain speed, freshness of new readings meanwhile, memory.

The backlog is recorded by the agent's own windows, frames and outbox, one frame of waveforms a second as on a gateway,
in accelerated time. Then the agent runs as a process with the broker still down, and the broker and the service's
ingest come back. Readings go on all the while: they are what must stay fresh.

Drain factor: recorded time / time from the connection until the last frame of the backlog is store-acked. Freshness: a
frame's completion (`acquired_ns`) until its store-ack is in the hands of a subscriber; the commit to the journal lies
before that. Memory: the greatest RSS against that of the same agent with nothing to bring over.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiomqtt
import psutil

from bench.recording import record
from bench.servers import start_broker, start_ingest
from edge_agent.settings import load_edge
from sensors_sim.demo.processes import Child, free_port
from sensors_sim.demo.system import TELLTALE
from telltale.topics import Verb, parse
from telltale.wire import frame_pb2 as pb
from telltale.wire.ack import decode_stored

GATEWAY, SENSORS, AXES, RATE_HZ, SLOW = "gw-bench", 8, "xyz", 200.0, 8
FACTOR_TARGET, FRESH_TARGET_S, GROWTH_TARGET_MB = 100.0, 2.0, 5.0
CALM_S, AFTER_S, OUTAGE_S = 20.0, 5.0, 10.0
RECONNECT_S = 8.0  # time for the service to start before the agent comes back
OUTBOX_BYTES = 8 * 1024**3


def hours() -> float:
    """Of backlog: BACKLOG_HOURS, or 1; the figure that counts is taken with 24."""
    return float(os.environ.get("BACKLOG_HOURS", "1"))


def channels() -> list[tuple[str, str]]:
    """(channel, input) of every waveform."""
    return [(f"bench.s{sensor}.{axis}", f"load.s{sensor:02d}.{axis}") for sensor in range(SENSORS) for axis in AXES]


def edge_toml(port: int) -> str:
    lines = [
        f'gateway = "{GATEWAY}"', 'clock = "system"', "[broker]", f"port = {port}",
        "[frame]", "interval_s = 0.9", "[outbox]", f"max_bytes = {OUTBOX_BYTES}", "[publish]", f"reconnect_s = {RECONNECT_S}", f"reconnect_cap_s = {RECONNECT_S}", "clock_wait_s = 0",
        "[[source]]", 'name = "load"', 'kind = "sim"', "[source.settings]", 'scenario = "load"', "live = true",
        f"sensors = {SENSORS}", f"rate_hz = {RATE_HZ}", f"chunk_samples = {round(RATE_HZ / 2)}",
        "[[source]]", 'name = "slow"', 'kind = "sim"', "[source.settings]", 'scenario = "load"', "live = true",
        f"sensors = {SLOW}", "rate_hz = 1.0", "chunk_samples = 16",
    ]  # fmt: skip
    for channel, name in channels():
        lines += [
            "[[channel]]", f'id = "{channel}"', 'source = "load"', f'input = "{name}"', f"rate_hz = {RATE_HZ}",
            f"window_samples = {round(RATE_HZ)}",
        ]  # fmt: skip
    for number in range(SLOW):
        lines += ["[[channel]]", f'id = "bench.t{number}"', 'source = "slow"', f'input = "load.s{number:02d}.x"']
    return "\n".join(lines)


def cloud_toml(folder: Path, port: int) -> Path:
    lines = [
        "[[facilities]]",
        'id = "bench"',
        'name = "Bench"',
        "[[facilities.structures]]",
        'id = "span"',
        'name = "Span"',
    ]
    for channel, _ in channels():
        lines += [
            "[[facilities.structures.channels]]", f'id = "{channel}"', 'kind = "vibration"', 'unit = "m/s2"',
            f'gateway = "{GATEWAY}"', f"rate_hz = {RATE_HZ}", "interval_s = 1.0",
        ]  # fmt: skip
    for number in range(SLOW):
        lines += [
            "[[facilities.structures.channels]]", f'id = "bench.t{number}"', 'kind = "temperature"', 'unit = "degC"',
            f'gateway = "{GATEWAY}"', "interval_s = 16.0",
        ]  # fmt: skip
    (folder / "site.toml").write_text("\n".join(lines), encoding="utf-8")
    path = folder / "cloud.toml"
    path.write_text(
        f'site = "site.toml"\ndata_dir = "data"\nclock = "system"\n[broker]\nport = {port}\n[store]\nkind = "sqlite"\n'
        '[notify]\nkind = "file"\nfolder = "mails"\n',
        encoding="utf-8",
    )
    return path


@dataclass(frozen=True, slots=True)
class Costs:
    """Greatest RSS of the agent; CPU seconds of agent, broker and ingest."""

    rss: int
    cpu_s: tuple[float, ...]


@dataclass(slots=True)
class Watched:
    """What a subscriber sees: when the backlog's run is covered, and how old fresh frames are when they are."""

    backlog: dict[bytes, int]
    began_s: float = 0.0
    began_ns: int = 0
    drained_s: float | None = None
    fresh: dict[int, int] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    ages_s: list[float] = field(default_factory=list)

    def frame(self, payload: bytes) -> None:
        frame = pb.Frame.FromString(payload)
        if not self.began_s:
            self.began_s, self.began_ns = time.perf_counter(), time.time_ns()
        if frame.run_id not in self.backlog and frame.acquired_ns >= self.began_ns and frame.sequence not in self.seen:
            self.seen.add(frame.sequence)
            self.fresh[frame.sequence] = frame.acquired_ns

    def stored(self, payload: bytes) -> None:
        ack, now_ns = decode_stored(payload), time.time_ns()
        if ack.run_id in self.backlog:
            if ack.cumulative >= self.backlog[ack.run_id] and self.drained_s is None:
                self.drained_s = time.perf_counter() - self.began_s
            return
        for sequence in list(self.fresh):
            if sequence <= ack.cumulative or any(first <= sequence <= last for first, last in ack.above):
                self.ages_s.append((now_ns - self.fresh.pop(sequence)) / 1e9)


@contextlib.asynccontextmanager
async def watching(port: int, watched: Watched) -> AsyncIterator[None]:
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe([(f"telltale/v1/{GATEWAY}/frame", 1), (f"telltale/v1/{GATEWAY}/stored", 1)])

        async def watch() -> None:
            async for message in client.messages:
                parsed = parse(message.topic.value)
                assert parsed is not None
                (watched.frame if parsed[1] is Verb.FRAME else watched.stored)(bytes(message.payload))

        task = asyncio.create_task(watch())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def peak_rss(process: psutil.Process, seconds: float, watched: Watched) -> int:
    """The greatest RSS until some seconds after the backlog is drained, or for `seconds`."""
    peak, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        peak = max(peak, process.memory_info().rss)
        if watched.drained_s is not None:
            end = min(end, watched.began_s + watched.drained_s + AFTER_S)
        await asyncio.sleep(0.2)
    return peak


def agent(folder: Path) -> Child:
    return Child("edge", [*TELLTALE, "edge", "run", "-c", str(folder / "edge.toml")], folder / "edge.log")


async def calm(folder: Path, port: int, watched: Watched) -> int:
    """The agent with nothing to bring over: its greatest RSS."""
    async with watching(port, watched):
        child = agent(folder)
        try:
            return await peak_rss(psutil.Process(child.pid), CALM_S, watched)
        finally:
            await asyncio.to_thread(child.stop)


async def drain(folder: Path, port: int, watched: Watched, seconds: float, children: list[Child]) -> Costs:
    """Broker and service come back to the agent, the first of `children`."""
    children.append(start_broker(folder, port))
    async with watching(port, watched):
        children.append(await asyncio.to_thread(start_ingest, folder, cloud_toml(folder, port)))
        before = [cpu_s(child) for child in children]
        peak = await peak_rss(psutil.Process(children[0].pid), seconds / FACTOR_TARGET * 4 + 60, watched)
        return Costs(peak, tuple(cpu_s(child) - used for child, used in zip(children, before, strict=True)))


def cpu_s(child: Child) -> float:
    return sum(psutil.Process(child.pid).cpu_times()[:2])


def run(folder: Path) -> None:
    port, seconds = free_port(), hours() * 3600
    (folder / "edge.toml").write_text(edge_toml(port), encoding="utf-8")
    quiet, children = Watched({}), [start_broker(folder, port)]
    try:
        children.append(start_ingest(folder, cloud_toml(folder, port)))
        calm_rss = asyncio.run(calm(folder, port, quiet))
        stop_all(children)
        (folder / "data" / "stats" / "ingest.json").unlink()
        begin = time.perf_counter()
        found = asyncio.run(record(load_edge(folder / "edge.toml"), folder, seconds))
        took_s = time.perf_counter() - begin
        print(f"recorded {hours():g} h: {found.frames:,} frames, {found.size / 2**20:,.0f} MB, in {took_s:.0f} s")
        children.append(agent(folder))
        time.sleep(OUTAGE_S)
        watched = Watched({found.run_id: found.last_sequence})
        costs = asyncio.run(drain(folder, port, watched, seconds, children))
    finally:
        stop_all(children)
    report_drain(watched, quiet, seconds)
    report_costs(costs, calm_rss)


def stop_all(children: list[Child]) -> None:
    while children:
        children.pop().stop()


def report_drain(watched: Watched, quiet: Watched, seconds: float) -> None:
    rate = SENSORS * len(AXES) * RATE_HZ
    took_s = watched.drained_s or math.nan
    print(
        f"{SENSORS} × {len(AXES)} axes at {RATE_HZ:g} Hz and {SLOW} slow channels ({rate:,.0f} samples/s live)\n"
        "                                        measured       target\n"
        f"drained                                 {seconds / took_s:6.0f} ×      {FACTOR_TARGET:6g} ×"
        f"    in {took_s:.1f} s: {seconds * rate / took_s:,.0f} samples/s\n"
        f"fresh frames meanwhile, to store-ack    {quantile(watched.ages_s, 0.99):6.2f} s      {FRESH_TARGET_S:6g} s"
        f"    p99 of {len(watched.ages_s)}; p50 {quantile(watched.ages_s, 0.5):.3f} s\n"
        f"fresh frames without a backlog          {quantile(quiet.ages_s, 0.99):6.2f} s               "
        f"    p99 of {len(quiet.ages_s)}; p50 {quantile(quiet.ages_s, 0.5):.3f} s"
    )


def report_costs(costs: Costs, calm_rss: int) -> None:
    print(
        f"memory: growth of the greatest RSS      {(costs.rss - calm_rss) / 2**20:6.1f} MB     {GROWTH_TARGET_MB:6g} MB"
        f"    {calm_rss / 2**20:.1f} → {costs.rss / 2**20:.1f} MB\n"
        "CPU seconds: agent {:.1f}, broker {:.1f}, ingest {:.1f}".format(*costs.cpu_s)
    )


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.floor(share * len(ordered)))] if ordered else math.nan

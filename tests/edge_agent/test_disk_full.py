"""A disk that is really full: what is committed stays, frames wait in bounded memory, drops are counted, it recovers."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.frame.assemble import FrameAssembler, FrameSettings, Rank, SealedFrame
from edge_agent.outbox import box
from edge_agent.outbox.box import Outbox, OutboxSettings
from edge_agent.outbox.schema import sequence_of
from edge_agent.reports import Reports
from sensors_sim.demo.system import TELLTALE
from telltale.clock import ManualClock
from telltale.health import Health, decode_health
from telltale.readings import ClockQuality
from telltale.topics import Verb
from telltale.wire.ack import StoredAck
from telltale.wire.codec import decode_frame
from tests.edge_agent.acker import Acker, acker
from tests.servers.process import Server, until
from tests.servers.small_disk import MIB, fill, small_disk

RUN = b"r" * 16
MEMORY_BYTES = 65_536
FRAME_BYTES = 5_000
END = (1 << 63) - 1


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 2 * MIB) as folder:
        yield folder


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "RETRY_CAP_S", 0.2)
    monkeypatch.setattr(box, "RETRY_S", 0.05)


class Bench:
    """An outbox under frames, and the books of it."""

    def __init__(self) -> None:
        self.reports = Reports()
        self.outbox = Outbox(OutboxSettings(memory_bytes=MEMORY_BYTES), self.reports)
        self.produced = 0

    def offer(self, count: int) -> None:
        for _ in range(count):
            self.produced += 1
            rank = Rank.WAVEFORM if self.produced % 2 else Rank.SCALAR
            payload = bytes([self.produced % 251]) * FRAME_BYTES
            self.outbox.offer(SealedFrame(RUN, self.produced, rank, self.produced, payload))

    async def commit(self, count: int) -> None:
        for _ in range(count // 10):
            self.offer(10)
            async with asyncio.timeout(30):
                await self.outbox.committed()

    async def stored(self) -> list[int]:
        """Sequences that are here and whole."""
        found = []
        for frame, _ in await self.outbox.after(0, END, 10_000):
            payload = await self.outbox.payload(frame)
            assert payload == bytes([sequence_of(frame) % 251]) * FRAME_BYTES
            found.append(sequence_of(frame))
        return found

    async def dropped(self) -> list[int]:
        """Sequences that the frames report which `report_drops` makes."""
        assembler = FrameAssembler(
            "gw",
            RUN,
            clock=ManualClock(),
            quality=lambda: ClockQuality.UNKNOWN,
            settings=FrameSettings(),
            sealed=self.outbox.offer,
        )
        assembler.sequence = self.produced
        newest = await self.outbox.newest()
        assert await self.outbox.report_drops(assembler) == 1
        [(report, _)] = await self.outbox.after(newest, END, 10)
        payload = await self.outbox.payload(report)
        assert payload is not None
        drops = decode_frame(payload, "gw").drops
        assert {drop.reason for drop in drops} == {"disk_unavailable"}
        return [sequence for drop in drops for sequence in range(drop.first, drop.last + 1)]

    def is_told_full(self) -> bool:
        return any("No space left" in line for line in self.reports.errors())


async def test_frames_wait_in_bounded_memory_and_go_on_when_there_is_space(disk: Path) -> None:
    bench = Bench()
    await bench.outbox.open(disk / "data", RUN)
    running = asyncio.create_task(bench.outbox.run())
    await bench.commit(40)
    filler = fill(disk)
    for _ in range(200):
        bench.offer(1)
        await asyncio.sleep(0)
    await until(bench.is_told_full, "the full disk in the reports")
    assert bench.outbox._pending.size + bench.outbox._pending.taken <= MEMORY_BYTES
    assert bench.outbox.dropped > 100
    assert set(range(1, 41)) <= set(await bench.stored()), "what was committed is there"
    filler.unlink()
    async with asyncio.timeout(30):
        await bench.outbox.committed()
    stored = await bench.stored()
    assert len(stored) + bench.outbox.dropped == bench.produced == 240
    assert sorted(stored + await bench.dropped()) == list(range(1, bench.produced + 1))
    running.cancel()
    await bench.outbox.close()
    again = Bench()
    await again.outbox.open(disk / "data", b"s" * 16)
    assert (again.outbox.frames, again.outbox.dropped, again.outbox.damaged) == (len(stored) + 1, 0, 0)
    await again.outbox.close()


async def test_store_acks_make_room_on_a_full_disk(disk: Path) -> None:
    bench = Bench()
    await bench.outbox.open(disk / "data", RUN)
    running = asyncio.create_task(bench.outbox.run())
    await bench.commit(40)
    fill(disk)
    bench.offer(12)
    await until(bench.is_told_full, "the full disk in the reports")
    bench.outbox.settle(StoredAck(RUN, 40))
    async with asyncio.timeout(30):
        await bench.outbox.committed()
    stored = await bench.stored()
    assert stored == [sequence for sequence in range(41, 53) if sequence in stored]
    assert len(stored) + bench.outbox.dropped == 12
    assert bench.outbox.acknowledged == 40
    running.cancel()
    await bench.outbox.close()


async def test_an_agent_starts_on_a_full_disk(disk: Path) -> None:
    (disk / "data" / "outbox").mkdir(parents=True)
    filler = fill(disk)
    bench = Bench()
    await bench.outbox.open(disk / "data", RUN)
    assert bench.is_told_full()
    running = asyncio.create_task(bench.outbox.run())
    bench.offer(5)
    filler.unlink()
    async with asyncio.timeout(30):
        await bench.outbox.committed()
    assert await bench.stored() == [1, 2, 3, 4, 5]
    running.cancel()
    await bench.outbox.close()


EDGE = """
gateway = "{gateway}"
data_dir = "{data}"
[broker]
port = {port}
[publish]
resend_s = 1.0
health_s = 0.2
clock_wait_s = 0
[frame]
interval_s = 0.1
[outbox]
memory_bytes = 65536
[[source]]
name = "load"
kind = "sim"
settings = {{scenario = "load", sensors = 1, rate_hz = 1000.0, chunk_samples = 100, noise_counts = 3.0, tone_counts = 40.0, speed = 1.0, live = true}}
"""
CHANNEL = """
[[channel]]
id = "t.{axis}"
source = "load"
input = "load.s00.{axis}"
rate_hz = 1000.0
window_samples = 100
"""


@pytest.mark.e2e
async def test_a_whole_agent_on_a_full_disk_loses_only_what_it_reports(
    broker: Server, disk: Path, tmp_path: Path
) -> None:
    gateway = f"gw-{uuid.uuid4().hex[:10]}"
    toml = tmp_path / "edge.toml"
    channels = "".join(CHANNEL.format(axis=axis) for axis in "xyz")
    toml.write_text(EDGE.format(gateway=gateway, data=disk / "data", port=broker.port) + channels)
    async with acker(broker.port, gateway, answer=False) as service:
        agent = subprocess.Popen([*TELLTALE, "edge", "run", "-c", str(toml)])
        try:
            await until(lambda: len(service.unique()) > 20, "the first frames")
            filler = fill(disk)
            await until(lambda: _health(service).dropped > 50, "drops", 90)
            full = _health(service)
            assert any("No space left" in line for line in full.errors)
            filler.unlink()
            service.answer = True
            await until(lambda: not _missing(service) and _drops(service), "the books closed", 90)
        finally:
            agent.send_signal(signal.SIGTERM)
            agent.wait(60)
        await until(lambda: not _missing(service), "the books closed at the end")
    assert agent.returncode == 0
    assert not _received(service) & _drops(service), "each frame once"
    assert _received(service) | _drops(service) == set(range(1, max(_received(service)) + 1))
    assert _health(service).dropped == len(_drops(service))
    assert full.rss_bytes < 80 * MIB


def _health(service: Acker) -> Health:
    tellings = [payload for verb, payload in service.messages if verb is Verb.HEALTH]
    return decode_health(tellings[-1]) if tellings else Health(at_ns=0, version="")


def _received(service: Acker) -> set[int]:
    return {frame.sequence for frame in service.frames}


def _drops(service: Acker) -> set[int]:
    drops = [drop for frame in service.frames for drop in frame.drops]
    return {sequence for drop in drops for sequence in range(drop.first, drop.last + 1)}


def _missing(service: Acker) -> set[int]:
    received = _received(service)
    return set(range(1, max(received) + 1)) - received - _drops(service)

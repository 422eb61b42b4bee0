"""An agent whose clock is wrong, is set, or steps, against a real broker: nothing is lost, nothing mis-stamped."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloud_service.analyse.clock_watch import Clocks
from cloud_service.analyse.decode import decode_records
from cloud_service.analyse.states import States
from cloud_service.journal.reader import Record
from edge_agent.agent import Agent, Outcome
from edge_agent.clock_quality import SYNCHRONISED, UNKNOWN, ClockStatement
from edge_agent.settings import EdgeSettings
from sensors_sim.demo.system import TELLTALE
from telltale.clock import NS_PER_HOUR, NS_PER_S, NS_PER_YEAR
from telltale.health import decode_health
from telltale.readings import ClockQuality, Flag, Frame
from telltale.settings import convert
from telltale.topics import Verb
from telltale.wire.codec import encode_frame
from tests.edge_agent.acker import Acker, acker
from tests.edge_agent.test_agent_e2e import QUICK, gateway_id
from tests.servers.process import Server, until
from tests.servers.programs import program

pytestmark = pytest.mark.e2e

RATE_HZ, STEP_NS = 200, 5_000_000
HARDWARE = {"scenario": "load", "live": True, "sensors": 1, "rate_hz": float(RATE_HZ), "chunk_samples": 20}


class SteppedClock:
    """The machine's clock, wrong by what the test sets."""

    def __init__(self, wrong_ns: int = 0) -> None:
        self.wrong_ns = wrong_ns

    def now_ns(self) -> int:
        return time.time_ns() + self.wrong_ns

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def observe(self, acquired_ns: int) -> None:
        pass


def tables_for(port: int, gateway: str, **publish: Any) -> dict[str, Any]:
    return {
        "gateway": gateway,
        "clock": "system",
        "clock_mark": "mark",
        "broker": {"port": port},
        "frame": {"interval_s": 0.2},
        "publish": QUICK | {"clock_wait_s": 3_600.0} | publish,
        "source": [{"name": "adc", "kind": "sim", "settings": HARDWARE}],
        "channel": [
            {"id": "t.wave", "source": "adc", "input": "load.s00.x", "rate_hz": RATE_HZ, "window_samples": 64},
            {"id": "t.scalar", "source": "adc", "input": "load.s00.y"},
        ],
    }


class Gateway:
    """An agent with a clock of the test's."""

    def __init__(self, port: int, gateway: str, base: Path, clock: SteppedClock, **publish: Any) -> None:
        self.clock, self.statement = clock, UNKNOWN
        settings = convert(tables_for(port, gateway, **publish), EdgeSettings, "edge.toml")
        self.agent = Agent(settings, base, "edge.toml", clock=clock, probe=self._state)
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self.agent.run(self._stop))

    def _state(self) -> ClockStatement:
        return self.statement

    def frames(self) -> int:
        return self.agent._assembler.sequence

    def set_right(self) -> None:
        self.clock.wrong_ns = 0
        self.statement = SYNCHRONISED

    async def end(self) -> Outcome:
        self._stop.set()
        return await self._task


def frames_of(service: Acker) -> list[Frame]:
    return [frame for _, frame in sorted(service.unique().items(), key=lambda item: item[0][1])]


def times_of(frames: list[Frame], channel: str) -> np.ndarray:
    return np.concatenate([block.times_ns() for frame in frames for block in frame.blocks if block.channel == channel])


def flags_of(frames: list[Frame]) -> set[int]:
    return {int(flag) for frame in frames for block in frame.blocks for flag in np.unique(block.flag_array())}


@pytest.mark.parametrize(
    "wrong_ns",
    [-time.time_ns() + 300 * NS_PER_S, NS_PER_HOUR, -NS_PER_HOUR, 10 * NS_PER_YEAR],
    ids=["1970", "+1h", "-1h", "+10y"],
)
async def test_readings_before_the_first_synchronisation_wait_and_come_with_their_right_time(
    broker: Server, tmp_path: Path, wrong_ns: int
) -> None:
    gateway, began_ns = gateway_id(), time.time_ns()
    async with acker(broker.port, gateway) as service:
        edge = Gateway(broker.port, gateway, tmp_path, SteppedClock(wrong_ns))
        await until(lambda: edge.frames() >= 6 and edge.agent._publisher.connected, "some frames, and a connection")
        assert service.frames == []
        edge.set_right()
        before = edge.frames()
        await until(lambda: len(service.unique()) > before + 4, "frames of before and after")
        outcome = await edge.end()
    frames = frames_of(service)
    for channel in ("t.wave", "t.scalar"):
        steps = np.diff(times_of(frames, channel))
        assert np.all(np.abs(steps - STEP_NS) < STEP_NS / 2), "one sample after the other, in order, through the step"
    times = times_of(frames, "t.wave")
    assert began_ns - NS_PER_S < times[0]
    assert times[-1] < time.time_ns() + NS_PER_S
    assert sum(len(block) for frame in frames for block in frame.blocks) == outcome.samples
    assert flags_of(frames) == {0, Flag.RESTAMPED}
    restamped = [frame for frame in frames if frame.clock_quality is ClockQuality.FREE_RUNNING]
    assert flags_of(restamped) == {Flag.RESTAMPED}
    assert {frame.clock_quality for frame in frames} == {ClockQuality.FREE_RUNNING, ClockQuality.SYNCHRONISED}
    assert all(abs(frame.acquired_ns - block.end_ns()) < 30 * NS_PER_S for frame in frames for block in frame.blocks)


async def test_a_clock_that_is_never_set_sends_after_the_wait_and_says_so(broker: Server, tmp_path: Path) -> None:
    gateway, clock = gateway_id(), SteppedClock(-20 * NS_PER_YEAR)
    async with acker(broker.port, gateway) as service:
        edge = Gateway(broker.port, gateway, tmp_path, clock, clock_wait_s=0.5)
        await until(lambda: len(service.unique()) >= 5, "frames")
        outcome = await edge.end()
    frames = frames_of(service)
    assert {frame.clock_quality for frame in frames} == {ClockQuality.UNKNOWN}
    assert flags_of(frames) == {0}
    assert sum(len(block) for frame in frames for block in frame.blocks) == outcome.samples
    assert abs(frames[-1].acquired_ns - clock.now_ns()) < 60 * NS_PER_S


@pytest.mark.parametrize("step_ns", [NS_PER_HOUR, -NS_PER_HOUR, 10 * NS_PER_YEAR], ids=["+1h", "-1h", "+10y"])
async def test_a_step_while_running_parts_the_frames_and_loses_nothing(
    broker: Server, tmp_path: Path, step_ns: int
) -> None:
    gateway, clock = gateway_id(), SteppedClock()
    async with acker(broker.port, gateway) as service:
        edge = Gateway(broker.port, gateway, tmp_path, clock)
        edge.statement = SYNCHRONISED
        await until(lambda: len(service.unique()) >= 4, "frames before the step")
        clock.wrong_ns = step_ns
        before = len(service.unique())
        await until(lambda: len(service.unique()) >= before + 4, "frames after it")
        outcome = await edge.end()
    frames = frames_of(service)
    assert sum(len(block) for frame in frames for block in frame.blocks) == outcome.samples
    # By the sequence: one step, of the clock's size, between two frames; none within a block.
    steps = np.diff(times_of(frames, "t.wave"))
    jumps = steps[np.abs(steps - STEP_NS) >= STEP_NS / 2]
    assert len(jumps) == 1
    assert abs(int(jumps[0]) - step_ns) < NS_PER_S
    assert told_of(frames, time.time_ns() - time.monotonic_ns()) == ([round(step_ns / NS_PER_S)] if step_ns > 0 else [])
    assert all(abs(frame.acquired_ns - block.end_ns()) < 30 * NS_PER_S for frame in frames for block in frame.blocks)


async def test_a_restart_within_the_boot_corrects_what_was_left_by_the_same_amount(
    broker: Server, tmp_path: Path
) -> None:
    gateway, wrong = gateway_id(), SteppedClock(-NS_PER_HOUR)
    first = Gateway(1, gateway, tmp_path, wrong)
    await until(lambda: first.frames() >= 4, "frames under the wrong clock")
    left = await first.end()
    async with acker(broker.port, gateway, answer=False) as service:
        second = Gateway(broker.port, gateway, tmp_path, SteppedClock())
        second.set_right()
        await until(lambda: _has(service, left), "the frames of the first run")
        await second.end()
    # The clock is off again, and less: the first word on the boot stands.
    async with acker(broker.port, gateway) as again:
        third = Gateway(broker.port, gateway, tmp_path, SteppedClock(2 * NS_PER_S))
        third.statement = SYNCHRONISED
        await until(lambda: _has(again, left), "the frames of the first run, again")
        await third.end()
    run = bytes.fromhex(left.run_id)
    for key in ((run, sequence) for sequence in range(1, left.frames + 1)):
        once, twice = service.unique()[key], again.unique()[key]
        assert once.clock_quality is ClockQuality.FREE_RUNNING
        assert (once.acquired_ns, once.clock_error_ns) == (twice.acquired_ns, twice.clock_error_ns)
        assert [block.t0_ns for block in once.blocks] == [block.t0_ns for block in twice.blocks]
        assert abs(once.acquired_ns - time.time_ns()) < 300 * NS_PER_S


def _has(service: Acker, left: Outcome) -> bool:
    return all((bytes.fromhex(left.run_id), sequence) in service.unique() for sequence in range(1, left.frames + 1))


def told_of(frames: list[Frame], utc_ns: int) -> list[int]:
    """Steps in seconds that the service tells of, had it received each frame as it was sealed; UTC is `utc_ns` after the
    monotonic time. That a clock is behind takes it ten minutes.
    """
    records = [
        Record(index, frame.gateway, frame.run_id, index, frame.monotonic_ns + utc_ns, encode_frame(frame), intact=True)
        for index, frame in enumerate(frames, start=1)
    ]
    _, judged = Clocks(States()).take(decode_records(records, "system"))
    return [round(float(item.finding.evidence["clock_step_s"])) for item in judged]


def toml_of(tables: dict[str, Any]) -> str:
    """The few shapes that these settings have."""

    def value(item: object) -> str:
        if isinstance(item, dict):
            return "{" + ", ".join(f"{key} = {value(inner)}" for key, inner in item.items()) + "}"
        if isinstance(item, list):
            return "[" + ", ".join(map(value, item)) + "]"
        return str(item).lower() if isinstance(item, bool) else repr(item)

    return "".join(f"{key} = {value(item)}\n" for key, item in tables.items())


async def test_the_agent_s_own_process_started_in_1970_and_set_later(broker: Server, tmp_path: Path) -> None:
    """The operating system's clock, replaced by libfaketime; the file that is named `clock_mark` says that it is set."""
    library = _libfaketime()
    gateway, began_ns, said = gateway_id(), time.time_ns(), tmp_path / "faketime"
    said.write_text("@1970-01-01 00:05:00\n")
    (tmp_path / "edge.toml").write_text(toml_of(tables_for(broker.port, gateway)))
    environment = os.environ | {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(said),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "TZ": "UTC",
    }
    async with acker(broker.port, gateway) as service:
        agent = await asyncio.create_subprocess_exec(
            *TELLTALE, "edge", "run", "-c", str(tmp_path / "edge.toml"), env=environment
        )
        try:
            await until(lambda: _health(service, lambda told: told.backlog_frames >= 5), "frames that wait", 60)
            assert _health(service, lambda told: told.at_ns < NS_PER_YEAR), "it does believe in 1970"
            assert service.frames == []
            said.write_text("+0\n")
            (tmp_path / "mark").touch()
            await until(lambda: any(f.clock_quality is ClockQuality.SYNCHRONISED for f in service.frames), "frames", 60)
            await until(lambda: 1 in {frame.sequence for frame in service.frames}, "the first frame")
            agent.terminate()
            assert await agent.wait() == 0
        finally:
            if agent.returncode is None:
                agent.kill()
                await agent.wait()
    frames = frames_of(service)
    times = times_of(frames, "t.wave")
    assert np.all(np.abs(np.diff(times) - STEP_NS) < STEP_NS / 2)
    assert began_ns < times[0] < times[-1] < time.time_ns() + NS_PER_S
    assert flags_of(frames) == {0, Flag.RESTAMPED}


def _health(service: Acker, holds: Callable[[Any], bool]) -> bool:
    return any(verb is Verb.HEALTH and holds(decode_health(payload)) for verb, payload in service.messages)


def _libfaketime() -> Path:
    root = program("faketime", "faketime").path.parents[1]
    return next(iter(sorted(root.glob("lib/**/libfaketime.so.1"))))

"""The agent against a real Mosquitto and a stand-in service that answers with store-acks."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiomqtt
import numpy as np
import pytest

import edge_agent.tasks
from edge_agent.agent import Agent, Outcome, run_agent
from edge_agent.publish.connection import gateway_client
from edge_agent.publish.limits import PacketLimits
from edge_agent.publish.session import Session
from edge_agent.publish.window import UnackedWindow
from edge_agent.settings import EdgeSettings, check_edge
from telltale.health import Status, decode_health, decode_status
from telltale.readings import Flag, RunEnd
from telltale.settings import convert
from telltale.topics import Verb
from telltale.wire.frame_pb2 import Frame
from tests.edge_agent.acker import acker
from tests.edge_agent.segments import bytes_on_disk, frames_on_disk
from tests.servers.process import Server, until

pytestmark = pytest.mark.e2e

ROWS = 500
QUICK = {"resend_s": 0.3, "resend_cap_s": 1.0, "reconnect_s": 0.1, "reconnect_cap_s": 0.5, "health_s": 0.2}


def gateway_id() -> str:
    return f"gw-{uuid.uuid4().hex[:10]}"


def write_csv(path: Path, rows: int = ROWS) -> None:
    at = np.datetime64("2026-01-01T00:00:00", "s") + np.arange(rows)
    lines = [f"{at[i]},{i},{'' if i % 7 == 0 else i / 8}" for i in range(rows)]
    path.write_text("time,a,b\n" + "\n".join(lines) + "\n", encoding="utf-8")


def write_npz(path: Path, samples: int) -> np.ndarray:
    wave = np.random.default_rng(1).integers(-3000, 3000, samples).astype(np.int16)
    np.savez(path, az=wave)
    return wave


def settings_for(port: int, gateway: str, kind: str = "csv", **more: Any) -> EdgeSettings:
    tables: dict[str, Any] = {
        "gateway": gateway,
        "clock": "data",
        "broker": {"port": port},
        "publish": QUICK,
        "frame": {"max_bytes": 2_048},
    }
    if kind == "csv":
        tables["source"] = [{"name": "file", "kind": "replay", "settings": {"path": "log.csv", "rows_per_chunk": 50}}]
        tables["channel"] = [
            {"id": "t.a", "source": "file", "input": "a"},
            {"id": "t.b", "source": "file", "input": "b", "calibration": {"id": "c1", "scale": 8.0, "offset": 1.0}},
        ]
    else:
        replay = {"path": "log.npz", "rate_hz": 100.0, "start": "2026-01-01T00:00:03Z", "rows_per_chunk": 700}
        tables["source"] = [{"name": "file", "kind": "replay", "settings": replay}]
        tables["channel"] = [{"id": "t.az", "source": "file", "input": "az", "rate_hz": 100.0, "window_samples": 256}]
    settings = convert(tables | more, EdgeSettings, "edge.toml")
    check_edge(settings, "edge.toml")
    return settings


async def run_to_end(settings: EdgeSettings, base: Path) -> Outcome:
    async with asyncio.timeout(60):
        return await run_agent(settings, base, "edge.toml", asyncio.Event(), until_drained=True)


async def test_every_reading_arrives_once_with_its_time_value_and_flag(broker: Server, tmp_path: Path) -> None:
    write_csv(tmp_path / "log.csv")
    gateway = gateway_id()
    async with acker(broker.port, gateway) as service:
        outcome = await run_to_end(settings_for(broker.port, gateway), tmp_path)
    blocks = [block for frame in service.unique().values() for block in frame.blocks]
    times = np.concatenate([block.times_ns() for block in blocks if block.channel == "t.b"])
    values = np.concatenate([block.values() for block in blocks if block.channel == "t.b"])
    flags = np.concatenate([block.flag_array() for block in blocks if block.channel == "t.b"])
    order = np.argsort(times)
    start = np.datetime64("2026-01-01", "ns").astype(np.int64)
    assert np.array_equal(times[order], start + np.arange(ROWS) * 1_000_000_000)
    missing = np.arange(ROWS) % 7 == 0
    assert np.array_equal(flags[order] == Flag.MISSING, missing)
    assert np.array_equal(np.isnan(values[order]), missing)
    assert np.array_equal(values[order][~missing], np.arange(ROWS)[~missing] + 1.0)
    assert service.samples("t.a") == ROWS
    assert outcome.waiting == outcome.dropped == outcome.rejected == 0
    assert outcome.frames == len(service.unique()) == outcome.acknowledged > 1
    assert outcome.samples == 2 * ROWS
    assert {block.calibration_id for block in blocks} == {"", "c1"}


async def test_waveforms_come_in_windows_aligned_to_the_clock_and_nothing_is_left_out(
    broker: Server, tmp_path: Path
) -> None:
    wave = write_npz(tmp_path / "log.npz", 5_000)
    gateway = gateway_id()
    async with acker(broker.port, gateway) as service:
        await run_to_end(settings_for(broker.port, gateway, "npz"), tmp_path)
    blocks = sorted((b for f in service.unique().values() for b in f.blocks), key=lambda block: block.t0_ns)
    assert np.array_equal(np.concatenate([block.samples for block in blocks]), wave)
    assert all(len(block) == 256 for block in blocks[1:-1])
    assert all(block.t0_ns % 2_560_000_000 == 0 for block in blocks[1:])
    assert blocks[0].samples.dtype == np.int16


async def test_status_is_retained_and_health_tells_the_channels(broker: Server, tmp_path: Path) -> None:
    write_csv(tmp_path / "log.csv")
    gateway = gateway_id()
    stop = asyncio.Event()
    async with acker(broker.port, gateway) as service:
        running = asyncio.create_task(run_agent(settings_for(broker.port, gateway), tmp_path, "edge.toml", stop))
        await until(lambda: _healthy(service.messages), "a health message with all readings")
        stop.set()
        await running
        await until(lambda: _states(service.messages)[-1:] == ["offline"], "the status offline")
    assert _states(service.messages)[0] == "online"
    async with acker(broker.port, gateway) as later:
        await until(lambda: _states(later.messages) == ["offline"], "the retained status")


def _healthy(messages: Sequence[tuple[Verb, bytes]]) -> bool:
    tellings = [decode_health(payload) for verb, payload in messages if verb is Verb.HEALTH]
    last = tellings[-1] if tellings else None
    return last is not None and [item.samples for item in last.inputs] == [ROWS, ROWS] and last.backlog_frames == 0


def _states(messages: Sequence[tuple[Verb, bytes]]) -> list[str]:
    return [decode_status(payload).state for verb, payload in messages if verb is Verb.STATUS]


async def test_frames_of_an_earlier_run_are_sent_with_their_own_run_id(broker: Server, tmp_path: Path) -> None:
    write_csv(tmp_path / "log.csv")
    gateway = gateway_id()
    offline = settings_for(1, gateway)
    stop = asyncio.Event()
    running = asyncio.create_task(run_agent(offline, tmp_path, "edge.toml", stop))
    await until(lambda: _lines_in(tmp_path) == ROWS * 2, "all readings in the outbox")
    stop.set()
    first = await running
    assert first.waiting == first.frames > 1
    async with acker(broker.port, gateway) as service:
        second = await run_to_end(settings_for(broker.port, gateway), tmp_path)
    assert first.run_id != second.run_id
    runs = {run.hex(): sequences for run, sequences in service.stored.items()}
    assert runs[first.run_id] == set(range(1, first.frames + 1))
    assert runs[second.run_id] == set(range(1, second.frames + 1))
    assert second.acknowledged == first.frames + second.frames
    second_run = bytes.fromhex(second.run_id)
    named = [service.unique()[second_run, number].after for number in range(1, second.frames + 1)]
    end = (RunEnd(bytes.fromhex(first.run_id), first.frames),)
    assert named[0] == end, "sealed while the first run was still here"
    assert set(named) <= {end, ()}


def _lines_in(folder: Path) -> int:
    """Samples of all frames in the outbox, read as another process would."""
    payloads = frames_on_disk(folder / "edge-data" / "outbox").values()
    return sum(block.count for payload in payloads for block in Frame.FromString(payload).blocks)


async def test_a_service_that_hangs_is_not_flooded_and_gets_all_when_it_answers(broker: Server, tmp_path: Path) -> None:
    write_csv(tmp_path / "log.csv", 3_000)
    gateway = gateway_id()
    publish = QUICK | {"window_frames": 5, "resend_s": 0.2}
    async with acker(broker.port, gateway, answer=False) as service:
        running = asyncio.create_task(run_to_end(settings_for(broker.port, gateway, publish=publish), tmp_path))
        await until(lambda: len(service.frames) > len(service.unique()) >= 5, "frames sent again")
        assert len(service.unique()) == 5
        service.answer = True
        outcome = await running
    assert service.samples("t.a") == 3_000
    assert outcome.waiting == 0


async def test_rejected_frames_are_set_aside_with_their_reason(broker: Server, tmp_path: Path) -> None:
    write_csv(tmp_path / "log.csv")
    gateway = gateway_id()
    async with acker(broker.port, gateway, reject=frozenset({2})) as service:
        outcome = await run_to_end(settings_for(broker.port, gateway), tmp_path)
    assert (outcome.rejected, outcome.waiting) == (1, 0)
    assert sum(frame.sequence == 2 for frame in service.frames) == 1
    [kept] = (tmp_path / "edge-data" / "outbox" / "rejected").iterdir()
    assert kept.name == f"{outcome.run_id[:8]}-2-unknown_channel.frame"
    assert Frame.FromString(kept.read_bytes()).sequence == 2


async def test_a_broker_that_is_killed_and_comes_back_costs_nothing(own_broker: Server, tmp_path: Path) -> None:
    write_csv(tmp_path / "log.csv", 2_000)
    gateway = gateway_id()
    settings = settings_for(own_broker.port, gateway, publish=QUICK | {"window_frames": 3})
    async with acker(own_broker.port, gateway, answer=False) as before:
        running = asyncio.create_task(run_to_end(settings, tmp_path))
        await until(lambda: len(before.frames) >= 3, "the first frames")
        await asyncio.to_thread(own_broker.kill)
    await asyncio.to_thread(own_broker.start)
    async with acker(own_broker.port, gateway) as after:
        outcome = await running
    assert after.samples("t.a") == 2_000
    assert outcome.waiting == 0


async def test_two_agents_with_one_id_do_not_kick_each_other_in_a_tight_loop(broker: Server, tmp_path: Path) -> None:
    write_csv(tmp_path / "log.csv")
    gateway = gateway_id()
    stop = asyncio.Event()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_csv(tmp_path / name / "log.csv")
    async with acker(broker.port, gateway) as service:
        both = [
            asyncio.create_task(run_agent(settings_for(broker.port, gateway), tmp_path / name, "edge.toml", stop))
            for name in ("one", "two")
        ]
        await until(lambda: len(service.stored) == 2 and service.samples("t.a") == 2 * ROWS, "both agents' readings")
        stop.set()
        outcomes = await asyncio.gather(*both)
    assert [outcome.frames for outcome in outcomes] == [max(seqs) for _, seqs in _in_order(service.stored, outcomes)]


def _in_order(stored: dict[bytes, set[int]], outcomes: Sequence[Outcome]) -> list[tuple[str, set[int]]]:
    return [(outcome.run_id, stored[bytes.fromhex(outcome.run_id)]) for outcome in outcomes]


async def test_a_full_outbox_makes_a_replay_wait_instead_of_losing_readings(broker: Server, tmp_path: Path) -> None:
    rng = random.Random(3)
    lines = [f"{1_700_000_000 + i},{rng.random()}" for i in range(20_000)]
    (tmp_path / "log.csv").write_text("time,a\n" + "\n".join(lines) + "\n", encoding="utf-8")
    gateway = gateway_id()
    channel = [{"id": "t.a", "source": "file", "input": "a"}]
    settings = settings_for(broker.port, gateway, channel=channel, outbox={"max_bytes": 65_536})
    async with acker(broker.port, gateway, answer=False) as service:
        running = asyncio.create_task(run_to_end(settings, tmp_path))
        await until(lambda: len(service.frames) > 10, "the outbox filling")
        assert bytes_on_disk(tmp_path / "edge-data" / "outbox") <= settings.outbox.max_bytes
        service.answer = True
        outcome = await running
    assert service.samples("t.a") == 20_000
    assert outcome.dropped == 0


@pytest.mark.parametrize("part", ["_tick", "_report_drops"])
async def test_a_defect_in_one_part_ends_the_run_aloud_and_what_was_read_is_kept(tmp_path: Path, part: str) -> None:
    """A process that ends is started again; one that lives on without that part would record nothing, unseen."""
    write_csv(tmp_path / "log.csv")
    read = asyncio.Event()

    class Defective(Agent):
        async def _fail(self) -> None:
            await read.wait()
            raise ZeroDivisionError(part)

    setattr(Defective, part, Defective._fail)
    agent = Defective(settings_for(1, gateway_id()), tmp_path, "edge.toml")
    running = asyncio.create_task(agent.run(asyncio.Event()))
    await until(lambda: agent._pipeline.health()[0].samples == ROWS, "all readings")
    read.set()
    with pytest.raises(ZeroDivisionError):
        await running
    assert _lines_in(tmp_path) == 2 * ROWS


async def test_a_run_ends_also_when_its_cancellation_is_lost_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the broker dies in the moment of the stop: the session's task group then tells of the loss alone."""
    monkeypatch.setattr(edge_agent.tasks, "CANCEL_AGAIN_S", 0.05)
    write_csv(tmp_path / "log.csv")
    entered = asyncio.Event()

    class Deaf(Agent):
        async def _report_drops(self) -> None:
            entered.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            await asyncio.Event().wait()

    stop = asyncio.Event()
    running = asyncio.create_task(Deaf(settings_for(1, gateway_id()), tmp_path, "edge.toml").run(stop))
    await entered.wait()
    stop.set()
    async with asyncio.timeout(30):
        await running


async def test_a_session_that_is_lost_in_the_moment_of_its_cancellation_is_cancelled(
    broker: Server, tmp_path: Path
) -> None:
    write_csv(tmp_path / "log.csv")
    agent = Agent(settings_for(broker.port, gateway_id()), tmp_path, "edge.toml")

    async def lost(_self: Session, _client: object, _chooser: object = None) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise aiomqtt.MqttError("lost") from None

    class Fragile(Session):
        _receive = _send = _tell_health = lost

    await agent._outbox.open(tmp_path / "edge-data", agent._assembler.run_id)
    session = Fragile(
        "gw", UnackedWindow(1, 65_536, 1.0, 1.0, random.Random(1)), outbox=agent._outbox, restamper=None,  # type: ignore[arg-type]
        clock=agent._clock, health=agent._tell_health, health_s=1.0, reports=agent._reports,
    )  # fmt: skip
    client = gateway_client(
        settings_for(broker.port, "gw").broker, None, gateway_id(), offline=Status(state="offline"), max_inflight=1,
        answered=session.answered,
    )  # fmt: skip
    async with client:
        task = asyncio.create_task(session.run(client, PacketLimits(agent._reports)))
        for _ in range(20):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await agent._outbox.close()

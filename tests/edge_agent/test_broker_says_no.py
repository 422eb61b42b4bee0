"""What the broker refuses or limits costs no session, no reading and no other frame; and it is told."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from edge_agent.agent import Agent, Outcome, run_agent
from edge_agent.settings import EdgeSettings
from telltale.health import decode_health
from telltale.readings import Frame
from telltale.topics import Verb
from tests.edge_agent.acker import Acker, acker
from tests.edge_agent.test_agent_e2e import QUICK, ROWS, gateway_id, settings_for, write_csv
from tests.servers.mosquitto import mosquitto
from tests.servers.process import Server, running, until

pytestmark = pytest.mark.e2e

SMALL_PACKET = 1_500
ALL_FRAMES_SMALL, SOME_LARGE = {"max_bytes": 1_024}, {"max_bytes": 65_536}


@contextmanager
def broker_with(folder: Path, more: str, without: str = "") -> Iterator[Server]:
    with running(mosquitto(folder / "mosquitto", more=more, without=without)) as server:
        yield server


class Run:
    """An agent that runs until the test has seen enough."""

    def __init__(self, settings: EdgeSettings, base: Path) -> None:
        self.stop = asyncio.Event()
        self.agent: Agent | None = None
        self.task = asyncio.create_task(run_agent(settings, base, "edge.toml", self.stop, watch=self._watch))

    async def _watch(self, agent: Agent) -> None:
        self.agent = agent

    def errors(self) -> str:
        return "\n".join(self.agent._reports.errors()) if self.agent else ""

    async def end(self) -> Outcome:
        self.stop.set()
        return await self.task


def told(service: Acker) -> str:
    """The newest errors in the gateway's health."""
    tellings = [decode_health(payload) for verb, payload in service.messages if verb is Verb.HEALTH]
    return "\n".join(tellings[-1].errors) if tellings else ""


def settings_of(port: int, gateway: str, frame: dict[str, int], **publish: Any) -> EdgeSettings:
    """Two sources: one in frames of a few rows, one in a single frame of all rows, which takes some 6 KB."""
    return settings_for(port, gateway, frame=frame, publish=QUICK | publish)


async def test_a_frame_beyond_the_announced_packet_size_stays_is_told_and_goes_out_when_the_broker_takes_it(
    tmp_path: Path,
) -> None:
    gateway = gateway_id()
    write_csv(tmp_path / "log.csv", 2_000)
    with broker_with(tmp_path, f"max_packet_size {SMALL_PACKET}", "max_packet_size") as small:
        first = Run(settings_of(small.port, gateway, SOME_LARGE), tmp_path)
        await until(lambda: "takes no frame of more than" in first.errors(), "the frame's size reported")
        kept = await first.end()
        write_csv(tmp_path / "log.csv", 20)
        async with acker(small.port, gateway) as service:
            second = Run(settings_of(small.port, gateway, SOME_LARGE), tmp_path)
            await until(lambda: service.samples("t.a") == 20, "the frames that fit")
            await until(lambda: "takes no frame of more than" in told(service), "the health message")
            await second.end()
            assert service.client is not None
        assert "session ended" not in second.errors()
    assert kept.waiting > 0
    with broker_with(tmp_path, "max_packet_size 100000", "max_packet_size") as large:
        async with acker(large.port, gateway) as service:
            third = Run(settings_of(large.port, gateway, SOME_LARGE), tmp_path)
            await until(lambda: service.samples("t.a") == 2_000 + 20, "all of it")
            await third.end()


async def test_publishes_that_are_denied_are_told_and_pass_once_they_are_allowed(tmp_path: Path) -> None:
    """Mosquitto 2.0.11 closes a connection after it has said "Not authorized" on it: the next one tells."""
    gateway = gateway_id()
    write_csv(tmp_path / "log.csv")
    acl = tmp_path / "acl"
    granted = [f"topic write telltale/v1/{gateway}/{verb}" for verb in ("stored", "status", "health")]
    acl.write_text("\n".join(["topic read #", *granted, ""]))
    with broker_with(tmp_path, f"acl_file {acl}") as server:
        async with acker(server.port, gateway) as service:
            run = Run(settings_of(server.port, gateway, ALL_FRAMES_SMALL), tmp_path)
            await until(lambda: "Not authorized" in told(service), "the reason in the health message")
            assert service.frames == []
            acl.write_text("topic readwrite #\n")
            await asyncio.to_thread(_reload, server)
            await until(lambda: service.samples("t.a") == ROWS, "all readings")
            assert (await run.end()).waiting == 0


def _reload(server: Server) -> None:
    import signal

    assert server.process is not None
    server.process.send_signal(signal.SIGHUP)


async def test_a_broker_that_allows_few_under_way_is_obeyed(tmp_path: Path) -> None:
    gateway = gateway_id()
    write_csv(tmp_path / "log.csv", 3_000)
    with broker_with(tmp_path, "max_inflight_messages 3", "max_inflight_messages") as server:
        async with acker(server.port, gateway) as service:
            run = Run(settings_of(server.port, gateway, ALL_FRAMES_SMALL), tmp_path)
            await until(lambda: service.samples("t.a") == 3_000, "all readings")
            assert run.errors() == ""
            await run.end()


FORGOTTEN = frozenset({2, 3, 7})  # others follow, which shows the gap


class Forgetful(Acker):
    """A service that loses the first sending of some frames."""

    lost: set[int]

    async def take(self, client: Any, frame: Frame) -> None:
        if frame.sequence in FORGOTTEN - self.lost:
            self.lost.add(frame.sequence)
            return
        await super().take(client, frame)


async def test_gaps_below_stored_frames_are_filled_without_waiting_for_the_time_out(
    broker: Server, tmp_path: Path
) -> None:
    gateway = gateway_id()
    write_csv(tmp_path / "log.csv", 3_000)
    settings = settings_of(broker.port, gateway, ALL_FRAMES_SMALL, resend_s=1_000.0, resend_cap_s=1_000.0)
    async with acker(broker.port, gateway) as service:
        service.__class__ = Forgetful
        service.lost = set()  # type: ignore[attr-defined]
        run = Run(settings, tmp_path)
        await until(lambda: service.samples("t.a") == 3_000, "all readings")
        outcome = await run.end()
    assert service.lost == FORGOTTEN  # type: ignore[attr-defined]
    assert outcome.waiting == 0


async def test_a_service_that_is_not_there_is_heard_of_and_served_when_it_comes(tmp_path: Path) -> None:
    gateway = f"gw-{uuid.uuid4().hex[:10]}"
    write_csv(tmp_path / "log.csv")
    with broker_with(tmp_path, "") as server:
        settings = settings_of(server.port, gateway, ALL_FRAMES_SMALL, resend_s=1_000.0, resend_cap_s=1_000.0)
        run = Run(settings, tmp_path)
        await until(lambda: run.agent is not None and run.agent._publisher.connected, "the connection")
        await until(lambda: run.agent is not None and run.agent.outcome().waiting > 3, "frames")
        async with acker(server.port, gateway) as service:
            await until(lambda: service.samples("t.a") == ROWS, "all readings, with no time-out in reach")
            await run.end()


async def test_an_agent_that_is_kicked_waits_before_it_comes_back(tmp_path: Path) -> None:
    """A second client takes the id over; with waits of up to an hour, the agent stays away and records on."""
    gateway = gateway_id()
    write_csv(tmp_path / "log.csv")
    with broker_with(tmp_path, "") as server:
        settings = settings_of(server.port, gateway, ALL_FRAMES_SMALL, reconnect_s=3_600.0, reconnect_cap_s=3_600.0)
        agent = Agent(settings, tmp_path, "edge.toml", randomness=random.Random(1))
        stop = asyncio.Event()
        running_agent = asyncio.create_task(agent.run(stop))
        await until(lambda: agent._publisher.connected, "the connection")
        async with aiomqtt.Client("127.0.0.1", server.port, identifier=gateway, protocol=aiomqtt.ProtocolVersion.V5):
            await until(lambda: not agent._publisher.connected, "the agent kicked")
            await until(lambda: "recording goes on" in "".join(agent._reports.errors()), "word of it")
        stop.set()
        assert (await running_agent).waiting > 0
    assert server.log.read_text().count(f"as {gateway} ") == 2

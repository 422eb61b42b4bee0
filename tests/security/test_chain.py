"""The whole chain over TLS: renewing, revoking, refused publishes, and who a frame says that it is from."""

from __future__ import annotations

import asyncio
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sensors_sim.demo.system import TELLTALE
from telltale.health import decode_health
from telltale.readings import Block, Frame
from telltale.topics import Verb, topic
from telltale.wire.codec import encode_frame
from tests.security.chain import ROWS, Ingest, agent, broker_table, complete, edge_toml, ingest, said, samples
from tests.security.mqtt5 import SUCCESS, session
from tests.security.site import SERVICE, Deployment, new_deployment, secured_broker
from tests.servers.process import Server, running, wait_until

pytestmark = pytest.mark.e2e
DEADLINE_S = 120.0


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return new_deployment(tmp_path / "site")


@pytest.fixture
def broker(deployment: Deployment, tmp_path: Path) -> Iterator[Server]:
    with running(secured_broker(deployment, tmp_path / "mosquitto", watched=True)) as server:
        yield server


@pytest.fixture
def service(deployment: Deployment, broker: Server, tmp_path: Path) -> Iterator[Ingest]:
    with ingest(deployment, broker.port, tmp_path / "cloud") as running_service:
        yield running_service


def command(*arguments: object) -> str:
    done = subprocess.run(
        [*TELLTALE, *map(str, arguments)], capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_to_end(config: Path) -> None:
    with agent(config, "--until-drained") as child:
        wait_until(lambda: child.status() is not None, f"the agent's end: {said(config)[-500:]}", DEADLINE_S)
        assert child.status() == 0, said(config)


def test_an_agent_with_a_renewed_certificate_goes_on_without_loss(
    deployment: Deployment, broker: Server, service: Ingest, tmp_path: Path
) -> None:
    certificate, _ = deployment.files("gw-a")
    config = edge_toml(
        tmp_path / "gw", "gw-a", broker_table(broker.port, deployment.ca, *deployment.files("gw-a")), speed=3_000
    )
    with agent(config):
        wait_until(lambda: service.has_heard("gw-a", 10), "frames of the first run", DEADLINE_S)
    before, first = certificate.read_bytes(), service.frames("gw-a")[0].run_id
    command("edge", "enrol", "-c", config)
    request, brought = certificate.with_suffix(".csr"), tmp_path / "brought.crt"
    command("pki", "issue", deployment.folder / "ca", request, "--gateway", "gw-a", "--renew", "--out", brought)
    command("edge", "enrol", "-c", config, "--certificate", brought, "--ca", deployment.ca)
    assert certificate.read_bytes() != before
    config.write_text(config.read_text().replace("speed = 3000.0", "speed = 0.0"))
    run_to_end(config)
    frames = service.frames("gw-a")
    assert complete(frames)
    second = next(frame.run_id for frame in frames if frame.run_id != first)
    assert samples(frames, second) == ROWS
    assert "0 waiting" in said(config).splitlines()[-1]


def test_revoking_one_gateway_costs_the_others_nothing(
    deployment: Deployment, broker: Server, service: Ingest, tmp_path: Path
) -> None:
    configs = {
        name: edge_toml(
            tmp_path / name, name, broker_table(broker.port, deployment.ca, *deployment.files(name)), speed=6_000
        )
        for name in ("gw-a", "gw-b")
    }
    with agent(configs["gw-a"], "--until-drained") as honest, agent(configs["gw-b"]):
        wait_until(lambda: all(service.has_heard(name, 5) for name in configs), "both gateways' frames", DEADLINE_S)
        command("pki", "revoke", deployment.folder / "ca", "gw-b")
        wait_until(lambda: "no connection" in said(configs["gw-b"]), "gw-b being cut off", 60)
        heard = len(service.frames("gw-b"))
        wait_until(lambda: honest.status() is not None, "gw-a's end", DEADLINE_S)
        assert honest.status() == 0, said(configs["gw-a"])
        assert len(service.frames("gw-b")) == heard, "a revoked gateway came back"
    frames = service.frames("gw-a")
    assert complete(frames)
    assert samples(frames, frames[0].run_id) == ROWS


def test_an_agent_by_another_s_name_hears_that_it_is_denied(
    deployment: Deployment, broker: Server, service: Ingest, tmp_path: Path
) -> None:
    config = edge_toml(tmp_path / "gw", "gw-a", broker_table(broker.port, deployment.ca, *deployment.files("gw-b")))
    with agent(config) as child:
        wait_until(lambda: "Not authorized" in said(config), "the denial in the log", DEADLINE_S)
        wait_until(
            lambda: "belongs to 'gw-b', and this gateway is 'gw-a'" in said(config), "the reason in the log", DEADLINE_S
        )
        child.must_run()
    assert service.frames("gw-a") == []
    assert "0 frames stored" in said(config).splitlines()[-1]


async def test_denied_frames_are_told_in_the_agent_s_health(deployment: Deployment, tmp_path: Path) -> None:
    """An access list that takes the health of a gateway and not its frames."""
    acl = "\nuser gw-a\ntopic deny telltale/v1/gw-a/frame\n"
    with running(secured_broker(deployment, tmp_path / "mosquitto", acl=acl)) as broker:
        config = edge_toml(
            tmp_path / "gw", "gw-a", broker_table(broker.port, deployment.ca, *deployment.files("gw-a")), speed=60
        )
        async with session(broker.port, deployment.tls(SERVICE)) as observer:
            await observer.subscribe(topic("gw-a", Verb.HEALTH))
            with agent(config):
                async with asyncio.timeout(DEADLINE_S):
                    while not any("Not authorized" in line for line in errors(observer.received)):
                        await asyncio.sleep(0.05)
        assert "Not authorized" in said(config)


def errors(received: list[tuple[str, bytes]]) -> list[str]:
    return [line for _, payload in received for line in decode_health(payload).errors]


def frame_of(gateway: str) -> bytes:
    block = Block(
        channel=f"{gateway}.crack", t0_ns=1_700_000_000_000_000_000, rate_hz=1.0, samples=np.arange(4, dtype=np.int32)
    )
    run_id = random.Random(gateway).randbytes(16)
    return encode_frame(Frame(gateway=gateway, run_id=run_id, sequence=1, acquired_ns=block.t0_ns, blocks=(block,)))


async def test_a_frame_says_the_name_that_its_topic_says(
    deployment: Deployment, broker: Server, service: Ingest
) -> None:
    forged, own = frame_of("gw-b"), frame_of("gw-a")
    async with session(broker.port, deployment.tls("gw-a")) as link:
        for payload in (forged, own):
            assert await link.publish(topic("gw-a", Verb.FRAME), payload) == SUCCESS
    await asyncio.to_thread(wait_until, lambda: service.has_heard("gw-a"), "the honest frame", DEADLINE_S)
    await asyncio.to_thread(
        wait_until, lambda: bool(service.rows("SELECT 1 FROM dead_letter")), "the forged one's dead letter", DEADLINE_S
    )
    assert service.rows("SELECT gateway, reason FROM dead_letter") == [("gw-a", "identity_mismatch")]
    assert service.frames("gw-b") == []
    assert len(service.frames("gw-a")) == 1

"""The deployment's own secrets and broker settings on a real Mosquitto, and a gateway enrolled by the real commands.

Who may do what and who gets in at all: tests/security.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from telltale.topics import Verb, subscription, topic
from telltale.wire.codec import MAX_PACKET_BYTES
from tests.deploy.secrets import DEPLOY, make_secrets
from tests.e2e.service import telltale
from tests.security.mqtt5 import NO_SUBSCRIBERS, SUCCESS, session
from tests.security.site import Deployment, client_tls, secured_broker
from tests.servers.process import Server, running

pytestmark = pytest.mark.e2e
GATEWAY = "gw-riverside"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return Deployment(make_secrets(tmp_path_factory.mktemp("secrets")))


@pytest.fixture(scope="module")
def broker(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(secured_broker(deployment, tmp_path_factory.mktemp("mosquitto"), watched=True)) as server:
        yield server


def enrol(deployment: Deployment, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """As a technician with the shipped settings: the unit gets its files from this folder."""
    return telltale("edge", "enrol", "-c", DEPLOY / "edge.toml", "--folder", folder, *more, folder=deployment.folder)


@pytest.fixture(scope="module")
def secrets(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`/etc/telltale/secrets` of a gateway that was enrolled as docs/deploy.md says."""
    folder = tmp_path_factory.mktemp("gateway")
    asked = enrol(deployment, folder)
    assert asked.returncode == 0, asked.stderr
    request = folder / "gateway.csr"
    assert str(request) in asked.stdout
    done = telltale("pki", "issue", deployment.folder / "ca", request, "--gateway", GATEWAY, folder=folder)
    assert done.returncode == 0, done.stderr
    made = folder / "brought.crt"
    request.with_suffix(".crt").rename(made)
    installed = enrol(deployment, folder, "--certificate", str(made), "--ca", str(deployment.ca))
    assert installed.returncode == 0, installed.stderr
    assert GATEWAY in installed.stdout
    return folder


async def test_an_enrolled_gateway_and_the_service_hear_each_other(
    deployment: Deployment, broker: Server, secrets: Path
) -> None:
    tls = client_tls(secrets / "ca.crt", secrets / "gateway.crt", secrets / "gateway.key")
    service_tls = client_tls(deployment.ca, *deployment.files_as_they_are("service"))
    async with session(broker.port, tls) as gateway, session(broker.port, service_tls) as service:
        await service.subscribe(subscription(Verb.FRAME))
        await gateway.subscribe(topic(GATEWAY, Verb.STORED))
        assert await gateway.publish(topic(GATEWAY, Verb.FRAME), b"a frame") == SUCCESS
        assert await service.publish(topic(GATEWAY, Verb.STORED), b"an ack") == SUCCESS
        await asyncio.gather(gateway.ping(), service.ping())
        assert service.received == [(topic(GATEWAY, Verb.FRAME), b"a frame")]
        assert gateway.received == [(topic(GATEWAY, Verb.STORED), b"an ack")]


async def test_the_health_check_reads_the_uptime(deployment: Deployment, broker: Server) -> None:
    folder = deployment.folder / "broker"
    tls = client_tls(deployment.ca, folder / "health.crt", folder / "health.key")
    async with session(broker.port, tls) as probe:
        await probe.subscribe("$SYS/broker/uptime")
        async with asyncio.timeout(30):
            while not probe.received:
                await asyncio.sleep(0.05)
        assert b"seconds" in probe.received[0][1]


async def test_a_frame_somewhat_above_the_limit_still_reaches_the_service(broker: Server, secrets: Path) -> None:
    tls = client_tls(secrets / "ca.crt", secrets / "gateway.crt", secrets / "gateway.key")
    async with session(broker.port, tls) as gateway:
        payload = bytes(MAX_PACKET_BYTES + 1)
        assert await gateway.publish(topic(GATEWAY, Verb.FRAME), payload) in (SUCCESS, NO_SUBSCRIBERS)


async def test_a_packet_far_above_it_ends_the_connection(broker: Server, secrets: Path) -> None:
    tls = client_tls(secrets / "ca.crt", secrets / "gateway.crt", secrets / "gateway.key")
    async with session(broker.port, tls) as gateway:
        assert await gateway.publish(topic(GATEWAY, Verb.FRAME), bytes(2 * MAX_PACKET_BYTES + 1)) in (None, 0x95)
        assert not await gateway.ping()

"""Revoking ends a live session and keeps it out, and costs the others nothing: the shipped script on a real Mosquitto."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.security.mqtt5 import RefusedError, session
from tests.security.site import SERVICE, Deployment, new_deployment, secured_broker
from tests.servers.process import Server, accepts, running

pytestmark = pytest.mark.e2e
WITHIN_S = 60.0


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return new_deployment(tmp_path)


@pytest.fixture
def watched(deployment: Deployment, tmp_path: Path) -> Iterator[Server]:
    with running(secured_broker(deployment, tmp_path / "mosquitto", watched=True)) as broker:
        yield broker


async def lets_in(port: int, deployment: Deployment, name: str) -> bool:
    try:
        async with session(port, deployment.tls_as_it_is(name)) as link:
            return await link.ping()
    except RefusedError:
        return False


async def until_in(port: int, deployment: Deployment, name: str) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not await lets_in(port, deployment, name):
            await asyncio.sleep(0.05)


async def test_a_reload_alone_keeps_out_but_does_not_cut(deployment: Deployment, tmp_path: Path) -> None:
    """Why the broker is started afresh instead (docs/decisions/013)."""
    for name in ("gw-a", "gw-b", SERVICE):
        deployment.files(name)
    with running(secured_broker(deployment, tmp_path / "mosquitto")) as broker:
        async with session(broker.port, deployment.tls("gw-a")) as thief:
            deployment.revoke("gw-a")
            deployment.revoke("gw-b")
            assert broker.process is not None
            broker.process.send_signal(signal.SIGHUP)
            async with asyncio.timeout(WITHIN_S):  # asked as another: a second gw-a would take the session over
                while await lets_in(broker.port, deployment, "gw-b"):
                    await asyncio.sleep(0.05)
            assert not await lets_in(broker.port, deployment, "gw-a")
            assert await thief.publish("telltale/v1/gw-a/frame", b"still publishing") in (0, 0x10)


async def test_a_live_session_is_cut_and_cannot_come_back(deployment: Deployment, watched: Server) -> None:
    for name in ("gw-a", "gw-b", SERVICE):
        deployment.files(name)
    async with session(watched.port, deployment.tls("gw-a")) as thief:
        deployment.revoke("gw-a")
        async with asyncio.timeout(WITHIN_S):
            while not thief.closed.is_set():
                await thief.publish("telltale/v1/gw-a/frame", b"stolen")
    await until_in(watched.port, deployment, "gw-b")
    assert await lets_in(watched.port, deployment, SERVICE)
    for _ in range(20):
        assert not await lets_in(watched.port, deployment, "gw-a")


async def test_a_damaged_list_changes_nothing_and_the_next_good_one_counts(
    deployment: Deployment, watched: Server
) -> None:
    for name in ("gw-a", "gw-b"):
        deployment.files(name)
    good = deployment.crl.read_bytes()
    async with session(watched.port, deployment.tls("gw-b")) as link:
        for damage in (good[:100], b"", None):
            deployment.crl.unlink()
            if damage is not None:
                deployment.crl.write_bytes(damage)
            said = watched.log.read_text().count("old one stays in force")
            async with asyncio.timeout(WITHIN_S):
                while watched.log.read_text().count("old one stays in force") == said:
                    await asyncio.sleep(0.05)
            assert await link.ping()
        deployment.revoke("gw-a")
        async with asyncio.timeout(WITHIN_S):
            await link.closed.wait()
    await until_in(watched.port, deployment, "gw-b")
    assert not await lets_in(watched.port, deployment, "gw-a")


async def test_two_revocations_within_a_second_both_count(deployment: Deployment, watched: Server) -> None:
    names = [f"gw-{number}" for number in range(5)]
    for name in names:
        deployment.files(name)
    for name in names[:-1]:
        deployment.revoke(name)
    async with asyncio.timeout(WITHIN_S):
        while await lets_in(watched.port, deployment, names[-2]):
            await asyncio.sleep(0.05)
    await until_in(watched.port, deployment, names[-1])
    assert [await lets_in(watched.port, deployment, name) for name in names] == [False] * 4 + [True]


def test_the_script_ends_with_its_broker_and_its_broker_with_it(deployment: Deployment, tmp_path: Path) -> None:
    broker = secured_broker(deployment, tmp_path / "one", watched=True)
    broker.start()
    assert broker.process is not None
    broker.process.terminate()
    assert broker.process.wait(WITHIN_S) == 0
    assert not accepts(broker.port)


def test_without_a_list_no_broker_runs_and_the_script_s_status_tells(deployment: Deployment, tmp_path: Path) -> None:
    deployment.crl.unlink()
    broker = secured_broker(deployment, tmp_path, watched=True)
    done = subprocess.run(
        broker.command, env=broker.environment, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    assert done.returncode not in (0, 127)
    assert "no revocation list" in done.stderr

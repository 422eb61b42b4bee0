"""Who may do what at the broker: every identity × topic × verb, judged by what the broker delivered.

The broker runs on the committed settings; one more user is added that may read everything. It alone says what went
through, whatever the broker answered.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from telltale.topics import Verb
from tests.security.mqtt5 import NOT_AUTHORIZED, Link, RefusedError, connect_packet, session
from tests.security.site import HEALTH, SERVICE, Deployment, new_deployment, secured_broker
from tests.servers.process import Server, running

pytestmark = pytest.mark.e2e

GATEWAYS = ("gw-a", "gw-b", "gw-a.b", "0_x-y")
WHO = (*GATEWAYS, SERVICE, HEALTH)
OBSERVER = "observer"
OBSERVER_ACL = f"\nuser {OBSERVER}\ntopic readwrite #\ntopic readwrite $SYS/#\n"

UPLINK = (Verb.FRAME, Verb.STATUS, Verb.HEALTH, Verb.REPLY)
DOWNLINK = (Verb.STORED, Verb.COMMAND)
OWNERS = (*GATEWAYS, SERVICE, HEALTH, "gw-unknown")
ELSEWHERE = (
    "telltale", "telltale/v1", "telltale/v1/gw-a", "telltale/v1/gw-a/", "telltale/v1//frame", "telltale/v1/frame",
    "/telltale/v1/gw-a/frame", "telltale/v1/gw-a/frame/", "telltale/v1/gw-a/frame/x", "telltale/v2/gw-a/frame",
    "TELLTALE/v1/gw-a/frame", "telltale/v1/GW-A/frame", "telltale/v1/gw-a/Frame", "telltale/v1/gw-a /frame",
    "telltale/v1/gw-a/stored/gw-a/frame", "telltale/v1/gw\u2010a/frame", "telltale/v1/%u/frame", "a", "homeassistant/x",
    "$SYS/broker/uptime", "$SYS/broker/log/N", "$CONTROL/dynamic-security/v1", "$telltale/v1/gw-a/frame",
)  # fmt: skip
TOPICS = (*(f"telltale/v1/{owner}/{verb}" for owner in OWNERS for verb in Verb), *ELSEWHERE)
# What MQTT itself forbids to publish to.
MALFORMED = (
    "telltale/v1/+/frame", "telltale/v1/gw-a/#", "#", "+", "", "telltale/v1/gw-a/fr\x00ame", "$share/g/telltale/v1/gw-a/frame",
)  # fmt: skip
BROKEN_UTF8 = (b"telltale/v1/gw-a/\xff\xfe", b"telltale/v1/gw-a/\xed\xa0\x80", b"\xc0\xaftelltale")


def may_publish(who: str, name: str) -> bool:
    if who == SERVICE:
        return any(name == f"telltale/v1/{owner}/{verb}" for owner in OWNERS if owner != SERVICE for verb in DOWNLINK)
    return who in GATEWAYS and any(name == f"telltale/v1/{who}/{verb}" for verb in UPLINK)


def may_read(who: str, name: str) -> bool:
    if who == SERVICE:
        found = re.fullmatch(r"telltale/v1/([^/]*)/(\w+)", name)
        return found is not None and found[1] != SERVICE and found[2] in UPLINK
    if who == HEALTH:
        return name == "$SYS/broker/uptime"
    return any(name == f"telltale/v1/{who}/{verb}" for verb in DOWNLINK)


@dataclass(frozen=True)
class Fence:
    deployment: Deployment
    broker: Server
    tls: dict[str, ssl.SSLContext]

    @property
    def port(self) -> int:
        return self.broker.port


@pytest.fixture(scope="module")
def fence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fence]:
    deployment = new_deployment(tmp_path_factory.mktemp("matrix"))
    tls = {who: deployment.tls(who) for who in (*WHO, OBSERVER)}
    broker = secured_broker(deployment, deployment.folder / "mosquitto", acl=OBSERVER_ACL)
    with running(broker):
        yield Fence(deployment, broker, tls)


async def see_all(observer: Link) -> None:
    for pattern in ("#", "$telltale/#", "$CONTROL/#"):
        await observer.subscribe(pattern)


async def settled(observer: Link) -> list[tuple[str, bytes]]:
    """What the observer has been sent, all of it: its own message comes back behind everything else."""
    fence = str(len(observer.received)).encode()
    await observer.subscribe("observer/#")
    await observer.publish("observer/fence", fence)
    async with asyncio.timeout(30):
        while ("observer/fence", fence) not in observer.received:
            await asyncio.sleep(0.01)
    return list(observer.received)


async def publish_all(fence: Fence, who: str, answers: dict[str, int | None]) -> None:
    """One identity's attempts; a connection each where the broker closes one after it has denied something."""
    attempts = [(how, name) for name in TOPICS for how in ("qos0", "qos1", "retain")]
    while attempts:
        async with session(fence.port, fence.tls[who]) as link:
            while attempts and not link.closed.is_set():
                how, name = attempts.pop()
                payload = f"{who}|{how}|{name}"
                code = await link.publish(name, payload.encode(), qos=int(how != "qos0"), retain=how == "retain")
                answers[payload] = code
                if code == NOT_AUTHORIZED:
                    await link.ping()  # until the broker has closed, which it does behind that answer


async def will_all(fence: Fence, who: str, answers: dict[str, int | None]) -> None:
    for name in TOPICS:
        payload = f"{who}|will|{name}"
        connect = connect_packet(will=(name, payload.encode()), will_retain=True)
        try:
            async with session(fence.port, fence.tls[who], connect) as link:
                answers[payload] = None
                await link.ping()
                link.drop()
        except RefusedError as refused:
            answers[payload] = refused.code


async def test_only_what_is_granted_is_delivered(fence: Fence) -> None:
    answers: dict[str, int | None] = {}
    async with session(fence.port, fence.tls[OBSERVER]) as observer:
        await see_all(observer)
        for attempt in (publish_all, will_all):
            await asyncio.gather(*(attempt(fence, who, answers) for who in WHO))
        seen = [payload.decode() for name, payload in await settled(observer) if not name.startswith(("$", "observer"))]
    granted = {payload for payload in answers if may_publish(payload.split("|")[0], payload.split("|")[2])}
    assert len(answers) >= 1_000
    assert set(seen) - granted == set(), "delivered and not granted"
    assert granted - set(seen) == set(), "granted and not delivered"
    assert len(seen) == len(set(seen))
    denied = {payload: code for payload, code in answers.items() if payload not in granted and "|qos1|" in payload}
    wrong = {payload: code for payload, code in denied.items() if code != NOT_AUTHORIZED}
    assert all("|$" in payload for payload in wrong), f"denied, but not said so: {wrong}"
    async with session(fence.port, fence.tls[OBSERVER]) as late:
        await see_all(late)
        kept = {payload.decode() for name, payload in await settled(late) if not name.startswith(("$", "observer"))}
    assert kept <= granted
    assert {payload.split("|")[2] for payload in kept} == {payload.split("|")[2] for payload in granted}


async def test_malformed_topics_end_the_connection_and_reach_nobody(fence: Fence) -> None:
    async with session(fence.port, fence.tls[OBSERVER]) as observer:
        await see_all(observer)
        before = len(await settled(observer))
        for who in (GATEWAYS[0], SERVICE):
            for name in (*MALFORMED, *BROKEN_UTF8):
                async with session(fence.port, fence.tls[who]) as link:
                    code = await link.publish(name, b"malformed")
                    assert link.closed.is_set() if code is None else code >= 0x80, (who, name, code)
        after = (await settled(observer))[before:]
    assert [payload for _, payload in after if payload == b"malformed"] == []


def patterns() -> list[str]:
    return [
        *TOPICS, "#", "+", "+/#", "telltale/#", "telltale/v1/#", "telltale/v1/+/+", "$SYS/#", "$SYS/+/+", "$SYS/broker/#",
        *(f"telltale/v1/+/{verb}" for verb in Verb), *(f"telltale/v1/{owner}/#" for owner in OWNERS),
        *(f"+/+/{owner}/+" for owner in OWNERS), "telltale/+/gw-a/frame", "+/v1/gw-b/stored", "observer/#", "$CONTROL/#",
    ]  # fmt: skip


async def listen_to(
    fence: Fence, who: str, filters: list[str], ready: asyncio.Barrier, done: asyncio.Event
) -> set[str]:
    """The topics that one identity hears through all of these filters."""
    async with session(fence.port, fence.tls[who]) as link:
        for pattern in filters:
            await link.subscribe(pattern)
            assert not link.closed.is_set(), (who, pattern)
        await ready.wait()
        await done.wait()
        await link.ping()
        return {name for name, _ in link.received}


@pytest.mark.parametrize("prefix", ["", "$share/{who}/", "$share/thieves/"], ids=["plain", "shared", "one group"])
async def test_only_what_is_granted_is_heard(fence: Fence, prefix: str) -> None:
    """Every identity asks for everything; then every topic is published to, where retained messages lie already."""
    ordinary = [name for name in TOPICS if not name.startswith("$")]  # the broker keeps $ to itself
    done, ready = asyncio.Event(), asyncio.Barrier(len(WHO) + 1)
    async with session(fence.port, fence.tls[OBSERVER]) as observer, asyncio.TaskGroup() as tasks:
        for name in ordinary:
            await observer.publish(name, b"kept", retain=True)
        hearing = {}
        for who in WHO:
            filters = [prefix.format(who=who) + pattern for pattern in patterns()]
            hearing[who] = tasks.create_task(listen_to(fence, who, filters, ready, done))
        await ready.wait()
        for name in ordinary:
            await observer.publish(name, b"live")
        await settled(observer)
        await heard_uptime(observer)
        done.set()
    for who, task in hearing.items():
        may = {name for name in TOPICS if may_read(who, name)}
        assert task.result() - may == set(), f"{who} heard what it may not"
        if "thieves" not in prefix:  # one of a group hears what another one of it does not
            missed = {name for name in may if not name.startswith("$") or not prefix} - task.result()
            assert missed == set(), f"{who} did not hear what it may"


async def heard_uptime(observer: Link) -> None:
    await observer.subscribe("$SYS/broker/uptime")
    async with asyncio.timeout(30):
        while not any(name == "$SYS/broker/uptime" for name, _ in observer.received):
            await asyncio.sleep(0.05)


async def test_another_s_client_id_neither_ends_nor_steals_its_session(fence: Fence) -> None:
    async with session(fence.port, fence.tls["gw-a"], connect_packet("gw-a")) as owner:
        await owner.subscribe("telltale/v1/gw-a/stored")
        for thief in ("gw-b", HEALTH):
            for clean in (True, False):
                connect = connect_packet("gw-a", clean_start=clean, username="gw-a")
                async with session(fence.port, fence.tls[thief], connect) as link:
                    await link.ping()
        assert await owner.ping()
        async with session(fence.port, fence.tls[SERVICE]) as service:
            assert await service.publish("telltale/v1/gw-a/stored", b"still mine") == 0
        assert await owner.ping()
    assert ("telltale/v1/gw-a/stored", b"still mine") in owner.received
    assert not owner.closed.is_set()


async def test_a_user_name_of_one_s_own_choice_counts_for_nothing(fence: Fence) -> None:
    connect = connect_packet("gw-a", username=SERVICE)
    async with session(fence.port, fence.tls["gw-b"], connect) as link:
        assert await link.publish("telltale/v1/gw-a/stored", b"forged") == NOT_AUTHORIZED

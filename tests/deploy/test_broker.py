"""The deployment's Mosquitto settings, certificates and access list on a real Mosquitto."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt import client as paho

from telltale.topics import Verb, subscription, topic
from telltale.wire.codec import MAX_PACKET_BYTES
from tests.deploy.secrets import DEPLOY, make_secrets
from tests.servers.process import Server, free_port, running, wait_until
from tests.servers.programs import program

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here"),
]
DEADLINE_S = 20.0
NOT_AUTHORIZED = "Not authorized"
ACCEPTED = ("Success", "No matching subscribers")
A, B = "gw-riverside", "gw-dam"


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_secrets(tmp_path_factory.mktemp("secrets"), gateways=f"{A} {B}")


@pytest.fixture(scope="module")
def broker(secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The committed settings; only paths and the port are this machine's."""
    folder = tmp_path_factory.mktemp("mosquitto")
    found = program("mosquitto", "mosquitto")
    port = free_port()
    text = (DEPLOY / "mosquitto" / "mosquitto.conf").read_text()
    for committed, here in (
        ("listener 8883", f"listener {port} 127.0.0.1"),
        ("/run/telltale/", f"{secrets}/broker/"),
        ("/mosquitto/config/acl.conf", str(DEPLOY / "mosquitto" / "acl.conf")),
        ("/mosquitto/data/", f"{folder}/"),
    ):
        assert committed in text
        text = text.replace(committed, here)
    if os.geteuid() == 0:  # it would drop to a user that may not read here
        text += "user root\n"
    (folder / "mosquitto.conf").write_text(text)
    command = [str(found.path), "-c", str(folder / "mosquitto.conf")]
    with running(Server(command, port, folder / "mosquitto.log", found.full_environment())) as server:
        yield server


def certificate(secrets: Path, who: str) -> ssl.SSLContext:
    folder, name = {"service": ("service", "service"), "health": ("broker", "health")}.get(
        who, (f"gateways/{who}", "gateway")
    )
    context = ssl.create_default_context(cafile=str(secrets / "ca" / "ca.crt"))
    context.load_cert_chain(secrets / folder / f"{name}.crt", secrets / folder / f"{name}.key")
    return context


def client(broker: Server, tls: ssl.SSLContext | None, identifier: str | None = None) -> aiomqtt.Client:
    return aiomqtt.Client(
        "localhost",
        broker.port,
        tls_context=tls,
        identifier=identifier,
        protocol=aiomqtt.ProtocolVersion.V5,
        timeout=DEADLINE_S,
    )


def answer(broker: Server, tls: ssl.SSLContext, name: str, payload: bytes = b"x") -> str:
    """The broker's MQTT 5 reason for one publication (aiomqtt does not hand PUBACK reasons on).

    A connection each: Mosquitto 2.0.11 closes one after it has answered "Not authorized" on it.
    """
    reasons: list[str] = []
    sender = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    sender.on_publish = lambda _client, _data, _number, code, _properties: reasons.append(str(code))
    sender.tls_set_context(tls)
    sender.connect("localhost", broker.port)

    def until(condition: Callable[[], object]) -> bool:
        sender.loop(timeout=0.02)
        return bool(condition())

    wait_until(lambda: until(sender.is_connected), "the broker's welcome", DEADLINE_S)
    sender.publish(name, payload, qos=1)
    wait_until(lambda: until(lambda: reasons), f"an answer on {name}", DEADLINE_S)
    sender.disconnect()
    return reasons[0]


@pytest.mark.parametrize("verb", Verb)
def test_a_gateway_publishes_on_its_own_topics_and_on_no_other_s(broker: Server, secrets: Path, verb: Verb):
    assert answer(broker, certificate(secrets, A), topic(A, verb)) in ACCEPTED
    assert answer(broker, certificate(secrets, A), topic(B, verb)) == NOT_AUTHORIZED


@pytest.mark.parametrize(
    "name", ["elsewhere", "telltale/v1/frame", "telltale/v1/GW-RIVERSIDE/frame", "$SYS/broker/uptime"]
)
def test_a_gateway_publishes_nowhere_else(broker: Server, secrets: Path, name: str):
    assert answer(broker, certificate(secrets, A), name) == NOT_AUTHORIZED


async def test_a_gateway_hears_its_own_store_acks_and_no_other_s(broker: Server, secrets: Path):
    async with (
        client(broker, certificate(secrets, A)) as gateway,
        client(broker, certificate(secrets, "service")) as service,
    ):
        await gateway.subscribe("#", qos=1)
        await gateway.subscribe(topic(A, Verb.STORED), qos=1)
        await service.publish(topic(B, Verb.STORED), b"for the other", qos=1)
        await service.publish(topic(A, Verb.STORED), b"mine", qos=1)
        async with asyncio.timeout(DEADLINE_S):
            message = await anext(aiter(gateway.messages))
        assert (message.topic.value, message.payload) == (topic(A, Verb.STORED), b"mine")


async def test_the_service_hears_every_gateway(broker: Server, secrets: Path):
    async with client(broker, certificate(secrets, "service")) as service:
        await service.subscribe(subscription(Verb.FRAME), qos=1)
        heard = set()
        for gateway in (A, B):
            async with client(broker, certificate(secrets, gateway)) as sender:
                await sender.publish(topic(gateway, Verb.FRAME), b"x", qos=1)
        async with asyncio.timeout(DEADLINE_S):
            async for message in service.messages:
                heard.add(message.topic.value)
                if len(heard) == 2:
                    break
        assert heard == {topic(A, Verb.FRAME), topic(B, Verb.FRAME)}


async def test_the_health_check_reads_the_uptime_and_nothing_else(broker: Server, secrets: Path):
    async with client(broker, certificate(secrets, "health")) as probe:
        await probe.subscribe("$SYS/broker/uptime")
        async with asyncio.timeout(DEADLINE_S):
            assert b"seconds" in bytes((await anext(aiter(probe.messages))).payload)
    assert answer(broker, certificate(secrets, "health"), topic(A, Verb.STORED)) == NOT_AUTHORIZED


# An MQTT 5 CONNECT with the client id "x" (MQTT 5.0, 3.1).
CONNECT = bytes.fromhex("100e00044d5154540502003c0000") + b"\x01x"


def welcome(broker: Server, tls: ssl.SSLContext | None) -> bytes:
    """The first byte that the broker sends to a client: b"\\x20" is CONNACK, b"" is a closed door."""
    with socket.create_connection(("127.0.0.1", broker.port), timeout=DEADLINE_S) as bare:
        try:
            with tls.wrap_socket(bare, server_hostname="localhost") if tls else bare as connection:
                connection.sendall(CONNECT)
                return connection.recv(1)
        except (ssl.SSLError, ConnectionError):
            return b""


def test_only_certificates_of_this_deployment_are_let_in(broker: Server, secrets: Path, tmp_path: Path):
    bare = ssl.create_default_context(cafile=str(secrets / "ca" / "ca.crt"))
    stranger = certificate(make_secrets(tmp_path, gateways=A), A)
    stranger.load_verify_locations(str(secrets / "ca" / "ca.crt"))
    assert welcome(broker, certificate(secrets, A)) == b"\x20"
    for refused in (bare, stranger, None):
        assert welcome(broker, refused) == b""


async def test_a_gateway_cannot_throw_another_out_by_its_client_id(broker: Server, secrets: Path):
    async with AsyncExitStack() as stack:
        victim = await stack.enter_async_context(client(broker, certificate(secrets, A), A))
        await victim.subscribe(topic(A, Verb.STORED), qos=1)
        await stack.enter_async_context(client(broker, certificate(secrets, B), A))
        service = await stack.enter_async_context(client(broker, certificate(secrets, "service")))
        await service.publish(topic(A, Verb.STORED), b"still here", qos=1)
        async with asyncio.timeout(DEADLINE_S):
            assert (await anext(aiter(victim.messages))).payload == b"still here"


def test_a_frame_somewhat_above_the_limit_still_reaches_the_service(broker: Server, secrets: Path):
    payload = bytes(MAX_PACKET_BYTES + 1)
    assert answer(broker, certificate(secrets, A), topic(A, Verb.FRAME), payload) in ACCEPTED

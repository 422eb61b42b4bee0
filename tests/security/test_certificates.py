"""Who gets in at all: certificates of every bad kind against the deployment's broker, and TLS versions."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from cloud_service.pki.roles import Identity, server
from telltale.broker import BrokerSettings, tls_context
from tests.e2e.service import telltale
from tests.security.chain import broker_table, edge_toml
from tests.security.mqtt5 import RefusedError, connect_packet, session
from tests.security.site import Deployment, client_tls, new_deployment, now, secured_broker
from tests.servers.process import Server, running

pytestmark = pytest.mark.e2e
DEADLINE_S = 20.0


@dataclass(frozen=True)
class Door:
    deployment: Deployment
    broker: Server


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    deployment = new_deployment(tmp_path_factory.mktemp("door"))
    deployment.files("gw-revoked")
    deployment.revoke("gw-revoked")
    broker = secured_broker(deployment, deployment.folder / "mosquitto")
    with running(broker):
        yield Door(deployment, broker)


async def lets_in(broker: Server, tls: ssl.SSLContext | None) -> bool:
    try:
        async with session(broker.port, tls) as link:
            return await link.ping()
    except RefusedError:
        return False


def server_named(name: str) -> Identity:
    return server(name, ("localhost",))


def self_signed(made: Deployment) -> tuple[Path, Path]:
    """The certificate of an authority that vouches for itself alone."""
    other = new_deployment(made.folder / "self", "gw-a")
    return other.ca, other.folder / "ca" / "ca.key"


def bad_certificates(made: Deployment) -> dict[str, tuple[tuple[Path, Path] | None, str]]:
    """Certificate and key, and what the broker's alert says of them."""
    # Authorities of other sites: one with a name of its own, one with ours.
    stranger = new_deployment(made.folder / "stranger", "Another CA")
    twin = new_deployment(made.folder / "twin")
    return {
        "none": (None, "handshake failure"),
        "of another authority": (stranger.files("gw-a"), "unknown ca"),
        "of another authority with our authority's name": (twin.files("gw-a"), "unknown ca"),
        "self-signed": (self_signed(made), "unknown ca"),
        "expired": (made.dated("gw-old", now() - timedelta(days=900), 825), "certificate expired"),
        "not yet valid": (made.dated("gw-early", now() + timedelta(days=30), 825), "bad certificate"),
        "revoked": (made.files_as_they_are("gw-revoked"), "certificate revoked"),
        "a server's": (made.files("broker"), "unsupported certificate"),
        "a server's, by a gateway's name": (
            made.files("gw-server", server_named("gw-server")),
            "unsupported certificate",
        ),
    }


async def test_nobody_gets_in_with_a_bad_certificate(door: Door) -> None:
    made = door.deployment
    good = made.tls("gw-a")
    assert await lets_in(door.broker, good)
    for what, (files, alert) in bad_certificates(made).items():
        tls = client_tls(made.ca, *files) if files else client_tls(made.ca)
        assert not await lets_in(door.broker, tls), what
        # In TLS 1.2 the broker's reason comes within the handshake.
        tls.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError) as refusal:
            talk(tls, "localhost", door.broker.port)
        assert f"alert {alert}" in str(refusal.value), (what, refusal.value)
    assert not await lets_in(door.broker, None), "plaintext"
    assert await lets_in(door.broker, good)


async def test_a_certificate_without_its_key_is_of_no_use(door: Door) -> None:
    certificate, _ = door.deployment.files("gw-a")
    _, key = door.deployment.files("gw-b")
    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
        client_tls(door.deployment.ca, certificate, key)


def old_client(made: Deployment, name: str = "gw-a") -> ssl.SSLContext:
    """A client that offers TLS 1.1 and nothing newer, at the level where OpenSSL still does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_verify_locations(str(made.ca))
    context.load_cert_chain(*made.files(name))
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def old_server(made: Deployment) -> ssl.SSLContext:
    """A server that speaks TLS 1.1 and nothing newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(*made.files("broker"))
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def echo(context: ssl.SSLContext) -> int:
    """The port of a server that takes one connection, and sends its first byte back."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener:
            connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
            secured.sendall(secured.recv(1))

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_1_1_is_refused_by_the_broker_and_not_by_the_client(door: Door) -> None:
    client = old_client(door.deployment)
    assert talk(client, "localhost", echo(old_server(door.deployment))) == "TLSv1.1 10"  # our CONNECT, echoed
    with socket.create_connection(("127.0.0.1", door.broker.port), timeout=DEADLINE_S) as bare:  # noqa: SIM117
        # The alert comes over the wire: it is the broker's.
        with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
            client.wrap_socket(bare, server_hostname="localhost")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_1_2_and_1_3_are_spoken(door: Door, version: ssl.TLSVersion) -> None:
    tls = door.deployment.tls("gw-a")
    tls.minimum_version = tls.maximum_version = version
    assert await lets_in(door.broker, tls)


# Our own side: to whom the agent and the service talk.


def ours(made: Deployment, host: str, name: str = "gw-a") -> ssl.SSLContext:
    certificate, key = made.files(name)
    settings = BrokerSettings(host=host, port=8883, ca_file=str(made.ca), cert_file=str(certificate), key_file=str(key))
    context = tls_context(settings, "edge.toml")
    assert context is not None
    return context


def talk(context: ssl.SSLContext, host: str, port: int) -> str:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as bare,
        context.wrap_socket(bare, server_hostname=host) as connection,
    ):
        connection.sendall(connect_packet())
        return f"{connection.version()} {connection.recv(1).hex()}"


def test_our_clients_check_the_broker_s_name_and_authority(door: Door) -> None:
    port, made = door.broker.port, door.deployment
    assert talk(ours(made, "localhost"), "localhost", port) == "TLSv1.3 20"
    assert talk(ours(made, "127.0.0.1"), "127.0.0.1", port) == "TLSv1.3 20"
    with pytest.raises(ssl.SSLCertVerificationError, match=r"mqtt\.example\.org"):
        talk(ours(made, "mqtt.example.org"), "mqtt.example.org", port)
    stranger = new_deployment(made.folder / "their own")
    with pytest.raises(ssl.SSLCertVerificationError):
        talk(ours(stranger, "localhost"), "localhost", port)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_our_clients_do_not_go_back_to_tls_1_1(door: Door) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        talk(ours(door.deployment, "localhost"), "localhost", echo(old_server(door.deployment)))


def test_a_gateway_cannot_pose_as_the_broker(door: Door) -> None:
    """Its certificate is a client's, whatever name it has."""
    poser = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    poser.load_cert_chain(*door.deployment.files("localhost"))
    context = ours(door.deployment, "localhost")
    context.check_hostname = False  # so that the purpose alone decides
    with pytest.raises(ssl.SSLCertVerificationError, match="unsuitable certificate purpose"):
        talk(context, "localhost", echo(poser))


def test_the_technician_hears_why_there_is_no_connection(door: Door, tmp_path: Path) -> None:
    made, other = door.deployment, new_deployment(tmp_path / "other", "Another CA")
    for name, files, ca, words in (
        ("gw-revoked", made.files_as_they_are("gw-revoked"), made.ca, "alert certificate revoked"),
        ("gw-a", other.files("gw-a"), made.ca, "alert unknown ca"),
        ("gw-a", made.files("gw-a"), other.ca, "TLS: self-signed certificate in certificate chain"),
    ):
        config = edge_toml(tmp_path / "gw", name, broker_table(door.broker.port, ca, *files))
        done = telltale("edge", "check", "-c", config, "--seconds", "1", folder=tmp_path)
        assert done.returncode == 2
        assert words in done.stderr.splitlines()[-1]


def test_what_is_issued_passes_openssl_s_strict_rules(door: Door) -> None:
    context = ours(door.deployment, "localhost")
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    assert talk(context, "localhost", door.broker.port) == "TLSv1.3 20"


async def test_many_bad_ones_at_once_do_not_keep_a_good_one_out(door: Door) -> None:
    made = door.deployment
    bad = client_tls(made.ca, *made.files_as_they_are("gw-revoked"))
    answers = await asyncio.gather(
        *(lets_in(door.broker, bad) for _ in range(50)), lets_in(door.broker, made.tls("gw-a"))
    )
    assert answers == [False] * 50 + [True]

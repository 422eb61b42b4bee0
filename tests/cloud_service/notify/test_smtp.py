"""Real conversations with a real SMTP server, over loopback."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from cloud_service.notify.notifiers.smtp import SmtpSettings, check, open_notifier
from cloud_service.notify.port import Envelope, MailRefusedError
from telltale.durable_file import write_durably
from telltale.errors import RetryError, SettingsError
from tests.servers.process import free_port
from tests.servers.smtp import Mailbox

MAIL = Envelope("m1@telltale", "telltale@example.org", b"Subject: x\r\n\r\nhello\r\n")


class Picky:
    """Answers each recipient as its name says."""

    def __init__(self) -> None:
        self.kept: list[list[str]] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address.startswith("later"):
            return "451 try again later"
        if address.startswith("never"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.kept.append(list(envelope.rcpt_tos))
        return "250 OK"


@contextlib.contextmanager
def serving(handler: Any, **options: Any) -> Iterator[int]:
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "server.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(path), "-out", str(path)]
    # Certificate and key end up in one file: openssl writes the key first and appends nothing, hence two files joined.
    key = tmp_path / "key.pem"
    names[-3] = str(key)
    subprocess.run([*command, *names], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return path


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def send(settings: SmtpSettings, *addresses: str, base: Path = Path()) -> Any:
    check(settings, "test")
    return await open_notifier(settings, base, "test").send(MAIL, addresses or ("ada@example.org",))


async def test_a_mail_arrives_with_its_envelope(smtp_server: Mailbox) -> None:
    receipt = await send(SmtpSettings(port=smtp_server.port), "ada@example.org", "otto@example.org")
    assert receipt.accepted == ("ada@example.org", "otto@example.org")
    sender, recipients, content = smtp_server.envelopes[0]
    assert (sender, recipients) == ("telltale@example.org", ["ada@example.org", "otto@example.org"])
    assert b"hello" in content


async def test_each_recipient_has_an_outcome_of_its_own() -> None:
    handler = Picky()
    with serving(handler) as port:
        receipt = await send(SmtpSettings(port=port), "ada@x.org", "later@x.org", "never@x.org")
    assert receipt.accepted == ("ada@x.org",)
    assert receipt.deferred == {"later@x.org": "451 try again later"}
    assert receipt.refused == {"never@x.org": "550 no such user"}
    assert handler.kept == [["ada@x.org"]]


async def test_all_recipients_refused_is_no_error() -> None:
    with serving(Picky()) as port:
        receipt = await send(SmtpSettings(port=port), "never@x.org", "later@x.org")
    assert receipt.accepted == ()
    assert set(receipt.refused) == {"never@x.org"}
    assert set(receipt.deferred) == {"later@x.org"}


async def test_4xx_to_the_message_is_for_later(smtp_server: Mailbox) -> None:
    smtp_server.answer_next = ["452 mailbox full"]
    with pytest.raises(RetryError, match="452 mailbox full"):
        await send(SmtpSettings(port=smtp_server.port))


async def test_5xx_to_the_message_is_for_ever(smtp_server: Mailbox) -> None:
    smtp_server.answer_next = ["554 looks like spam"]
    with pytest.raises(MailRefusedError, match="554 looks like spam"):
        await send(SmtpSettings(port=smtp_server.port))


async def test_nobody_there_is_for_later() -> None:
    with pytest.raises(RetryError, match=r"127\.0\.0\.1"):
        await send(SmtpSettings(port=free_port(), timeout_s=2.0))


async def test_starttls_with_sign_in(certificate: Path, tmp_path: Path) -> None:
    seen: list[bytes] = []

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        seen.append(data.password)
        return AuthResult(success=data.password == b"secret")

    write_durably(tmp_path / "password", b"secret\n")
    handler = Picky()
    options = {"tls_context": server_tls(certificate), "authenticator": authenticate, "auth_required": True}
    with serving(handler, **options) as port:
        settings = SmtpSettings(
            host="localhost", port=port, username="telltale", password_file="password", ca_file=str(certificate)
        )
        assert settings.transport == "starttls"
        receipt = await send(settings, base=tmp_path)
    assert receipt.accepted == ("ada@example.org",)
    assert seen == [b"secret"]


async def test_starttls_that_is_not_on_offer_ends_the_conversation(smtp_server: Mailbox) -> None:
    with pytest.raises(RetryError):
        await send(SmtpSettings(port=smtp_server.port, security="starttls"))
    assert smtp_server.envelopes == []


async def test_a_certificate_of_nobody_ends_the_conversation(certificate: Path) -> None:
    handler = Picky()
    with serving(handler, tls_context=server_tls(certificate)) as port, pytest.raises(RetryError):
        await send(SmtpSettings(host="localhost", port=port, security="starttls"))
    assert handler.kept == []


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (SmtpSettings(host="mail.example.org", security="none"), "notify: security"),
        (SmtpSettings(security="none", username="u", password_env="P"), "notify: username"),
        (SmtpSettings(host="mail.example.org", username="u"), "notify: password_file"),
        (SmtpSettings(host="mail.example.org", password_env="P"), "notify: password_env"),
    ],
)
def test_unsafe_settings_are_named(settings: SmtpSettings, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        check(settings, "cloud.toml: notify")


def test_beyond_loopback_tls_is_what_auto_means() -> None:
    assert SmtpSettings(host="mail.example.org").transport == "starttls"
    assert SmtpSettings().transport == "none"


@pytest.mark.parametrize("content", [None, ""])
def test_a_password_that_is_not_there_is_named(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        write_durably(tmp_path / "password", content.encode())
    settings = SmtpSettings(host="mail.example.org", username="u", password_file="password")
    with pytest.raises(SettingsError, match="password_file"):
        open_notifier(settings, tmp_path, "cloud.toml: notify")

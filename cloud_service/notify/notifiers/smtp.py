"""Mails through a real SMTP server (RFC 5321), with TLS wherever the connection leaves this machine."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import aiosmtplib
from msgspec import Meta

from cloud_service.notify.basics import NotifyBasics
from cloud_service.notify.port import Envelope, MailRefusedError, Notifier, Receipt
from telltale.broker import is_loopback
from telltale.errors import RetryError, SettingsError
from telltale.private_file import check_private


class SmtpSettings(NotifyBasics, frozen=True, tag="smtp"):
    """`[notify]` with `kind = "smtp"`.

    Attributes:
        host, port: the server.
        security: "starttls" (usually port 587), "tls" from the first byte (465), or "none", on loopback only. "auto" is
            "none" on loopback without a username, else "starttls".
        username: empty: no sign-in. Signing in needs TLS, on loopback too.
        password_file, password_env: where the password stands; exactly one of them with a username.
        ca_file: certificate authority of the server; empty: the system's.
        timeout_s: for each step of the conversation.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    security: Literal["auto", "starttls", "tls", "none"] = "auto"
    username: str = ""
    password_file: str = ""
    password_env: str = ""
    ca_file: str = ""
    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 30.0

    @property
    def transport(self) -> Literal["starttls", "tls", "none"]:
        """`security` with "auto" resolved."""
        if self.security != "auto":
            return self.security
        return "none" if is_loopback(self.host) and not self.username else "starttls"


class SmtpNotifier:
    """One conversation a mail: connect, TLS, sign in, MAIL, RCPT for each address, DATA."""

    def __init__(self, settings: SmtpSettings, password: str | None, tls: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._password = password
        self._tls = tls

    async def send(self, mail: Envelope, recipients: Sequence[str]) -> Receipt:
        """Hand the mail to the server (see the port for errors)."""
        client = self._client()
        try:
            await client.connect()
            # With recipients refused one by one, DATA still goes out for the others.
            errors, _ = await client.sendmail(mail.sender, list(recipients), mail.content)
        except aiosmtplib.SMTPRecipientsRefused as error:
            answers = {item.recipient: (item.code, item.message) for item in error.recipients}
            return _receipt(recipients, answers)
        except aiosmtplib.SMTPDataError as error:
            raise _data_error(error) from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise RetryError(f"{self._settings.host}:{self._settings.port}: {_line(str(error))}") from None
        finally:
            await self._leave(client)
        return _receipt(recipients, {address: (answer.code, answer.message) for address, answer in errors.items()})

    async def close(self) -> None:
        """Nothing to release: each mail has a connection of its own."""

    def _client(self) -> aiosmtplib.SMTP:
        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            timeout=settings.timeout_s,
            username=settings.username or None,
            password=self._password,
            use_tls=settings.transport == "tls",
            # True, not None: without STARTTLS on offer the conversation ends instead of going on in plaintext.
            start_tls=settings.transport == "starttls",
            tls_context=self._tls,
        )

    async def _leave(self, client: aiosmtplib.SMTP) -> None:
        # The mail's fate is known by now; a server that is rude at the end changes nothing.
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            if client.is_connected:
                await client.quit()
        client.close()


def _receipt(recipients: Sequence[str], errors: Mapping[str, tuple[int, str]]) -> Receipt:
    answers = {address: (code, f"{code} {_line(message)}") for address, (code, message) in errors.items()}
    return Receipt(
        accepted=tuple(address for address in recipients if address not in answers),
        deferred={address: text for address, (code, text) in answers.items() if code < 500},
        refused={address: text for address, (code, text) in answers.items() if code >= 500},
    )


def _data_error(error: aiosmtplib.SMTPDataError) -> Exception:
    answer = f"{error.code} {_line(error.message)}"
    return MailRefusedError(answer) if error.code >= 500 else RetryError(answer)


def _line(text: str) -> str:
    return " ".join(text.split())[:300]


def check(settings: SmtpSettings, where: str) -> None:
    """Refuse plaintext beyond loopback and sign-in without TLS.

    Raises:
        SettingsError: names the setting.
    """
    if settings.transport == "none":
        if not is_loopback(settings.host):
            raise SettingsError(
                f'{where}: security: "none", and {settings.host} is not loopback',
                'set "starttls" or "tls": plaintext never leaves this machine',
            )
        if settings.username:
            raise SettingsError(
                f'{where}: username: given with security = "none"',
                'set security = "starttls" or "tls": a password never crosses a connection in plaintext',
            )
    sources = [name for name in ("password_file", "password_env") if getattr(settings, name)]
    if settings.username and len(sources) != 1:
        raise SettingsError(f"{where}: password_file: missing", "give password_file or password_env with username")
    if sources and not settings.username:
        raise SettingsError(f"{where}: {sources[0]}: given without username", "add username or remove it")


def open_notifier(settings: SmtpSettings, base: Path, where: str) -> Notifier:
    """A notifier for the server of the settings.

    Raises:
        SettingsError: the password or the certificate authority cannot be read; names the setting, not its content.
    """
    password = _password(settings, base, where) if settings.username else None
    return SmtpNotifier(settings, password, _tls(settings, base, where))


def _password(settings: SmtpSettings, base: Path, where: str) -> str:
    if settings.password_env:
        found = os.environ.get(settings.password_env, "")
        if not found:
            raise SettingsError(f"{where}: password_env: {settings.password_env} is not set", "set it")
        return found
    path = base / settings.password_file
    check_private(path, f"{where}: password_file")
    try:
        found = path.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{where}: password_file: {path} cannot be read ({error})") from None
    if not found:
        raise SettingsError(f"{where}: password_file: {path} is empty", "write the password into it")
    return found


def _tls(settings: SmtpSettings, base: Path, where: str) -> ssl.SSLContext | None:
    if settings.transport == "none":
        return None
    try:
        context = ssl.create_default_context(cafile=str(base / settings.ca_file) if settings.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"{where}: ca_file: {settings.ca_file} cannot be used ({error})") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context

"""The notifier port: one way to hand a mail over, one file under `notifiers/`, one line in `notifiers/__init__.py`.

Life cycle: opened by its factory, used from one event loop for one mail at a time, closed once.

Acknowledgement: an address in `Receipt.accepted` has been handed over durably (an SMTP server answered 250 to the
whole message, a file is on the disk). After any doubt the runner sends again, with the same Message-ID and the same
bytes, to the addresses that are still open.

Errors: `RetryError` when nobody could be reached for now (connection, time-out, 4xx, the server refuses our account);
`MailRefusedError` when this message can never be taken. Anything about single addresses stands in the receipt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from telltale.errors import TelltaleError


class MailRefusedError(TelltaleError):
    """This mail can never be sent as it is; sending it again would not help."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A finished mail.

    Attributes:
        message_id: without angle brackets; the same for every repeat.
        sender: address of the return path.
        content: the whole message, 7-bit clean, CRLF.
    """

    message_id: str
    sender: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of each address.

    Attributes:
        accepted: handed over.
        deferred: address → answer; later it may be taken.
        refused: address → answer; never.
    """

    accepted: tuple[str, ...] = ()
    deferred: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


class Notifier(Protocol):
    """A way to hand mails over."""

    async def send(self, mail: Envelope, recipients: Sequence[str]) -> Receipt:
        """Hand `mail` over to each address."""

    async def close(self) -> None:
        """Release what the notifier holds; safe to call twice."""


@dataclass(frozen=True, slots=True)
class NotifierKind:
    """An entry of the registry.

    Attributes:
        settings: the type of `[notify]` with this kind.
        check: raises SettingsError for what types cannot tell; no I/O. Called with the settings and their place.
        open: makes the notifier from its settings, the folder that relative paths start from, and their place.
    """

    settings: type[Any]
    check: Callable[[Any, str], None]
    open: Callable[[Any, Path, str], Notifier]

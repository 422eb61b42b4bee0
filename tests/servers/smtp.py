"""A real SMTP server (aiosmtpd) that keeps what it was given."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from tests.servers.process import free_port


class Mailbox:
    """The server's handler: messages as bytes, with the envelope; `answer_next` overrides the answer to DATA."""

    def __init__(self) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.envelopes: list[tuple[str, list[str], bytes]] = []
        self.answer_next: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.answer_next:
            return self.answer_next.pop(0)
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos), bytes(envelope.content)))
        return "250 OK"

    def messages(self) -> list[EmailMessage]:
        parsed = [message_from_bytes(content, policy=policy.default) for _, _, content in self.envelopes]
        return [message for message in parsed if isinstance(message, EmailMessage)]


@contextlib.contextmanager
def smtp_mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    mailbox.port = free_port()
    controller = Controller(mailbox, hostname=mailbox.host, port=mailbox.port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()

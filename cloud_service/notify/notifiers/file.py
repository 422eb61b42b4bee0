"""Mails as `.eml` files in a folder: for sites without a mail server, and for another program to pick up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from cloud_service.notify.basics import NotifyBasics
from cloud_service.notify.port import Envelope, Notifier, Receipt
from telltale.durable_file import PUBLIC, make_folder, write_durably
from telltale.errors import RetryError


class FileSettings(NotifyBasics, frozen=True, tag="file"):
    """`[notify]` with `kind = "file"`.

    Attributes:
        folder: where the files go; relative to the folder of `cloud.toml`.
    """

    folder: str = "mails"


class FileNotifier:
    """Writes each mail to `<hash of its Message-ID>.eml`, so that a repeat replaces itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, mail: Envelope, recipients: Sequence[str]) -> Receipt:
        """Write the file; every address counts as accepted once it is on the disk."""
        try:
            await asyncio.to_thread(self._write, mail)
        except OSError as error:
            raise RetryError(f"{self._folder}: {error.strerror or error}") from None
        return Receipt(accepted=tuple(recipients))

    async def close(self) -> None:
        """Nothing to release."""

    def _write(self, mail: Envelope) -> None:
        make_folder(self._folder)
        write_durably(self._folder / f"{sha256(mail.message_id.encode()).hexdigest()[:24]}.eml", mail.content, PUBLIC)


def check(_settings: FileSettings, _where: str) -> None:
    """Nothing that the types do not tell."""


def open_notifier(settings: FileSettings, base: Path, _where: str) -> Notifier:
    """A notifier for the folder of the settings."""
    return FileNotifier(base / settings.folder)

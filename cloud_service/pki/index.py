"""What the authority has issued and revoked: `index.json`, replaced as a whole, held by one command at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from cloud_service.pki.roles import Role
from telltale.durable_file import write_durably
from telltale.errors import FatalError, UserError

INDEX = "index.json"


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate.

    Attributes:
        serial: hexadecimal, as `openssl x509 -serial` shows it.
        role, name: whose.
        hosts: of a server.
        not_before, not_after: its validity, UTC.
        key: SHA-256 of the public key, hexadecimal: a revoked key is never certified again.
        revoked_at, reason: set when it was revoked.
    """

    serial: str
    role: Role
    name: str
    hosts: tuple[str, ...] = ()
    not_before: datetime
    not_after: datetime
    key: str
    revoked_at: datetime | None = None
    reason: str = ""

    def valid(self, now: datetime) -> bool:
        """Whether it lets its holder in."""
        return self.revoked_at is None and now < self.not_after


class Index(msgspec.Struct, kw_only=True):
    """The whole file.

    Attributes:
        publish: where revocation lists are copied to: the `crlfile` of each broker.
        crl_number, crl_at: number and time (`thisUpdate`) of the newest revocation list.
        issued: every certificate, oldest first.
    """

    publish: list[str] = msgspec.field(default_factory=list)
    crl_number: int = 0
    crl_at: datetime | None = None
    issued: list[Issued] = msgspec.field(default_factory=list)

    def valid(self, name: str, now: datetime) -> list[Issued]:
        """The certificates of a name that let somebody in."""
        return [item for item in self.issued if item.name == name and item.valid(now)]

    def save(self, folder: Path) -> None:
        """Write it durably.

        Raises:
            FatalError: it cannot be written; the old one is still there.
        """
        try:
            write_durably(folder / INDEX, msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")
        except OSError as error:
            raise FatalError(f"{folder / INDEX}: cannot be written ({error.strerror or error})") from None


@contextmanager
def held_index(folder: Path) -> Iterator[Index]:
    """The index of an authority, for this command alone; save what you change.

    Raises:
        UserError: no authority is there, or another command holds it.
        FatalError: the index is damaged.
    """
    path = folder / INDEX
    if not path.is_file():
        raise UserError(f"{folder}: no certificate authority here", "make one: telltale pki init DIR --name NAME")
    try:
        lock = (folder / ".lock").open("a", encoding="ascii")
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be opened ({error.strerror})", "run this as its owner") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"{folder}: another telltale pki is at work", "run it again when that has ended") from None
        try:
            index = msgspec.json.decode(path.read_bytes(), type=Index)
        except (OSError, msgspec.DecodeError) as error:
            raise FatalError(f"{path}: cannot be used ({error})") from None
        yield index

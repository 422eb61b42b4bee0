"""`telltale pki init`: a new authority in an empty folder."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from cloud_service.pki.authority import CERTIFICATE, KEY, key_bytes, new_authority
from cloud_service.pki.crl import publish_crl, write_crl
from cloud_service.pki.desk import Desk
from cloud_service.pki.index import Index
from telltale.durable_file import PUBLIC, create_durably, make_folder, write_durably
from telltale.errors import UserError

MAX_NAME = 64


def create_authority(
    folder: Path, name: str, now: datetime, *, days: int, passphrase: bytes | None, publish: list[Path]
) -> None:
    """Make key, certificate, index and an empty revocation list.

    Raises:
        UserError: an authority is there already, the name is empty or too long, or the folder cannot be used.
    """
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise UserError(f"--name {name!r}", f"give the authority a name of 1 to {MAX_NAME} characters")
    authority = new_authority(name, now, days)
    try:
        make_folder(folder, 0o700)
        # The key first: it is what must never be overwritten, and nothing is there without it.
        create_durably(folder / KEY, key_bytes(authority.key, passphrase))
        write_durably(folder / CERTIFICATE, authority.certificate.public_bytes(Encoding.PEM), PUBLIC)
    except FileExistsError:
        raise UserError(f"{folder / KEY}: an authority is here already", "choose another folder") from None
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror or error})") from None
    index = Index(publish=[str(path.resolve()) for path in publish])
    write_crl(Desk(folder, index, authority, now))
    publish_crl(folder, index)

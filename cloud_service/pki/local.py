"""`telltale pki local`: key and certificate of a part that runs on the authority's own machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from cloud_service.pki.authority import CERTIFICATE
from cloud_service.pki.desk import Desk
from cloud_service.pki.issue import issue
from cloud_service.pki.request import read_request
from cloud_service.pki.roles import Identity
from telltale.durable_file import PRIVATE, PUBLIC, make_folder, write_durably
from telltale.errors import FatalError
from telltale.signing_request import new_key, signing_request

RENEWED_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """`FOLDER/NAME.key` and `.crt`, with the authority's certificate beside them."""

    folder: Path
    name: str

    @property
    def key(self) -> Path:
        """The private key."""
        return self.folder / f"{self.name}.key"

    @property
    def certificate(self) -> Path:
        """Its certificate."""
        return self.folder / f"{self.name}.crt"


def keep_local(desk: Desk, files: LocalFiles, whose: Identity, *, days: int) -> bool:
    """Make what is missing; renew, with a new key, in the last 30 days and when the hosts changed.

    Returns:
        Whether anything was made.

    Raises:
        UserError: as `issue`.
        FatalError: a file cannot be written.
    """
    try:
        make_folder(files.folder, 0o700)
        write_durably(files.folder / CERTIFICATE, (desk.folder / CERTIFICATE).read_bytes(), PUBLIC)
        if _is_good(desk, files, whose):
            return False
        key = new_key()
        asked = files.folder / f"{files.name}.csr"
        write_durably(asked, signing_request(key, whose.name, str(files.key)), PUBLIC)
        request = read_request(asked, whose.name)
        certificate = issue(desk, request, whose, days=days, is_renewal=True)
        write_durably(files.key, key, PRIVATE)
        write_durably(files.certificate, certificate, PUBLIC)
        asked.unlink()
    except OSError as error:
        raise FatalError(f"{files.folder}: cannot be written ({error.strerror or error})") from None
    return True


def _is_good(desk: Desk, files: LocalFiles, whose: Identity) -> bool:
    if not (files.key.is_file() and files.certificate.is_file()):
        return False
    try:
        serial = f"{x509.load_pem_x509_certificate(files.certificate.read_bytes()).serial_number:X}"
    except ValueError:
        return False
    return any(
        item.serial == serial and item.hosts == whose.hosts and item.not_after - desk.now > RENEWED_BEFORE
        for item in desk.index.valid(whose.name, desk.now)
    )

"""The revocation list: made from the index, kept beside it, and copied to where brokers read it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from cloud_service.pki.authority import BACKDATED, CRL
from cloud_service.pki.desk import Desk
from cloud_service.pki.index import Index, Issued
from telltale.durable_file import PUBLIC, write_durably
from telltale.errors import FatalError


def write_crl(desk: Desk) -> None:
    """Make a new list, newer than every one before it, and save the index.

    OpenSSL takes the list with the newest `thisUpdate`, to the second: two within a second must still differ, and none
    may lie in a broker's future. So it begins a day ago, and one second after the last one at least.

    Raises:
        FatalError: a file cannot be written.
    """
    index, begins = desk.index, desk.now - BACKDATED
    if index.crl_at is not None:
        begins = max(begins, index.crl_at + timedelta(seconds=1))
    index.crl_number += 1
    index.crl_at = begins
    index.save(desk.folder)
    _write(desk.folder / CRL, desk.authority.sign_crl(index.crl_number, begins, list(_revoked(index, desk.now))))


def publish_crl(folder: Path, index: Index) -> list[Path]:
    """Copy the list to where brokers read it; returns these places.

    Raises:
        FatalError: one of them cannot be written; the others are.
    """
    content = (folder / CRL).read_bytes()
    problems = []
    for name in index.publish:
        try:
            _write(Path(name), content)
        except FatalError as error:
            problems.append(str(error))
    if problems:
        raise FatalError(f"{'; '.join(problems)}: THE BROKER DOES NOT KNOW IT YET: mend it, then run telltale pki crl")
    return [Path(name) for name in index.publish]


def _revoked(index: Index, now: datetime) -> Iterator[x509.RevokedCertificate]:
    for item in index.issued:
        if item.revoked_at is not None and item.not_after > now - BACKDATED:
            yield _entry(item, item.revoked_at)


def _entry(item: Issued, at: datetime) -> x509.RevokedCertificate:
    return x509.RevokedCertificateBuilder().serial_number(int(item.serial, 16)).revocation_date(at).build()


def _write(path: Path, content: bytes) -> None:
    try:
        write_durably(path, content, PUBLIC)
    except OSError as error:
        raise FatalError(f"{path}: cannot be written ({error.strerror or error})") from None

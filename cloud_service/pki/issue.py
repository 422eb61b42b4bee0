"""`telltale pki issue`: a certificate for a request, for somebody who has none."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from cloud_service.pki.authority import BACKDATED
from cloud_service.pki.desk import Desk
from cloud_service.pki.index import Index, Issued
from cloud_service.pki.request import fingerprint
from cloud_service.pki.roles import Identity
from telltale.errors import UserError


def issue(
    desk: Desk,
    request: x509.CertificateSigningRequest,
    whose: Identity,
    *,
    days: int,
    is_renewal: bool,
) -> bytes:
    """Sign, and note it durably before anybody has it; returns the certificate, PEM.

    Raises:
        UserError: the name has a valid certificate and this is no renewal; the key was revoked or is another's; the
            authority ends too soon.
    """
    key = fingerprint(request)
    _check_key(desk.index, key, whose)
    valid = desk.index.valid(whose.name, desk.now)
    if valid and not is_renewal:
        until = f"{valid[-1].not_after:%Y-%m-%d}"
        raise UserError(
            f"{whose.name} has a valid certificate (until {until})", "add --renew if this is the same device"
        )
    if any(item.role is not whose.role for item in valid):
        raise UserError(f"{whose.name} is the name of a {valid[-1].role}", f"give the {whose.role} another name")
    certificate = desk.authority.sign(request, whose, desk.now - BACKDATED, _end(desk, days))
    desk.index.issued.append(_noted(certificate, whose, key))
    desk.index.save(desk.folder)
    return certificate.public_bytes(Encoding.PEM)


def _check_key(index: Index, key: str, whose: Identity) -> None:
    for item in index.issued:
        if item.key == key and item.revoked_at is not None:
            raise UserError(f"this key was revoked with certificate {item.serial}", "make a new key on the device")
        if item.key == key and item.name != whose.name:
            raise UserError(
                f"this key belongs to {item.name}", "each device makes a key of its own: was a card copied?"
            )


def _end(desk: Desk, days: int) -> datetime:
    ends = desk.authority.certificate.not_valid_after_utc
    if ends <= desk.now:
        raise UserError(f"the authority itself ended on {ends:%Y-%m-%d}", "make a new one and enrol every device there")
    return min(desk.now + timedelta(days=days), ends)


def _noted(certificate: x509.Certificate, whose: Identity, key: str) -> Issued:
    return Issued(
        serial=f"{certificate.serial_number:X}",
        role=whose.role,
        name=whose.name,
        hosts=whose.hosts,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        key=key,
    )

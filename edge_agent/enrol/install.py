"""`telltale edge enrol --certificate FILE`: checked against key, name, authority and time before it is put in place."""

from __future__ import annotations

from datetime import datetime
from itertools import zip_longest
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID

from edge_agent.enrol.files import GatewayFiles
from telltale.durable_file import PUBLIC, write_durably
from telltale.errors import UserError
from telltale.private_file import check_private
from telltale.signing_request import common_name, load_key, public_bytes

MAX_BYTES = 1_048_576


def install_certificate(
    files: GatewayFiles, gateway: str, certificate: Path, authority: Path | None, now: datetime
) -> x509.Certificate:
    """Put the certificate, and the authority's where one is given, to where the agent reads them.

    Raises:
        UserError: it does not fit; names the file and what is wrong. Nothing was changed then.
    """
    pem, authority_pem = _content(certificate), _content(authority or files.authority)
    chain = _certificates(pem, certificate)
    authorities = _certificates(authority_pem, authority or files.authority)
    found = chain[0]
    problem = _problem(found, gateway, now) or _key_problem(found, files) or _authority_problem(chain, authorities)
    if problem:
        raise UserError(f"{certificate}: {problem}", "nothing was changed")
    try:
        if authority is not None:
            write_durably(files.authority, authority_pem, PUBLIC)
        write_durably(files.certificate, pem, PUBLIC)
        files.request.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}", "run this as the files' owner") from None
    return found


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})", "give its path (--certificate, --ca)") from None


def _certificates(pem: bytes, path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise UserError(f"{path}: no certificate (PEM)", "give what the authority made") from None


def _problem(found: x509.Certificate, gateway: str, now: datetime) -> str:
    name = common_name(found.subject)
    if name != gateway:
        return f"is for {name!r}, and this gateway is {gateway!r}"
    if now >= found.not_valid_after_utc:
        return f"ended on {found.not_valid_after_utc:%Y-%m-%d}"
    if now < found.not_valid_before_utc:
        return f"is not valid before {found.not_valid_before_utc:%Y-%m-%d}: is the clock right ({now:%Y-%m-%d})?"
    try:
        usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ""
    return "" if ExtendedKeyUsageOID.CLIENT_AUTH in usage else "is not for a client"


def _key_problem(found: x509.Certificate, files: GatewayFiles) -> str:
    check_private(files.key, "broker.key_file")
    key = load_key(_content(files.key), str(files.key))
    return "" if public_bytes(key) == public_bytes(found) else f"belongs to another key than {files.key}"


def _authority_problem(chain: list[x509.Certificate], authorities: list[x509.Certificate]) -> str:
    """The first certificate is the gateway's; an authority between may follow it in the file."""
    for one, above in zip_longest(chain, chain[1:]):
        if any(_is_signed_by(one, by) for by in authorities):
            return ""
        if above is None or not _is_signed_by(one, above):
            break
    return f"was not signed by the authority {common_name(authorities[0].subject)!r}"


def _is_signed_by(one: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True

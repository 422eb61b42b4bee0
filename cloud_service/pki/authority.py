"""The authority itself: its key and certificate, and what they sign."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from cloud_service.pki.roles import Identity
from telltale.errors import UserError
from telltale.private_file import check_private

KEY, CERTIFICATE, CRL = "ca.key", "ca.crt", "crl.pem"
PASSPHRASE_VARIABLE = "TELLTALE_PKI_PASSPHRASE"  # noqa: S105 - the name of a variable
# A gateway's clock may be behind: what is signed now is valid a day ago.
BACKDATED = timedelta(days=1)

LEAF_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
AUTHORITY_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority that can sign."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def sign(
        self, request: x509.CertificateSigningRequest, whose: Identity, begins: datetime, ends: datetime
    ) -> x509.Certificate:
        """A certificate for the request's key; everything else in it comes from `whose`."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, whose.name)])
        public_key = request.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(LEAF_USAGE, critical=True)
            .add_extension(whose.usage(), critical=False)
            .add_extension(whose.alternative_names(), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(self._key_identifier(), critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def sign_crl(self, number: int, begins: datetime, revoked: list[x509.RevokedCertificate]) -> bytes:
        """A revocation list, PEM; it ends with the authority, for one that lapses would lock everybody out."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(begins)
            .next_update(self.certificate.not_valid_after_utc)
            .add_extension(self._key_identifier(), critical=False)
            .add_extension(x509.CRLNumber(number), critical=False)
        )
        for item in revoked:
            builder = builder.add_revoked_certificate(item)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def _key_identifier(self) -> x509.AuthorityKeyIdentifier:
        own = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def new_authority(name: str, now: datetime, days: int) -> Authority:
    """A new key (P-256) with a certificate signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(AUTHORITY_USAGE, critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def key_bytes(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None) -> bytes:
    """The key as PEM, encrypted where there is a passphrase."""
    kept: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, kept)


def load_authority(folder: Path, passphrase: bytes | None) -> Authority:
    """The authority of a folder.

    Raises:
        UserError: its key may be read by others, or needs (another) passphrase; names the file.
    """
    path = folder / KEY
    check_private(path, "ca key")
    try:
        text = path.read_bytes()
        key = load_pem_private_key(text, passphrase if b"ENCRYPTED" in text else None)
        certificate = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read ({error.strerror})", "run this as its owner") from None
    except (ValueError, TypeError):
        remedy = f"give the right one with --passphrase-file or {PASSPHRASE_VARIABLE}"
        raise UserError(f"{path}: cannot be opened with this passphrase", remedy) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise UserError(f"{path}: not a key of telltale pki init", "use the authority's own tools")
    return Authority(certificate, key)


def read_passphrase(path: Path | None) -> bytes | None:
    """The passphrase of a file (its first line) or of the environment; None where there is none.

    Raises:
        UserError: the file cannot be read, is empty, or may be read by others.
    """
    if path is None:
        return os.environ.get(PASSPHRASE_VARIABLE, "").encode() or None
    check_private(path, "--passphrase-file")
    try:
        first = path.read_bytes().split(b"\n", 1)[0].rstrip(b"\r")
    except OSError as error:
        raise UserError(f"--passphrase-file: {path} cannot be read ({error.strerror})") from None
    if not first:
        raise UserError(f"--passphrase-file: {path} begins with an empty line", "write the passphrase into it")
    return first

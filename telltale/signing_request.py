"""A private key and the request to have it certified. Imports `cryptography`: never by a running agent."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from telltale.errors import UserError

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def new_key() -> bytes:
    """A new private key, PEM without a passphrase. P-256: every TLS library of the last ten years takes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_key(pem: bytes, where: str) -> PrivateKey:
    """The private key of a PEM file.

    Raises:
        UserError: it is none that can be used; names `where`, never the content.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UserError(f"{where}: no private key without a passphrase", "move it away and make a new one") from None
    if not isinstance(key, PrivateKey):
        raise UserError(f"{where}: this kind of key is not used here", "move it away and make a new one")
    return key


def signing_request(key_pem: bytes, name: str, where: str) -> bytes:
    """A certificate signing request (PKCS #10, PEM) for `name` as the common name, signed by the key.

    Raises:
        UserError: the key cannot be used; names `where`.
    """
    key = load_key(key_pem, where)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, digest).public_bytes(Encoding.PEM)


def common_name(name: x509.Name) -> str:
    """The one common name of a subject; empty where there is none, or more than one."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if len(found) == 1 else ""


def public_bytes(key: x509.CertificateSigningRequest | x509.Certificate | PrivateKey) -> bytes:
    """The public key (SubjectPublicKeyInfo, DER): what tells whether two things belong to one key."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

"""A certificate signing request from outside: checked before anything is signed."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from telltale.errors import UserError
from telltale.signing_request import common_name, public_bytes

MAX_BYTES = 65_536
MIN_RSA_BITS = 3072
MIN_EC_BITS = 256
WEAK_DIGESTS = ("md5", "sha1")


def read_request(path: Path, name: str) -> x509.CertificateSigningRequest:
    """The request of a file, for `name` and nobody else.

    Raises:
        UserError: it is no request, its signature or key is not good enough, or it names somebody else.
    """
    request = _parsed(path)
    if not _is_signed(request):
        raise UserError(f"{path}: its signature does not fit its key", "make the request again on the gateway")
    problem = _weakness(request)
    if problem:
        raise UserError(f"{path}: {problem}", f"use P-256, Ed25519 or RSA of at least {MIN_RSA_BITS} bits, SHA-256")
    if common_name(request.subject) != name:
        raise UserError(
            f"{path}: asks for the name {common_name(request.subject)!r}, not {name!r}",
            "check which gateway it came from",
        )
    return request


def fingerprint(request: x509.CertificateSigningRequest) -> str:
    """SHA-256 of the public key, hexadecimal."""
    return sha256(public_bytes(request)).hexdigest()


def _parsed(path: Path) -> x509.CertificateSigningRequest:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UserError(f"{path}: larger than {MAX_BYTES} bytes", "give a signing request (PEM)")
        return x509.load_pem_x509_csr(content)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})", "give the gateway's signing request") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UserError(f"{path}: not a signing request (PEM)", "make it with telltale edge enrol") from None


def _is_signed(request: x509.CertificateSigningRequest) -> bool:
    try:
        return request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


def _weakness(request: x509.CertificateSigningRequest) -> str:
    key = request.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        weak = key.key_size < MIN_RSA_BITS
    elif isinstance(key, ec.EllipticCurvePublicKey):
        weak = key.key_size < MIN_EC_BITS
    else:
        weak = not isinstance(key, ed25519.Ed25519PublicKey)
    if weak:
        return f"a key of {getattr(key, 'key_size', 'an unknown number of')} bits ({type(key).__name__}) is too weak"
    digest = request.signature_hash_algorithm
    return f"signed with {digest.name}" if digest is not None and digest.name in WEAK_DIGESTS else ""

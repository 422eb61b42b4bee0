"""The authority: what it signs, refuses, remembers and revokes, through the real command."""

from __future__ import annotations

import json
import ssl
import stat
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from cloud_service.pki.authority import PASSPHRASE_VARIABLE
from cloud_service.pki.desk import opened_desk
from cloud_service.pki.issue import issue
from cloud_service.pki.request import read_request
from cloud_service.pki.roles import SERVICE_NAME, gateway
from telltale.cli import main
from telltale.signing_request import new_key, signing_request
from telltale.topics import is_name

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    assert pki("init", tmp_path / "ca", "--name", "Site CA", "--publish", tmp_path / "broker.pem") == 0
    return tmp_path / "ca"


def pki(*arguments: object) -> int:
    return main(["pki", *map(str, arguments)])


def refused(capsys: Printed, *arguments: object) -> str:
    """The one line that says why."""
    capsys.readouterr()
    assert pki(*arguments) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def request_of(folder: Path, name: str, key: bytes | None = None, file: str = "") -> Path:
    path = folder / f"{file or name}.csr"
    path.write_bytes(signing_request(key or new_key(), name, "test"))
    return path


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def crl(path: Path) -> x509.CertificateRevocationList:
    return x509.load_pem_x509_crl(path.read_bytes())


def test_a_gateway_s_certificate_says_what_the_authority_decided(ca: Path, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    greedy = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gw-a")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("mqtt.example.org")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "greedy.csr").write_bytes(greedy.public_bytes(Encoding.PEM))
    assert pki("issue", ca, tmp_path / "greedy.csr", "--gateway", "gw-a") == 0
    made = certificate(tmp_path / "greedy.crt")
    assert made.subject.rfc4514_string() == "CN=gw-a"
    extensions = made.extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert [usage.dotted_string for usage in extensions.get_extension_for_class(x509.ExtendedKeyUsage).value] == [
        "1.3.6.1.5.5.7.3.2"
    ]
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == []
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["urn:telltale:gateway:gw-a"]
    now = datetime.now(UTC)
    assert timedelta(hours=23) < now - made.not_valid_before_utc < timedelta(hours=25)
    assert timedelta(days=824) < made.not_valid_after_utc - now <= timedelta(days=825)


def test_no_gateway_can_be_called_like_the_service(ca: Path, tmp_path: Path, capsys: Printed) -> None:
    assert not is_name(SERVICE_NAME)
    path = request_of(tmp_path, SERVICE_NAME, file="service")
    assert "no gateway's name" in refused(capsys, "issue", ca, path, "--gateway", SERVICE_NAME)
    assert "asks for the name 'telltale:service'" in refused(capsys, "issue", ca, path, "--gateway", "service")
    assert pki("issue", ca, path, "--service") == 0


def test_the_access_list_names_these_identities() -> None:
    text = (Path(__file__).parents[3] / "deploy" / "mosquitto" / "acl.conf").read_text()
    users = {line.removeprefix("user ") for line in text.splitlines() if line.startswith("user ")}
    assert users == {"telltale:service", "telltale:health"}


@pytest.mark.parametrize("name", ["GW", "gw/+", "#", "-gw", "g" * 65, "gw\nx", "", "gw a", "gẃ"])
def test_a_name_that_is_none_is_refused(ca: Path, tmp_path: Path, capsys: Printed, name: str) -> None:
    path = request_of(tmp_path, "gw-a")
    assert "no gateway's name" in refused(capsys, "issue", ca, path, f"--gateway={name}").replace("\\n", "\n")


def test_a_request_by_another_name_is_refused(ca: Path, tmp_path: Path, capsys: Printed) -> None:
    path = request_of(tmp_path, "gw-b")
    assert "asks for the name 'gw-b', not 'gw-a'" in refused(capsys, "issue", ca, path, "--gateway", "gw-a")


def weak_requests() -> dict[str, bytes]:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gw-a")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    keys = {
        "2048 bits": rsa.generate_private_key(65537, 2048),
        "224 bits": ec.generate_private_key(ec.SECP224R1()),
        "DSA": dsa.generate_private_key(2048),
    }
    return {what: builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM) for what, key in keys.items()}


def test_weak_keys_broken_signatures_and_no_requests_are_refused(ca: Path, tmp_path: Path, capsys: Printed) -> None:
    path = tmp_path / "x.csr"
    for what, content in weak_requests().items():
        path.write_bytes(content)
        said = refused(capsys, "issue", ca, path, "--gateway", "gw-a")
        assert what in said
        assert "too weak" in said
    good = x509.load_pem_x509_csr(request_of(tmp_path, "gw-a").read_bytes()).public_bytes(Encoding.DER)
    tampered = bytearray(good)
    tampered[good.index(b"gw-a") + 3] = ord("b")
    path.write_bytes(x509.load_der_x509_csr(bytes(tampered)).public_bytes(Encoding.PEM))
    assert "signature does not fit" in refused(capsys, "issue", ca, path, "--gateway", "gw-b")
    for content in (
        b"",
        b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
        bytes(70_000),
    ):
        path.write_bytes(content)
        assert "x.csr" in refused(capsys, "issue", ca, path, "--gateway", "gw-a")
    assert "cannot be read" in refused(capsys, "issue", ca, tmp_path / "no.csr", "--gateway", "gw-a")
    assert json.loads((ca / "index.json").read_text())["issued"] == []


def test_a_name_is_issued_once_and_then_only_renewed(ca: Path, tmp_path: Path, capsys: Printed) -> None:
    assert pki("issue", ca, request_of(tmp_path, "gw-a"), "--gateway", "gw-a") == 0
    again = request_of(tmp_path, "gw-a", file="again")
    assert "--renew" in refused(capsys, "issue", ca, again, "--gateway", "gw-a")
    assert pki("issue", ca, again, "--gateway", "gw-a", "--renew") == 0
    assert certificate(tmp_path / "again.crt").serial_number != certificate(tmp_path / "gw-a.crt").serial_number


def test_a_key_belongs_to_one_device_and_a_revoked_one_to_none(ca: Path, tmp_path: Path, capsys: Printed) -> None:
    key = new_key()
    assert pki("issue", ca, request_of(tmp_path, "gw-a", key), "--gateway", "gw-a") == 0
    copied = request_of(tmp_path, "gw-b", key)
    assert "this key belongs to gw-a" in refused(capsys, "issue", ca, copied, "--gateway", "gw-b")
    assert pki("revoke", ca, "gw-a") == 0
    again = request_of(tmp_path, "gw-a", key, "again")
    assert "this key was revoked" in refused(capsys, "issue", ca, again, "--gateway", "gw-a")
    assert pki("issue", ca, request_of(tmp_path, "gw-a", file="new"), "--gateway", "gw-a") == 0


def test_revoking_by_name_and_by_serial(ca: Path, tmp_path: Path, capsys: Printed) -> None:
    for name in ("gw-a", "gw-b"):
        assert pki("issue", ca, request_of(tmp_path, name), "--gateway", name) == 0
    assert pki("issue", ca, request_of(tmp_path, "gw-a", file="new"), "--gateway", "gw-a", "--renew") == 0
    one = certificate(tmp_path / "gw-b.crt").serial_number
    assert pki("revoke", ca, f"{one:x}", "--reason", "stolen") == 0
    assert pki("revoke", ca, "gw-a") == 0
    for path in (ca / "crl.pem", tmp_path / "broker.pem"):
        listed = {item.serial_number for item in crl(path)}
        assert listed == {one, *(certificate(tmp_path / name).serial_number for name in ("gw-a.crt", "new.crt"))}
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert "revoked already" in refused(capsys, "revoke", ca, "gw-a")
    assert "no certificate of that name" in refused(capsys, "revoke", ca, "gw-z")
    assert pki("list", ca) == 0
    table = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in table[1:]] == ["gw-a", "gw-b", "gw-a"]
    assert all("revoked" in line for line in table[1:])
    assert "(stolen)" in table[2]


def test_each_list_is_newer_than_the_one_before_and_lies_in_the_past(ca: Path, tmp_path: Path) -> None:
    lists = [crl(ca / "crl.pem")]
    for _ in range(5):
        assert pki("crl", ca) == 0
        lists.append(crl(ca / "crl.pem"))
    begins = [item.last_update_utc for item in lists]
    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in pairwise(begins))
    assert begins[-1] < datetime.now(UTC) - timedelta(hours=23)
    numbers = [item.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number for item in lists]
    assert numbers == sorted(set(numbers))
    # It lapses with the authority, not before: a list that lapsed would lock everybody out.
    assert lists[-1].next_update_utc == certificate(ca / "ca.crt").not_valid_after_utc


def test_without_a_place_to_publish_it_says_that_nothing_is_in_force(tmp_path: Path, capsys: Printed) -> None:
    assert pki("init", tmp_path / "ca", "--name", "CA") == 0
    assert pki("issue", tmp_path / "ca", request_of(tmp_path, "gw-a"), "--gateway", "gw-a") == 0
    assert pki("revoke", tmp_path / "ca", "gw-a") == 0
    assert "NOT in force yet" in capsys.readouterr().out
    assert pki("crl", tmp_path / "ca", "--publish", tmp_path / "crl.pem") == 0
    assert len(list(crl(tmp_path / "crl.pem"))) == 1


def test_a_place_that_no_broker_has_is_refused_and_not_remembered(ca: Path, tmp_path: Path, capsys: Printed) -> None:
    assert "--publish" in refused(capsys, "crl", ca, "--publish", tmp_path / "typo" / "crl.pem")
    assert "--publish" in refused(
        capsys, "init", tmp_path / "other", "--name", "CA", "--publish", tmp_path / "typo" / "crl.pem"
    )
    assert not (tmp_path / "other").exists()
    assert pki("crl", ca) == 0


def test_a_list_that_cannot_reach_the_broker_is_an_error(ca: Path, tmp_path: Path, capsys: Printed) -> None:
    assert pki("issue", ca, request_of(tmp_path, "gw-a"), "--gateway", "gw-a") == 0
    (tmp_path / "gone").mkdir()
    assert pki("crl", ca, "--publish", tmp_path / "gone" / "crl.pem") == 0
    (tmp_path / "gone" / "crl.pem").unlink()
    (tmp_path / "gone").rmdir()
    assert pki("revoke", ca, "gw-a") == 1
    assert "THE BROKER DOES NOT KNOW IT YET" in capsys.readouterr().err
    assert len(list(crl(tmp_path / "broker.pem"))) == 1, "the other broker does"


def test_the_authority_s_key_is_private_encrypted_and_never_replaced(
    tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca, secret = tmp_path / "ca", tmp_path / "passphrase"
    secret.write_text("correct horse battery staple\n")
    secret.chmod(0o644)
    assert "chmod 600" in refused(capsys, "init", ca, "--name", "CA", "--passphrase-file", secret)
    secret.chmod(0o600)
    assert pki("init", ca, "--name", "CA", "--passphrase-file", secret) == 0
    key = (ca / "ca.key").read_bytes()
    assert b"ENCRYPTED" in key
    assert stat.S_IMODE((ca / "ca.key").stat().st_mode) == 0o600
    assert "already" in refused(capsys, "init", ca, "--name", "CA", "--passphrase-file", secret)
    assert (ca / "ca.key").read_bytes() == key
    path = request_of(tmp_path, "gw-a")
    assert PASSPHRASE_VARIABLE in refused(capsys, "issue", ca, path, "--gateway", "gw-a")
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "wrong")
    assert "ca.key" in refused(capsys, "issue", ca, path, "--gateway", "gw-a")
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "correct horse battery staple")
    assert pki("issue", ca, path, "--gateway", "gw-a") == 0
    (ca / "ca.key").chmod(0o640)
    assert "chmod 600" in refused(capsys, "issue", ca, request_of(tmp_path, "gw-b"), "--gateway", "gw-b")
    assert "correct horse" not in "".join(capsys.readouterr())


def test_two_commands_at_once_do_not_lose_each_other_s_entries(ca: Path, tmp_path: Path, capsys: Printed) -> None:
    path = request_of(tmp_path, "gw-a")
    with opened_desk(ca, None, datetime.now(UTC)):
        assert "another telltale pki is at work" in refused(capsys, "issue", ca, path, "--gateway", "gw-a")
    assert pki("issue", ca, path, "--gateway", "gw-a") == 0


def test_nothing_outlives_the_authority_and_a_dead_one_signs_nothing(ca: Path, tmp_path: Path) -> None:
    ends = certificate(ca / "ca.crt").not_valid_after_utc
    request = read_request(request_of(tmp_path, "gw-a"), "gw-a")
    with opened_desk(ca, None, ends - timedelta(days=10)) as desk:
        made = issue(desk, request, gateway("gw-a"), days=825, is_renewal=False)
        assert x509.load_pem_x509_certificate(made).not_valid_after_utc == ends
    with opened_desk(ca, None, ends) as desk, pytest.raises(Exception, match="the authority itself ended"):
        issue(desk, request, gateway("gw-a"), days=1, is_renewal=True)


def test_a_local_part_is_made_once_and_renewed_when_its_hosts_change(ca: Path, tmp_path: Path, capsys: Printed) -> None:
    folder = tmp_path / "broker"
    arguments = ("local", ca, folder, "broker", "--server", "telltale-broker", "--dns", "mqtt.example.org")
    assert pki(*arguments) == 0
    first = (folder / "broker.crt").read_bytes()
    assert pki(*arguments) == 0
    assert (folder / "broker.crt").read_bytes() == first
    assert pki(*arguments, "--ip", "10.0.0.7", "--ip", "fd00::7") == 0
    names = certificate(folder / "broker.crt").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["mqtt.example.org", "10.0.0.7", "fd00::7"]
    ssl.create_default_context().load_cert_chain(folder / "broker.crt", folder / "broker.key")
    assert stat.S_IMODE((folder / "broker.key").stat().st_mode) == 0o600
    assert "name the hosts" in refused(capsys, "local", ca, folder, "x", "--server", "x")


def test_where_no_authority_is_it_says_so(tmp_path: Path, capsys: Printed) -> None:
    assert "telltale pki init" in refused(capsys, "list", tmp_path)
    (tmp_path / "index.json").write_text("{")
    assert pki("list", tmp_path) == 1
    assert "index.json" in capsys.readouterr().err

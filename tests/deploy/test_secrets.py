"""init-secrets.sh: makes what a deployment needs, keeps what exists, refuses what would be dangerous."""

from __future__ import annotations

import shutil
import ssl
import stat
import subprocess
from pathlib import Path

import pytest

from telltale.broker import BrokerSettings, tls_context
from tests.deploy.secrets import make_secrets, run_script

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_secrets(tmp_path_factory.mktemp("secrets"))


def test_every_secret_is_private_and_long(secrets: Path):
    public = {".crt", ".pem", ".lock"}
    for path in secrets.rglob("*"):
        assert path.suffix in public or not stat.S_IMODE(path.stat().st_mode) & 0o077, path
    passwords = [secrets / "influxdb" / name for name in ("admin-password", "admin-token", "grafana-password")]
    passwords.append(secrets / "grafana" / "admin-password")
    texts = [path.read_text() for path in passwords]
    assert len(set(texts)) == len(texts)
    assert all(len(text) == 64 and text.isalnum() for text in texts)


def test_no_part_gets_the_authority_s_key_or_another_s(secrets: Path):
    holders = [path.parent.name for path in secrets.rglob("ca.key")]
    assert holders == ["ca"]
    assert {path.name for path in (secrets / "service").iterdir()} == {
        "ca.crt", "service.crt", "service.key", "influxdb-token", "trusted.crt",
    }  # fmt: skip
    keys = sorted(str(path.relative_to(secrets)) for path in secrets.rglob("*.key"))
    assert keys == ["broker/broker.key", "broker/health.key", "ca/ca.key", "influxdb/influxdb.key", "mail/mail.key",
                    "service/service.key"]  # fmt: skip


def test_a_second_run_changes_nothing(secrets: Path):
    before = contents(secrets)
    make_secrets(secrets)
    assert contents(secrets) == before


def test_a_new_broker_name_renews_the_broker_s_certificate_alone(tmp_path: Path):
    make_secrets(tmp_path)
    before = contents(tmp_path)
    make_secrets(tmp_path, broker_names="mqtt.example.org 10.0.0.7")
    changed = {name for name, content in contents(tmp_path).items() if before.get(name) != content}
    assert changed == {"broker/broker.crt", "broker/broker.key", "ca/index.json"}


def test_certificates_are_such_as_strict_openssl_accepts(secrets: Path):
    leaves = [path for path in secrets.rglob("*.crt") if path.name not in ("ca.crt", "trusted.crt")]
    assert len(leaves) >= 5
    command = ["openssl", "verify", "-x509_strict", "-CAfile", str(secrets / "ca" / "ca.crt"), *map(str, leaves)]
    subprocess.run(command, check=True, capture_output=True)


def test_the_service_can_load_its_own(secrets: Path):
    names = {"ca_file": "ca.crt", "cert_file": "service.crt", "key_file": "service.key"}
    files = {key: str(secrets / "service" / name) for key, name in names.items()}
    assert tls_context(BrokerSettings(host="mosquitto", port=8883, **files), "cloud.toml") is not None


def test_the_trusted_bundle_holds_public_authorities_and_ours(secrets: Path):
    context = ssl.create_default_context(cafile=str(secrets / "service" / "trusted.crt"))
    names = [dict(part[0] for part in ca["subject"]).get("commonName") for ca in context.get_ca_certs()]
    assert "Telltale deployment CA" in names


@pytest.mark.parametrize("name", ["mqtt/example", "*.example.org", "a$b", "-dash", "10.0.0.1.5.6:80"])
def test_a_broker_name_that_is_none_is_refused(tmp_path: Path, name: str):
    done = run_script(tmp_path, name)
    assert done.returncode == 2
    assert name in done.stderr
    assert not (tmp_path / "broker" / "broker.crt").exists()

"""init-secrets.sh: makes what a deployment needs, keeps what exists, refuses what would be dangerous."""

from __future__ import annotations

import os
import shutil
import ssl
import stat
import subprocess
from pathlib import Path

import pytest

from telltale.broker import BrokerSettings, tls_context
from tests.deploy.secrets import SCRIPT, make_secrets

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_secrets(tmp_path_factory.mktemp("secrets"), gateways="gw-riverside gw-dam")


def test_every_secret_is_private_and_long(secrets: Path):
    for path in secrets.rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
    passwords = [secrets / "influxdb" / name for name in ("admin-password", "admin-token", "grafana-password")]
    passwords.append(secrets / "grafana" / "admin-password")
    texts = [path.read_text() for path in passwords]
    assert len(set(texts)) == len(texts)
    assert all(len(text) == 64 and text.isalnum() for text in texts)


def test_no_part_gets_the_authority_s_key_or_another_s(secrets: Path):
    holders = [path.parent.name for path in secrets.rglob("ca.key")]
    assert holders == ["ca"]
    assert {path.name for path in (secrets / "gateways" / "gw-dam").iterdir()} == {
        "ca.crt", "gateway.crt", "gateway.key", "gateway.names",
    }  # fmt: skip


def test_a_second_run_changes_nothing(secrets: Path):
    before = contents(secrets)
    make_secrets(secrets, gateways="gw-riverside gw-dam")
    assert contents(secrets) == before


def test_a_gateway_that_is_added_gets_its_own_certificate(secrets: Path):
    before = contents(secrets)
    make_secrets(secrets, gateways="gw-riverside gw-dam gw-tunnel")
    after = contents(secrets)
    assert {name: after[name] for name in before} == before
    assert {Path(name).parts[:2] for name in after.keys() - before.keys()} == {("gateways", "gw-tunnel")}


def test_a_new_broker_name_renews_the_broker_s_certificate_alone(tmp_path: Path):
    make_secrets(tmp_path)
    before = contents(tmp_path)
    make_secrets(tmp_path, broker_names="mqtt.example.org 10.0.0.7")
    changed = {name for name, content in contents(tmp_path).items() if before.get(name) != content}
    assert changed == {"broker/broker.crt", "broker/broker.key", "broker/broker.names"}


def test_certificates_are_such_as_strict_openssl_accepts(secrets: Path):
    leaves = [path for path in secrets.rglob("*.crt") if path.name not in ("ca.crt", "trusted.crt")]
    assert len(leaves) >= 7
    command = ["openssl", "verify", "-x509_strict", "-CAfile", str(secrets / "ca" / "ca.crt"), *map(str, leaves)]
    subprocess.run(command, check=True, capture_output=True)


def test_the_service_and_a_gateway_can_load_theirs(secrets: Path):
    for folder, name in (("service", "service"), ("gateways/gw-riverside", "gateway")):
        files = {key: str(secrets / folder / file) for key, file in (
            ("ca_file", "ca.crt"), ("cert_file", f"{name}.crt"), ("key_file", f"{name}.key"))}  # fmt: skip
        assert tls_context(BrokerSettings(host="mosquitto", port=8883, **files), "cloud.toml") is not None


def test_the_trusted_bundle_holds_public_authorities_and_ours(secrets: Path):
    context = ssl.create_default_context(cafile=str(secrets / "service" / "trusted.crt"))
    names = [dict(part[0] for part in ca["subject"]).get("commonName") for ca in context.get_ca_certs()]
    assert "Telltale deployment CA" in names


@pytest.mark.parametrize(
    "gateway", ["telltale-service", "telltale-health", "GW", "gw/+", "#", "-gw", "g" * 65, "gw\nsubject"]
)
def test_a_gateway_name_that_would_reach_beyond_itself_is_refused(tmp_path: Path, gateway: str):
    names = gateway.replace("\n", "%")
    environment = {**os.environ, "TELLTALE_GATEWAYS": names}
    done = subprocess.run([SCRIPT, str(tmp_path)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert names in done.stderr
    assert not list(tmp_path.iterdir())

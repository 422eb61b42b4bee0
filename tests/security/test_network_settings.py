"""Every setting that reaches beyond this machine: unsafe, nothing starts, and one line names the setting."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest

from sensors_sim.demo.layout import write_site
from telltale.broker import BrokerSettings, tls_context
from telltale.cli import main
from tests.e2e.service import telltale
from tests.security.site import Deployment, new_deployment

CLOUD = 'site = "site.toml"\ndata_dir = "data"\n'
EDGE = """
gateway = "gw-a"
{broker}
[[source]]
name = "file"
kind = "replay"
settings = {{path = "log.csv"}}
[[channel]]
id = "t.a"
source = "file"
input = "a"
"""
ELSEWHERE = ("10.1.2.3", "mqtt.example.org", "0.0.0.0", "127.0.0.1.example.org", "localhost.example.org", "::", "")
TLS = 'ca_file = "ca.crt"\ncert_file = "own.crt"\nkey_file = "own.key"\n'

# [broker] of both files: what is wrong → the words that say so.
BROKER = [
    *((f'[broker]\nhost = "{host}"\n', ["broker.ca_file", "not loopback"]) for host in ELSEWHERE),
    ('[broker]\nhost = "mqtt.example.org"\nca_file = "ca.crt"\n', ["broker.cert_file", "missing"]),
    (
        '[broker]\nhost = "mqtt.example.org"\nca_file = "ca.crt"\ncert_file = "own.crt"\n',
        ["broker.key_file", "missing"],
    ),
    ('[broker]\nhost = "localhost"\ncert_file = "own.crt"\nkey_file = "own.key"\n', ["broker.ca_file", "missing"]),
    (f'[broker]\nhost = "mqtt.example.org"\n{TLS}', ["broker.ca_file", "no such file"]),
    ('[broker]\nhost = "mqtt.example.org"\ninsecure = true\n', ["insecure", "unknown"]),
    ('[broker]\nhost = "mqtt.example.org"\nusername = "admin"\npassword = "admin"\n', ["unknown field"]),
]
CLOUD_ONLY = [
    *((f'[serve]\nhost = "{host}"\n', ["serve.host", "loopback"]) for host in ELSEWHERE),
    ('[store]\nkind = "influxdb"\nurl = "http://10.1.2.3:8086"\n', ["store.url", "plain http to 10.1.2.3"]),
    ('[store]\nkind = "influxdb"\nurl = "http://localhost.example.org"\n', ["store.url", "plain http"]),
    ('[store]\nkind = "influxdb"\nurl = "https://10.1.2.3:8086"\n', ["store.token_file", "not loopback"]),
    ('[store]\nkind = "influxdb"\nurl = "https://me:secret@10.1.2.3"\n', ["store.url", "password"]),
    ('[store]\nkind = "influxdb"\nurl = "ftp://10.1.2.3"\n', ["store.url", "https://"]),
    ('[store]\nkind = "influxdb"\ntoken = "secret"\n', ["token", "unknown"]),
    ('[notify]\nkind = "smtp"\nhost = "10.1.2.3"\nsecurity = "none"\n', ["notify", "security", "loopback"]),
    ('[notify]\nkind = "smtp"\nusername = "me"\nsecurity = "none"\npassword_env = "X"\n', ["notify", "username"]),
    ('[notify]\nkind = "smtp"\nhost = "10.1.2.3"\nusername = "me"\n', ["notify", "password_file"]),
    ('[notify]\nkind = "smtp"\nhost = "10.1.2.3"\npassword = "secret"\n', ["password", "unknown"]),
]


def one_line(status: int, said: str, words: list[str]) -> None:
    assert status == 2, said
    assert said.count("\n") == 1, said
    for word in words:
        assert word in said
    assert "secret" not in said.replace("secrets", "")


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TELLTALE_INFLUX_TOKEN", raising=False)


@pytest.mark.parametrize("verb", ["check", "run"])
@pytest.mark.parametrize(("table", "words"), BROKER + CLOUD_ONLY)
def test_the_service_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, table: str, words: list[str]
) -> None:
    write_site(tmp_path)
    (tmp_path / "cloud.toml").write_text(CLOUD + table)
    status = main(["cloud", verb, "-c", str(tmp_path / "cloud.toml")])
    one_line(status, capsys.readouterr().err, words)


@pytest.mark.parametrize("verb", ["check", "run"])
@pytest.mark.parametrize(("table", "words"), BROKER)
def test_the_agent_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, table: str, words: list[str]
) -> None:
    (tmp_path / "log.csv").write_text("time,a\n1700000000,1\n")
    (tmp_path / "edge.toml").write_text(EDGE.format(broker=table))
    status = main(["edge", verb, "-c", str(tmp_path / "edge.toml")])
    one_line(status, capsys.readouterr().err, words)


def test_a_replay_refuses_plaintext_beyond_loopback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text("time,a\n1700000000,1\n")
    status = main(["replay", str(tmp_path / "log.csv"), "--gateway", "gw-a", "--broker", "10.1.2.3:1883"])
    one_line(status, capsys.readouterr().err, ["broker.ca_file", "10.1.2.3"])


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("part", "table", "words"),
    [
        ("ingest", '[broker]\nhost = "10.1.2.3"\n', ["broker.ca_file"]),
        ("store", '[store]\nkind = "influxdb"\nurl = "http://10.1.2.3"\n', ["store.url"]),
        ("store", '[store]\nkind = "influxdb"\ntoken_file = "../open"\n', ["store.token_file", "chmod 600"]),
        ("notify", '[notify]\nkind = "smtp"\nhost = "10.1.2.3"\nsecurity = "none"\n', ["security"]),
        (
            "notify",
            '[notify]\nkind = "smtp"\nhost = "10.1.2.3"\nusername = "me"\npassword_file = "open"\n',
            ["chmod 600"],
        ),
        ("serve", '[serve]\nhost = "0.0.0.0"\n', ["serve.host"]),
    ],
)
def test_a_part_that_is_run_alone_refuses_as_well(tmp_path: Path, part: str, table: str, words: list[str]) -> None:
    write_site(tmp_path)
    (tmp_path / "open").write_text("secret")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "cloud.toml").write_text(CLOUD + table)
    done = telltale("cloud", part, "-c", "cloud.toml", folder=tmp_path)
    assert done.returncode == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in last


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return new_deployment(tmp_path_factory.mktemp("site"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666])
def test_a_key_that_others_may_read_is_refused_by_the_service(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: int
) -> None:
    certificate, key = deployment.files("gw-a")
    copied = tmp_path / "own.key"
    copied.write_bytes(key.read_bytes())
    copied.chmod(mode)
    write_site(tmp_path)
    broker = f'[broker]\nhost = "localhost"\nca_file = "{deployment.ca}"\ncert_file = "{certificate}"\nkey_file = "{copied}"\n'
    (tmp_path / "cloud.toml").write_text(CLOUD + broker)
    assert main(["cloud", "check", "-c", str(tmp_path / "cloud.toml")]) == 2
    said = capsys.readouterr().err
    assert "broker.key_file" in said
    assert f"chmod 600 {copied}" in said
    copied.chmod(stat.S_IRUSR)
    assert main(["cloud", "check", "-c", str(tmp_path / "cloud.toml")]) == 0


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "mqtt.example.org"])
def test_tls_checks_name_and_authority_and_is_1_2_or_newer(deployment: Deployment, host: str) -> None:
    certificate, key = deployment.files("gw-a")
    settings = BrokerSettings(host=host, ca_file=str(deployment.ca), cert_file=str(certificate), key_file=str(key))
    context = tls_context(settings, "edge.toml")
    assert context is not None
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert len(context.get_ca_certs()) == 1, "the deployment's authority alone, none of the system's"


def test_plaintext_is_spoken_on_loopback_alone() -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        assert tls_context(BrokerSettings(host=host), "edge.toml") is None

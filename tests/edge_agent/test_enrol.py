"""Enrolling a gateway as a technician does; what the agent says of its certificate; and what it never imports."""

from __future__ import annotations

import asyncio
import ssl
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.certificate_watch import watch_certificate
from edge_agent.reports import Reports
from telltale.broker import BrokerSettings
from telltale.certificate import read_certificate
from telltale.cli import main
from telltale.clock import NS_PER_DAY, ManualClock
from telltale.errors import SettingsError
from telltale.private_file import check_private
from tests.security.site import Deployment, new_deployment, now
from tests.servers.process import until

Printed = pytest.CaptureFixture[str]
GATEWAY = "gw-x"
EDGE = """
gateway = "gw-x"
[broker]
host = "localhost"
port = {port}
ca_file = "{folder}/secrets/ca.crt"
cert_file = "{folder}/secrets/gateway.crt"
key_file = "{folder}/secrets/gateway.key"
[[source]]
name = "file"
kind = "replay"
settings = {{path = "log.csv"}}
[[channel]]
id = "t.a"
source = "file"
input = "a"
"""


@pytest.fixture
def authority(tmp_path: Path) -> Deployment:
    return new_deployment(tmp_path / "site")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "log.csv").write_text("time,a\n1700000000,1\n1700000001,2\n")
    path = tmp_path / "edge.toml"
    path.write_text(EDGE.format(folder=tmp_path, port=1))
    return path


def enrol(config: Path, *more: object) -> int:
    return main(["edge", "enrol", "-c", str(config), *map(str, more)])


def signed(authority: Deployment, config: Path, name: str = GATEWAY, *more: str) -> Path:
    request = config.parent / "secrets" / "gateway.csr"
    out = config.parent / "brought.crt"
    assert (
        main(["pki", "issue", str(authority.folder / "ca"), str(request), "--gateway", name, *more, "--out", str(out)])
        == 0
    )
    return out


def refused(capsys: Printed, config: Path, *more: object) -> str:
    capsys.readouterr()
    assert enrol(config, *more) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_the_key_is_made_here_and_what_to_do_next_is_said(config: Path, capsys: Printed) -> None:
    assert enrol(config) == 0
    said = capsys.readouterr().out
    key = config.parent / "secrets" / "gateway.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for words in (str(key), "never leaves", "gateway.csr", "telltale pki issue", "--gateway gw-x", "--certificate"):
        assert words in said
    assert "PRIVATE KEY" not in said
    assert "PRIVATE" not in (config.parent / "secrets" / "gateway.csr").read_text()


def test_a_key_that_is_there_is_kept_and_its_certificate_renewed(
    config: Path, authority: Deployment, capsys: Printed
) -> None:
    assert enrol(config) == 0
    key = (config.parent / "secrets" / "gateway.key").read_bytes()
    assert enrol(config, "--certificate", signed(authority, config), "--ca", authority.ca) == 0
    assert not (config.parent / "secrets" / "gateway.csr").exists()
    before = (config.parent / "secrets" / "gateway.crt").read_bytes()
    assert enrol(config) == 0
    assert "kept the key" in capsys.readouterr().out
    assert (config.parent / "secrets" / "gateway.key").read_bytes() == key
    assert (config.parent / "secrets" / "gateway.crt").read_bytes() == before, "the agent goes on with it meanwhile"
    assert enrol(config, "--certificate", signed(authority, config, GATEWAY, "--renew")) == 0
    assert (config.parent / "secrets" / "gateway.crt").read_bytes() != before
    ssl.create_default_context().load_cert_chain(
        config.parent / "secrets" / "gateway.crt", config.parent / "secrets" / "gateway.key"
    )


def test_a_certificate_that_does_not_fit_changes_nothing(config: Path, authority: Deployment, capsys: Printed) -> None:
    assert enrol(config) == 0
    good = signed(authority, config)
    stranger = new_deployment(config.parent / "stranger", "Another CA")
    old = authority.dated(GATEWAY, now() - timedelta(days=900), 100)[0]
    for certificate, ca, words in (
        (authority.files("gw-y")[0], authority.ca, "is for 'gw-y', and this gateway is 'gw-x'"),
        (authority.dated(GATEWAY, now(), 100)[0], authority.ca, "belongs to another key"),
        (old, authority.ca, "ended on"),
        (authority.dated(GATEWAY, now() + timedelta(days=50), 100)[0], authority.ca, "is the clock right"),
        (good, stranger.ca, "was not signed by the authority 'Another CA'"),
        (config, authority.ca, "edge.toml: no certificate"),
        (good, config.parent / "no.crt", "no.crt: cannot be read"),
    ):
        assert words in refused(capsys, config, "--certificate", certificate, "--ca", ca)
    assert [path.name for path in sorted((config.parent / "secrets").iterdir())] == ["gateway.csr", "gateway.key"]


def test_settings_that_name_no_files_or_systemd_s_are_refused(config: Path, capsys: Printed) -> None:
    text = config.read_text()
    config.write_text(text.replace("key_file", "# key_file"))
    assert "broker.key_file: missing" in refused(capsys, config)
    config.write_text(text.replace(f"{config.parent}/secrets", "/run/credentials/telltale-edge.service"))
    assert "--folder" in refused(capsys, config)
    assert enrol(config, "--folder", config.parent / "elsewhere") == 0
    assert (config.parent / "elsewhere" / "gateway.key").exists()
    capsys.readouterr()
    assert main(["edge", "check", "-c", str(config), "--folder", str(config.parent / "elsewhere")]) == 2
    assert f"no such file {config.parent}/elsewhere/ca.crt" in capsys.readouterr().err


def installed(config: Path, authority: Deployment, days: int = 825) -> Path:
    assert enrol(config) == 0
    brought = signed(authority, config, GATEWAY, "--days", str(days))
    assert enrol(config, "--certificate", brought, "--ca", authority.ca) == 0
    return config.parent / "secrets" / "gateway.crt"


@pytest.mark.parametrize(("days", "warned"), [(29, True), (31, False)])
def test_check_shows_the_certificate_and_warns_a_month_before(
    config: Path, authority: Deployment, capsys: Printed, days: int, warned: bool
) -> None:
    installed(config, authority, days)
    assert main(["edge", "check", "-c", str(config), "--seconds", "1"]) == 2  # no broker is there
    said = capsys.readouterr().out
    assert "certificate: gw-x, by 'Test CA', valid until" in said
    assert ("WARNING" in said) == warned


def test_check_and_run_refuse_a_key_that_others_may_read(config: Path, authority: Deployment, capsys: Printed) -> None:
    installed(config, authority)
    (config.parent / "secrets" / "gateway.key").chmod(0o640)
    for verb in ("check", "run"):
        capsys.readouterr()
        assert main(["edge", verb, "-c", str(config)]) == 2
        said = capsys.readouterr().err
        assert "broker.key_file" in said
        assert "chmod 600" in said


def test_check_refuses_another_gateway_s_certificate(config: Path, authority: Deployment, capsys: Printed) -> None:
    installed(config, authority)
    config.write_text(config.read_text().replace('"gw-x"', '"gw-z"'))
    assert main(["edge", "check", "-c", str(config)]) == 2
    assert "belongs to 'gw-x', and this gateway is 'gw-z'" in capsys.readouterr().err


def test_what_systemd_hands_over_may_show_a_group_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "gateway.key"
    key.touch(0o440)
    key.chmod(0o440)
    with pytest.raises(SettingsError, match="chmod 600"):
        check_private(key, "broker.key_file")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    check_private(key, "broker.key_file")
    key.chmod(0o444)
    with pytest.raises(SettingsError, match="chmod 600"):
        check_private(key, "broker.key_file")


async def test_the_agent_says_early_that_its_certificate_ends(config: Path, authority: Deployment) -> None:
    certificate = read_certificate(installed(config, authority), "broker.cert_file")
    broker = BrokerSettings(cert_file=str(certificate.path))
    for at_ns, gateway, words in (
        (certificate.ends_ns - 40 * NS_PER_DAY, GATEWAY, ""),
        (certificate.ends_ns - 12 * NS_PER_DAY, GATEWAY, "ends in 12 days"),
        (certificate.ends_ns, GATEWAY, "ended on"),
        (0, GATEWAY, "the clock says 1970-01-01"),
        (certificate.ends_ns - 40 * NS_PER_DAY, "gw-z", "will deny its messages"),
    ):
        reports = Reports()
        watching = asyncio.create_task(watch_certificate(broker, gateway, reports, ManualClock(at_ns)))
        if words:
            await until(lambda found=reports, said=words: any(said in line for line in found.errors()), words)
        else:
            await asyncio.sleep(0)
            assert reports.errors() == ()
        watching.cancel()


def test_a_running_agent_never_imports_cryptography(config: Path, authority: Deployment) -> None:
    installed(config, authority)
    code = (
        "import pathlib, signal, sys, threading, time\n"
        "from telltale.cli import main\n"
        f"lock = pathlib.Path({str(config.parent / 'edge-data' / 'agent.lock')!r})\n"
        "def stop():\n"
        "    while not lock.exists():\n"
        "        time.sleep(0.02)\n"
        "    signal.raise_signal(signal.SIGTERM)\n"
        "threading.Thread(target=stop).start()\n"
        f"status = main(['edge', 'run', '-c', {str(config)!r}])\n"
        "print(status, 'edge_agent.publish.publisher' in sys.modules, 'cryptography' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines()[-1] == "0 True False", done.stderr

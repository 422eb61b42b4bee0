"""The systemd units: hardened, and starting commands and reading files that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.deploy.secrets import DEPLOY

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "RestrictNamespaces": "yes",
    "LockPersonality": "yes",
    "CapabilityBoundingSet": "",
    "SystemCallArchitectures": "native",
}
# systemd-analyze's own scale: up to 2.0 is "OK".
MOST_EXPOSED = 2.0

every_unit = pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)


def options(path: Path) -> dict[str, list[str]]:
    """Key → values, of all sections."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in path.read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            key, _, value = line.partition("=")
            found[key].append(value)
    return found


def test_each_part_has_a_unit():
    assert [path.stem for path in UNITS] == ["telltale-broker", "telltale-cloud", "telltale-edge"]


@every_unit
def test_it_is_hardened(path: Path):
    found = options(path)
    assert {key: found[key] for key in HARDENED} == {key: [value] for key, value in HARDENED.items()}
    assert found["DynamicUser"] == ["yes"] or found["User"] == ["mosquitto"]  # the one that Debian's package makes


@pytest.mark.parametrize("path", [path for path in UNITS if path.stem != "telltale-broker"], ids=lambda path: path.stem)
def test_it_starts_a_command_that_exists_and_does_not_repeat_a_user_s_mistake(path: Path):
    found = options(path)
    commands = {entry.name for entry in entry_points(group="telltale.commands")}
    for line in (*found["ExecStartPre"], *found["ExecStart"]):
        program, command, *_ = line.split()
        assert program == "/opt/telltale/bin/telltale"
        assert command in commands
    assert found["RestartPreventExitStatus"] == ["2"]


def test_the_broker_is_started_by_the_script_that_looks_at_revocations():
    unit = options(DEPLOY / "systemd" / "telltale-broker.service")
    script, crl, *broker = unit["ExecStart"][0].split()
    assert (DEPLOY / "mosquitto" / Path(script).name).stat().st_mode & 0o111
    assert broker == ["/usr/sbin/mosquitto", "-c", "/etc/telltale/mosquitto/mosquitto.conf"]
    committed = re.search(r"^crlfile (.+)$", (DEPLOY / "mosquitto" / "mosquitto.conf").read_text(), re.MULTILINE)
    assert committed is not None
    assert Path(committed[1]).name == Path(crl).name
    assert unit["StateDirectory"] == ["telltale-broker"]


def test_credentials_of_the_agent_are_those_that_its_sample_names():
    given = {
        value.partition(":")[0] for value in options(DEPLOY / "systemd" / "telltale-edge.service")["LoadCredential"]
    }
    named = re.findall(r"/run/credentials/telltale-edge\.service/([\w.]+)", (DEPLOY / "edge.toml").read_text())
    assert set(named) == given


@every_unit
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_rates_it_as_little_exposed(path: Path):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    level = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    if level is None:
        pytest.skip(f"systemd-analyze cannot rate offline here: {done.stderr.strip()[:200]}")
    assert float(level[1]) <= MOST_EXPOSED

"""The compose file: pinned, fenced in, without secrets, and complete."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.secrets import DEPLOY

COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
RUNNING = {name: service for name, service in SERVICES.items() if name != "init"}

# A version of at least three numbers: no `latest`, no `2.7` that moves.
PINNED = re.compile(r"^[a-z0-9./-]+:v?\d+\.\d+\.\d+(\.\d+)?(-[a-z0-9-]+)?$")
BROKER_TLS_PORT = 8883

every_service = pytest.mark.parametrize("name", SERVICES)


def mounts(service: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(source, target, mode) of each volume."""
    parts = [(*volume.split(":"), "rw")[:3] for volume in service.get("volumes", ())]
    return [(source, target, mode) for source, target, mode in parts]


def test_the_parts_are_all_there():
    assert set(SERVICES) == {"init", "mosquitto", "influxdb", "page", "telltale", "grafana", "mailpit"}


@every_service
def test_every_image_is_pinned(name: str):
    assert PINNED.match(SERVICES[name]["image"]), SERVICES[name]["image"]


def test_the_base_of_our_own_image_is_pinned_and_its_packages_are_hashed():
    text = (DEPLOY / "Dockerfile").read_text()
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert bases
    assert all(re.match(r"^python:3\.11\.\d+-slim-\w+$", base) for base in bases)
    installs = re.findall(r"pip install [^&]*", text.replace("\\\n", " "))
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)
    assert re.search(r"^USER telltale$", text, re.MULTILINE)


def test_what_the_image_is_built_from_exists():
    root = DEPLOY.parent
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE):
        for source in line.split():
            assert (root / source).exists(), source


def test_build_requirements_are_those_of_the_lock_file():
    locked = (DEPLOY.parent / "requirements" / "dev.txt").read_text()
    for block in re.split(r"\n(?=\S)", (DEPLOY / "build-requirements.txt").read_text().rstrip()):
        assert block in locked, f"{block.split()[0]}: renew deploy/build-requirements.txt"


@every_service
def test_only_the_broker_is_published_beyond_this_machine(name: str):
    for port in SERVICES[name].get("ports", ()):
        host, _, rest = str(port).rpartition(":")
        if name == "mosquitto":
            assert port == f"{BROKER_TLS_PORT}:{BROKER_TLS_PORT}"
        else:
            assert host.startswith("127.0.0.1:"), f"{name}: {port}"
            assert rest.isdigit()


@every_service
def test_no_secret_stands_in_the_file(name: str):
    for key, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"PASSWORD|TOKEN|SECRET|KEY", key):
            assert str(value).startswith("/run/telltale/"), f"{name}: {key}"
    assert "secrets" not in SERVICES[name]
    assert "env_file" not in SERVICES[name]


@every_service
def test_a_part_sees_its_own_secrets_only(name: str):
    found = [(source, mode) for source, _, mode in mounts(SERVICES[name]) if source.startswith("secrets-")]
    if name == "init":
        assert len(found) == 6
    else:
        assert len(found) <= 1
        assert all(mode == "ro" for _, mode in found)
        assert "secrets-ca" not in {source for source, _ in found}


@every_service
def test_mounted_files_and_volumes_exist(name: str):
    for source, target, mode in mounts(SERVICES[name]):
        assert target.startswith("/")
        if source.startswith("."):
            assert (DEPLOY / source).exists(), source
            assert mode == "ro", source
        else:
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", RUNNING)
def test_every_part_restarts_and_is_watched(name: str):
    assert RUNNING[name]["restart"] == "unless-stopped"
    assert RUNNING[name]["healthcheck"]["test"][0] == "CMD"
    assert RUNNING[name]["security_opt"] == ["no-new-privileges:true"]


@every_service
def test_dependencies_networks_and_conditions_exist(name: str):
    service = SERVICES[name]
    depends = service.get("depends_on", {})
    for other in depends:
        assert other in SERVICES
        if isinstance(depends, dict) and depends[other]["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
    assert set(service.get("networks", ())) <= set(COMPOSE["networks"])
    assert ("network_mode" in service) != ("networks" in service)


def test_networks_between_parts_have_no_way_out():
    users: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        for network in service.get("networks", ()):
            users.setdefault(network, set()).add(name)
    for network, parts in users.items():
        assert bool(COMPOSE["networks"][network].get("internal")) == (len(parts) > 1), network


def test_the_service_is_reached_by_the_sidecar_alone_on_loopback():
    import tomllib

    serve = tomllib.loads((DEPLOY / "cloud.toml").read_text())["serve"]
    assert serve["host"] == "127.0.0.1"
    assert SERVICES["telltale"]["network_mode"] == "service:page"
    assert "ports" not in SERVICES["telltale"]
    listen, hand_on = SERVICES["page"]["command"]
    assert hand_on == f"TCP:127.0.0.1:{serve['port']}"
    inside = re.match(r"TCP-LISTEN:(\d+)", listen)
    assert inside is not None
    assert SERVICES["page"]["ports"] == [f"127.0.0.1:{serve['port']}:{inside[1]}"]


def test_the_owners_of_secrets_are_the_users_of_the_images():
    owners = dict(pair.split("=") for pair in SERVICES["init"]["environment"]["TELLTALE_OWNERS"].split())
    folders = {target.rpartition("/")[2] for _, target, _ in mounts(SERVICES["init"])}
    assert set(owners) <= folders
    uid = re.search(r"useradd --uid (\d+)", (DEPLOY / "Dockerfile").read_text())
    assert uid is not None
    assert owners["service"] == f"{uid[1]}:{uid[1]}"


def test_every_secret_that_a_part_names_is_made_by_the_script(tmp_path: Path):
    from tests.deploy.secrets import make_secrets

    make_secrets(tmp_path)
    folder = {"mosquitto": "broker", "influxdb": "influxdb", "grafana": "grafana", "mailpit": "mail"}
    texts = {name: yaml.safe_dump(SERVICES[name]) for name in folder}
    texts["mosquitto"] += (DEPLOY / "mosquitto" / "mosquitto.conf").read_text()
    texts["influxdb"] += (DEPLOY / "influxdb" / "provision.sh").read_text()
    texts["grafana"] += (DEPLOY / "grafana" / "provisioning" / "datasources" / "influxdb.yaml").read_text()
    texts["telltale"] = yaml.safe_dump(SERVICES["telltale"]) + (DEPLOY / "cloud.toml").read_text()
    assert SERVICES["mosquitto"]["command"][0] in [target for _, target, _ in mounts(SERVICES["mosquitto"])]
    folder["telltale"] = "service"
    for name, text in texts.items():
        for secret in set(re.findall(r"/run/telltale/([\w.-]+)", text)):
            assert (tmp_path / folder[name] / secret).is_file(), f"{name}: {secret}"


@pytest.mark.parametrize("script", ["init-secrets.sh", "influxdb/provision.sh", "mosquitto/run-broker.sh"])
def test_scripts_are_executable_and_parse(script: str):
    path = DEPLOY / script
    assert path.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", str(path)], check=True)

"""A mistake is one clear line that names the culprit and the remedy, status 2, no traceback: through the real commands."""

from __future__ import annotations

import socket
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest

from sensors_sim.demo.layout import write_site
from tests.e2e.service import telltale
from tests.servers.process import free_port

pytestmark = pytest.mark.e2e

SITE = (resources.files("sensors_sim") / "site" / "site.toml").read_text(encoding="utf-8")
EDGE = """
gateway = "gw-riverside"
clock = "data"
data_dir = "edge-data"
[broker]
port = {port}
[[source]]
name = "file"
kind = "replay"
[source.settings]
path = "readings.csv"
time = "when"
[[channel]]
id = "a.crack"
source = "file"
input = "width"
"""
READINGS = "when,width\n2026-01-01 00:00:00,0.1\n2026-01-01 01:00:00,0.2\n"
CLOUD = 'site = "site.toml"\ndata_dir = "data"\n[notify]\nkind = "file"\nfolder = "mails"\n'


def one_line(done: object, *words: str) -> None:
    status, text = done.returncode, done.stderr.strip()  # type: ignore[attr-defined]
    assert status == 2, (status, text)
    assert "Traceback" not in text
    assert len(text.splitlines()) == 1, text
    for word in words:
        assert word in text, (word, text)


def write(folder: Path, **files: str) -> None:
    write_site(folder)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("cloud_toml", lambda text: text + "[serve]\nprot = 80\n", ["cloud.toml", "prot", "unknown"]),
        ("cloud_toml", lambda text: text + '[store]\nkind = "mongo"\n', ["cloud.toml", "store", "mongo"]),
        ("cloud_toml", lambda text: text + '[serve]\nhost = "0.0.0.0"\n', ["serve.host", "loopback"]),
        ("cloud_toml", lambda text: text + '[broker]\nhost = "10.1.2.3"\n', ["broker.ca_file", "10.1.2.3"]),
        ("site_toml", lambda text: text.replace('unit = "mm"', 'unit = "furlong"', 1), ["furlong", "crack", "mm"]),
    ],
)
def test_cloud_settings(tmp_path: Path, file: str, change: Callable[[str], str], words: list[str]) -> None:
    files = {"cloud_toml": CLOUD, "site_toml": SITE}
    write(tmp_path, **{**files, file: change(files[file])})
    one_line(telltale("cloud", "run", "-c", "cloud.toml", folder=tmp_path), *words)


def test_the_page_says_which_port_is_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        write(tmp_path, cloud_toml=CLOUD + f"[serve]\nport = {port}\n")
        one_line(telltale("cloud", "run", "-c", "cloud.toml", folder=tmp_path), "serve.port", str(port), "in use")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text + "colour = 3\n", ["edge.toml", "colour", "unknown"]),
        (lambda text: text.replace('"replay"', '"telepathy"'), ["telepathy", "replay", "sim"]),
        (lambda text: text.replace('"width"', '"breadth"'), ["breadth", "width"]),
        (lambda text: text.replace('"when"', '"time"'), ["'time'", "when"]),
        (lambda text: text.replace("readings.csv", "nothing.csv"), ["nothing.csv"]),
        (lambda text: text.replace('gateway = "gw-riverside"', 'gateway = "gw/#"'), ["gateway"]),
    ],
)
def test_edge_settings(tmp_path: Path, change: Callable[[str], str], words: list[str]) -> None:
    write(tmp_path, edge_toml=change(EDGE.format(port=free_port())), readings_csv=READINGS)
    one_line(telltale("edge", "run", "-c", "edge.toml", "--until-drained", folder=tmp_path), *words)


def test_the_technician_hears_that_the_broker_refuses(tmp_path: Path) -> None:
    port = free_port()
    write(tmp_path, edge_toml=EDGE.format(port=port), readings_csv=READINGS)
    done = telltale("edge", "check", "-c", "edge.toml", folder=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f"127.0.0.1:{port}" in done.stdout + done.stderr
    assert "a.crack" in done.stdout  # the sensors are shown all the same


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        (READINGS, ["--time", "when", "--value", "depth"], ["depth", "width"]),
        (READINGS, ["--time", "date", "--value", "width"], ["date", "when"]),
        (READINGS.replace("0.2", "zwei"), ["--time", "when", "--value", "width"], ["zwei", "line 3"]),
        ("\x00\x01\x02\x03", ["--time", "when", "--value", "width"], ["readings.csv"]),
        ("", ["--time", "when", "--value", "width"], ["readings.csv", "empty"]),
    ],
)
def test_analyse(tmp_path: Path, text: str, arguments: list[str], words: list[str]) -> None:
    write(tmp_path, readings_csv=text)
    one_line(telltale("analyse", "readings.csv", *arguments, "--kind", "crack", folder=tmp_path), *words)


def test_analyse_names_a_missing_file(tmp_path: Path) -> None:
    done = telltale("analyse", "no.csv", "--rate-hz", "1", "--value", "x", "--kind", "crack", folder=tmp_path)
    one_line(done, "no.csv", "no such file")


def test_the_demo_will_not_empty_a_folder_of_yours(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    one_line(telltale("demo", "--dir", "mine", "--for", "5", folder=tmp_path), "mine", "--dir")
    assert (tmp_path / "mine" / "thesis.txt").exists()

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from cloud_service.watchdog import START_S
from tests.cloud_service.analyse.site import SITE
from tests.servers.process import free_port

TELLTALE = [sys.executable, "-P", "-c", "from telltale.cli import main; raise SystemExit(main())"]
DEADLINE_S = 60.0


def settings(folder: Path, text: str = "", site: str = SITE) -> Path:
    (folder / "site.toml").write_text(site, encoding="utf-8")
    path = folder / "cloud.toml"
    path.write_text('site = "site.toml"\n' + text, encoding="utf-8")
    return path


def cloud(what: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TELLTALE, "cloud", what, "-c", str(path)], capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Status 2, and one line on standard error that holds `words`."""
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert all(word in lines[0] for word in words), lines[0]


def wait_for(condition: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    deadline = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline, f"no {what} within {deadline_s:g} s"
        time.sleep(0.05)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_check_says_what_it_read(tmp_path: Path) -> None:
    done = cloud("check", settings(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "4 channels" in done.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour = 1\n", ["cloud.toml", "colour", "remove the key"]),
        ("[broker]\nport = 70000\n", ["broker.port", "65535"]),
        ('[broker]\nhost = "broker.example.org"\n', ["broker.ca_file", "not loopback"]),
        ("[ingest]\ncommit_msec = 3\n", ["ingest", "commit_msec"]),
        ("[analyse]\nbatch_frames = 0\n", ["analyse", "batch_frames"]),
        ('[store]\nkind = "oracle"\n', ["store.kind", "oracle", "sqlite"]),
        ("[alert]\nclear_score = 2.0\n", ["alert", "clear_score"]),
        (
            "[[alert.maintenance]]\nstart = 2026-01-02T00:00:00Z\nend = 2026-01-01T00:00:00Z\n",
            ["maintenance[0]", "ends before"],
        ),
        ('[notify]\nkind = "pigeon"\n', ["notify", "pigeon"]),
        ('[serve]\nhost = "0.0.0.0"\n', ["serve.host", "loopback"]),
        ('clock = "sundial"\n', ["clock", "sundial"]),
    ],
)
@pytest.mark.parametrize("what", ["check", "run"])
def test_a_wrong_setting_is_one_line(tmp_path: Path, text: str, words: list[str], what: str) -> None:
    assert_one_line(cloud(what, settings(tmp_path, text)), *words)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('unit = "°C"', 'unit = "kelvin"', ["site.toml", "bridge.air", "kelvin", "°C"]),
        ('temperature = "bridge.air"', 'temperature = "bridge.sun"', ["bridge.sun"]),
        ('id = "bridge.air"\n', 'id = "bridge.air"\nderived_from = ["bridge.gauge"]\n', ["circle", "bridge.gauge"]),
    ],
)
def test_a_wrong_site_is_one_line(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    assert old in SITE
    assert_one_line(cloud("check", settings(tmp_path, site=SITE.replace(old, new))), *words)


def test_missing_files_are_named(tmp_path: Path) -> None:
    assert_one_line(cloud("run", tmp_path / "none.toml"), "none.toml", "no such file")
    path = settings(tmp_path)
    (tmp_path / "site.toml").unlink()
    assert_one_line(cloud("run", path), "site.toml", "no such file")


@pytest.mark.parametrize("what", ["serve", "run"])
def test_a_port_in_use_is_one_line_and_ends_the_service(tmp_path: Path, what: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = cloud(what, settings(tmp_path, f"[broker]\nport = {free_port()}\n[serve]\nport = {port}\n"))
    assert_one_line(done, "serve", str(port), "in use")


class Running:
    """`telltale cloud run` with nobody at the broker's port."""

    def __init__(self, folder: Path, text: str = "", **environment: str) -> None:
        self.port = free_port()
        text += f'clock = "data"\n[broker]\nport = {free_port()}\n[serve]\nport = {self.port}\n'
        path = settings(folder, text)
        self.log = (folder / "log").open("w+b")
        self.process = subprocess.Popen(
            [*TELLTALE, "cloud", "run", "-c", str(path)],
            stdout=self.log,
            stderr=self.log,
            env={**os.environ, **environment},
        )
        wait_for(lambda: answers(self.port), "page")

    def parts(self) -> dict[str, int]:
        """name → process id of each part."""
        found = {}
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            if "--supervised" in words:
                found[words[words.index("--supervised") - 1]] = int(pid)
        return found

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(DEADLINE_S)
        self.log.close()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_part_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    service = Running(tmp_path)
    parts = service.parts()
    assert set(parts) == {"ingest", "analyse", "store", "notify", "serve"}
    service.process.send_signal(number)
    assert service.process.wait(DEADLINE_S) == 0
    assert not any(alive(pid) for pid in parts.values())
    service.log.seek(0)
    lines = [json.loads(line) for line in service.log.read().splitlines()]
    assert lines[-1]["event"] == "stopped"
    service.close()


def test_a_part_that_is_killed_starts_again(tmp_path: Path) -> None:
    service = Running(tmp_path)
    try:
        before = service.parts()
        os.kill(before["serve"], signal.SIGKILL)
        wait_for(lambda: service.parts().get("serve", before["serve"]) != before["serve"], "new part")
        wait_for(lambda: answers(service.port), "page")
        after = service.parts()
        assert {name: after[name] for name in after if name != "serve"} == {
            name: before[name] for name in before if name != "serve"
        }
    finally:
        service.close()


@pytest.mark.parametrize("part", ["ingest", "analyse", "store", "notify", "serve"])
def test_a_part_that_hangs_is_killed_and_starts_again(tmp_path: Path, part: str) -> None:
    service = Running(tmp_path, "watchdog_s = 20\n")
    try:
        wait_for((tmp_path / "cloud-data" / "stats" / "analyse.json").exists, "the part that starts last")
        before = service.parts()
        os.kill(before[part], signal.SIGSTOP)
        # Stopped before its first beat, it is given the time that starting may take.
        is_new = partial(lambda old: service.parts().get(part, old) != old, before[part])
        wait_for(is_new, "new part", START_S + DEADLINE_S)
        after = service.parts()
        assert set(after) == set(before)
        assert not alive(before[part])
        assert "a part hangs" in (tmp_path / "log").read_text()
    finally:
        service.close()


def test_the_service_manager_hears_ready_alive_and_stopping(tmp_path: Path) -> None:
    heard = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(DEADLINE_S)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1500000"}
        service = Running(tmp_path, **environment)
        while heard.count(b"WATCHDOG=1") < 3:
            heard += manager.recv(100)
        service.process.terminate()
        while b"STOPPING=1" not in heard:
            heard += manager.recv(100)
        service.close()
    assert heard.startswith(b"READY=1")


def test_no_part_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    service = Running(tmp_path)
    parts = service.parts()
    service.process.kill()
    wait_for(lambda: not any(alive(pid) for pid in parts.values()), "end of the parts")
    service.close()

"""`telltale edge` and `telltale replay` as a technician runs them: processes, exit status, one clear line."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from telltale.cli import main
from tests.edge_agent.acker import acker
from tests.servers.process import Server, free_port, until, wait_until

EDGE = """
gateway = "{gateway}"
clock = "data"
[broker]
port = {port}
[publish]
reconnect_s = 0.1
reconnect_cap_s = 0.5
[[source]]
name = "file"
kind = "replay"
settings = {{path = "log.csv"{more}}}
[[channel]]
id = "t.a"
source = "file"
input = "{input}"
"""


def edge_toml(folder: Path, port: int, gateway: str = "gw-x", column: str = "a", more: str = "") -> Path:
    (folder / "log.csv").write_text("time,a,b\n" + "".join(f"{1_700_000_000 + i},{i},\n" for i in range(100)))
    path = folder / "edge.toml"
    path.write_text(EDGE.format(gateway=gateway, port=port, input=column, more=more))
    return path


def telltale(*args: object) -> subprocess.Popen[str]:
    code = "import sys; from telltale.cli import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (("gateway =", "gatewy ="), "unknown field `gatewy`"),
        (('kind = "replay"', 'kind = "relay"'), "unknown kind 'relay': expected one of replay, sim"),
        (('input = "a"', 'input = "q"'), "no input 'q': it has a, b"),
        (('source = "file"', 'source = "fil"'), "channel 't.a': no source 'fil': expected one of file"),
        (('input = "a"', 'input = "a"\nrate_hz = 10.0'), "channel 't.a': window_samples is missing"),
        (('"log.csv"', '"log.cvs"'), "log.cvs: no such file"),
        (("[broker]", '[broker]\nhost = "example.org"'), "broker.ca_file: missing"),
    ],
)
def test_bad_settings_are_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], edit: tuple[str, str], said: str
) -> None:
    path = edge_toml(tmp_path, 1)
    path.write_text(path.read_text().replace(*edit))
    assert main(["edge", "run", "-c", str(path)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_reading_that_is_garbage_ends_the_source_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = edge_toml(tmp_path, free_port(), more=', columns = ["a"]')
    (tmp_path / "log.csv").write_text("time,a\n1700000000,1\n1700000001,garbage\n")
    running = telltale("edge", "run", "-c", path)
    wait_until((tmp_path / "edge-data" / "outbox").exists, "the agent's start")
    assert running.stderr is not None
    line = next(line for line in running.stderr if "garbage" in line)
    assert "line 3: column 'a': 'garbage' is not a number" in line
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=30)
    assert running.returncode == 2


def test_with_the_broker_down_it_records_says_so_and_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    path = edge_toml(tmp_path, free_port())
    running = telltale("edge", "run", "-c", path)
    assert running.stderr is not None
    assert any("recording goes on" in line for line in running.stderr)
    running.send_signal(signal.SIGTERM)
    out, _ = running.communicate(timeout=30)
    assert running.returncode == 0
    assert "1 waiting" in out


def test_replay_and_check_say_when_the_broker_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = edge_toml(tmp_path, free_port())
    for command in (["replay", "-c", str(path)], ["edge", "check", "-c", str(path)]):
        assert main(command) == 2
        assert "no connection" in capsys.readouterr().err


def test_two_agents_in_one_folder_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = edge_toml(tmp_path, free_port())
    first = telltale("edge", "run", "-c", path)
    wait_until((tmp_path / "edge-data" / "outbox").exists, "the first agent's start")
    assert main(["edge", "run", "-c", str(path)]) == 2
    assert "another agent is using it" in capsys.readouterr().err
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=30)


@pytest.mark.e2e
def test_check_shows_each_channel(broker: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = edge_toml(tmp_path, broker.port)
    assert main(["edge", "check", "-c", str(path)]) == 0
    table = capsys.readouterr().out
    assert "t.a" in table
    assert "every 1 s" in table
    assert "2023-11-14 22:14:59" in table
    assert "reachable" in table
    path.write_text(path.read_text() + '[[channel]]\nid = "t.b"\nsource = "file"\ninput = "b"\n')
    assert main(["edge", "check", "-c", str(path)]) == 1
    assert "MISSING" in capsys.readouterr().out


@pytest.mark.e2e
async def test_replay_of_a_file_without_settings(broker: Server, tmp_path: Path) -> None:
    edge_toml(tmp_path, 1)
    gateway = f"gw-{uuid.uuid4().hex[:10]}"
    async with acker(broker.port, gateway) as service:
        running = telltale(
            *("replay", tmp_path / "log.csv", "--gateway", gateway, "--prefix", "hall"),
            *("--broker", f"127.0.0.1:{broker.port}", "--data-dir", tmp_path / "data", "--column", "a"),
        )
        out, _ = await asyncio.to_thread(running.communicate, timeout=60)
    assert running.returncode == 0
    assert service.samples("hall.a") == 100
    assert "0 waiting" in out


@pytest.mark.e2e
async def test_kill_9_of_the_agent_loses_nothing_that_was_committed(broker: Server, tmp_path: Path) -> None:
    gateway = f"gw-{uuid.uuid4().hex[:10]}"
    path = edge_toml(tmp_path, broker.port, gateway)
    async with acker(broker.port, gateway, answer=False) as service:
        first = telltale("edge", "run", "-c", path)
        await until(lambda: bool(service.frames), "the first frame")
        os.kill(first.pid, signal.SIGKILL)
        await asyncio.to_thread(first.communicate)
        seen = set(service.unique())
        service.answer = True
        second = telltale("edge", "run", "-c", path, "--until-drained")
        await asyncio.to_thread(second.communicate, timeout=60)
    assert second.returncode == 0
    assert seen < set(service.unique())
    assert all(len(service.stored[run]) == max(service.stored[run]) for run in service.stored)
    assert service.samples("t.a") == 200, "two runs, each stored once"

"""What the service manager is told, on a real socket; and that a hang is told by silence."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge_agent.outbox.box import Outbox, OutboxSettings
from edge_agent.reports import Reports
from edge_agent.watchdog import give_signs
from sensors_sim.demo.system import TELLTALE
from telltale.notify_socket import ALIVE
from tests.edge_agent.test_agent_e2e import write_csv
from tests.servers.process import until


class Manager:
    """A service manager's socket, as systemd's."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "notify")
        self.said: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.setblocking(False)

    def hear(self) -> list[str]:
        """All that was said up to now."""
        while True:
            try:
                self.said += self._socket.recv(4_096).decode().splitlines()
            except BlockingIOError:
                return self.said

    def count(self) -> int:
        return self.hear().count(ALIVE)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Manager]:
    manager = Manager(tmp_path)
    monkeypatch.setenv("NOTIFY_SOCKET", manager.path)
    yield manager
    manager.close()


@asynccontextmanager
async def signs(outbox: Outbox) -> AsyncIterator[None]:
    async def answers() -> None:
        await outbox.call(lambda: None)

    task = asyncio.create_task(give_signs(0.04, answers))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_signs_stop_while_the_outbox_s_thread_hangs_and_go_on_after_it(tmp_path: Path, manager: Manager) -> None:
    outbox, disk = Outbox(OutboxSettings(), Reports()), threading.Event()
    await outbox.open(tmp_path, b"r" * 16)
    async with signs(outbox):
        await until(lambda: manager.count() >= 3, "signs of life")
        hung = asyncio.ensure_future(outbox.call(lambda: disk.wait(30)))
        before = manager.count()
        for _ in range(50):
            await asyncio.sleep(0.002)
        assert manager.count() <= before + 1, "one may have been on its way"
        disk.set()
        await hung
        await until(lambda: manager.count() > before, "signs of life again")
    await outbox.close()


async def test_nobody_asks_and_nothing_is_said(manager: Manager) -> None:
    task = asyncio.create_task(give_signs(None, asyncio.sleep))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert not task.done()
    assert manager.hear() == []
    task.cancel()


@pytest.mark.e2e
async def test_the_agent_says_that_it_is_ready_alive_and_stopping_and_a_stopped_one_is_silent(
    tmp_path: Path, manager: Manager
) -> None:
    write_csv(tmp_path / "log.csv")
    (tmp_path / "edge.toml").write_text(
        'gateway = "gw-watched"\n[broker]\nport = 1\n[[source]]\nname = "file"\nkind = "replay"\n'
        'settings = {path = "log.csv"}\n[[channel]]\nid = "t.a"\nsource = "file"\ninput = "a"\n'
    )
    environment = {**os.environ, "NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "100000"}
    agent = await asyncio.create_subprocess_exec(
        *TELLTALE, "edge", "run", "-c", str(tmp_path / "edge.toml"), env=environment, stderr=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await until(lambda: manager.count() >= 3, "signs of life")
        assert manager.said[0] == "READY=1"
        agent.send_signal(signal.SIGSTOP)
        stat = Path(f"/proc/{agent.pid}/stat")
        await until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "the process stopped")
        before = manager.count()
        agent.send_signal(signal.SIGCONT)
        await until(lambda: manager.count() > before, "signs of life again")
        agent.terminate()
        assert await agent.wait() == 0
        assert manager.hear()[-1] == "STOPPING=1"
    finally:
        if agent.returncode is None:
            agent.kill()
            await agent.wait()

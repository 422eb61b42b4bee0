"""Processes as systemd would keep them: started again when they end, killed when their watchdog falls silent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from chaos.link import HOST
from telltale.errors import FatalError

RESTART_S = 0.3
STOP_WITHIN_S = 40.0  # an agent commits and tries to bring its outbox over before it ends
REST_WITHIN_S = 8.0
WATCHDOG_S = 20.0
POLL_S = 0.05


class Watchdog:
    """The other end of `NOTIFY_SOCKET`; armed by the first `WATCHDOG=1` of a process, as long as that one lives."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(path))
        self._path = path
        self._last_s: float | None = None
        self.was_ever_armed = False

    @property
    def environment(self) -> dict[str, str]:
        """What the process is told."""
        return {"NOTIFY_SOCKET": str(self._path), "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}

    def begin(self) -> None:
        """A new process starts: not armed."""
        self._drain()
        self._last_s = None

    def is_overdue(self) -> bool:
        """Whether the process has missed its watchdog."""
        if b"WATCHDOG=1" in self._drain():
            self._last_s = time.monotonic()
            self.was_ever_armed = True
        return self._last_s is not None and time.monotonic() - self._last_s > WATCHDOG_S

    def _drain(self) -> bytes:
        said = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                said += self._socket.recv(4096) + b"\n"
        return said

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        self._path.unlink(missing_ok=True)


class Unit:
    """One process that is kept running.

    Args:
        name: for people and the log file.
        command: how to start it.
        environment: asked at each start.
        log: its output.
        port: where it listens when it is ready; 0: none.
        watchdog: where it says that it is alive.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Callable[[], Mapping[str, str]],
        log: Path,
        *,
        port: int = 0,
        watchdog: Watchdog | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.port = port
        self.watchdog = watchdog
        self.log = log
        self.ends: list[tuple[float, int]] = []
        self.starts = 0
        self.watchdog_kills = 0
        self.before_start: Callable[[], None] | None = None
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._is_up = asyncio.Event()

    @property
    def last_end_s(self) -> float | None:
        """When it ended last (monotonic)."""
        return self.ends[-1][0] if self.ends else None

    @property
    def pid(self) -> int:
        """The process id; 0 while it is down."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    def start(self) -> None:
        """Start it, and keep it running from now on."""
        self._wanted.set()
        self._keeper = asyncio.create_task(self._keep())

    async def ready(self, deadline_s: float = 60.0) -> None:
        """Until it runs and listens.

        Raises:
            FatalError: not by the deadline; names it and its last words.
        """
        end = time.monotonic() + deadline_s
        while not (self.pid and (not self.port or await accepts(self.port))):
            if time.monotonic() > end:
                raise FatalError(
                    f"{self.name} is not ready after {deadline_s:g} s: {self.last_words()} (log: {self.log})"
                )
            await asyncio.sleep(POLL_S)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the main process."""
        if pid := self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """`kill -9` of the main process; it is started again."""
        self.signal(signal.SIGKILL)

    def hold_down(self) -> None:
        """Do not start it again before `let_up`."""
        self._wanted.clear()

    def let_up(self) -> None:
        """Start it again."""
        self._wanted.set()

    async def stop(self) -> int:
        """SIGTERM, wait, else kill; not started again. Returns the exit status."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        status = await self._end()
        if self.watchdog is not None:
            self.watchdog.begin()
        return status

    def last_words(self) -> str:
        """The last lines of its log."""
        if not self.log.exists():
            return "no output"
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return " / ".join(lines[-3:]) or "no output"

    async def _keep(self) -> None:
        while True:
            await self._wanted.wait()
            self._spawn()
            status = await self._ended()
            self.ends.append((time.monotonic(), status))
            await self._clear_group()
            await asyncio.sleep(RESTART_S)

    def _spawn(self) -> None:
        if self.watchdog is not None:
            self.watchdog.begin()
        if self.before_start is not None:
            self.before_start()
        environment = dict(self._environment())
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, start_new_session=True
            )
        self.starts += 1

    async def _ended(self) -> int:
        assert self._process is not None
        while (status := self._process.poll()) is None:
            if self.watchdog is not None and self.watchdog.is_overdue():
                self.watchdog_kills += 1
                self.kill()
            await asyncio.sleep(POLL_S)
        return status

    async def _end(self) -> int:
        process = self._process
        if process is None:
            return 0
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        end = time.monotonic() + STOP_WITHIN_S
        while process.poll() is None:
            if time.monotonic() > end:
                self.kill()
            await asyncio.sleep(POLL_S)
        await self._clear_group()
        return process.returncode

    async def _clear_group(self) -> None:
        """What the main process leaves behind ends before it is started again (systemd: KillMode=control-group)."""
        assert self._process is not None
        group, end = self._process.pid, time.monotonic() + REST_WITHIN_S
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGTERM)
            os.killpg(group, signal.SIGCONT)
            while True:
                os.killpg(group, signal.SIGKILL if time.monotonic() > end else 0)
                await asyncio.sleep(POLL_S)


async def accepts(port: int) -> bool:
    """Whether something listens on the loopback `port`."""
    try:
        async with asyncio.timeout(1.0):
            _, writer = await asyncio.open_connection(HOST, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True

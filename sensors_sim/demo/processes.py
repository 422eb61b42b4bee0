"""The demo's processes: started in order, watched, ended by id in reverse order."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from telltale.errors import FatalError

STOP_DEADLINE_S = 20.0
POLL_S = 0.05


def free_port() -> int:
    """A loopback TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(port: int) -> bool:
    """Whether something listens on the loopback `port`."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Child:
    """One process with its log file."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as out:
            # A session of its own: Ctrl-C in the terminal reaches the demo alone, which then ends them in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=dict(environment) if environment is not None else None,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def status(self) -> int | None:
        """Exit status, or None while it runs."""
        return self._process.poll()

    def last_words(self) -> str:
        """The last lines of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return " / ".join(lines[-3:]) or "no output"

    def must_run(self) -> None:
        """Raise `FatalError`, with its last words, where it has ended."""
        if (status := self.status()) is not None:
            raise FatalError(f"{self.name} ended with status {status}: {self.last_words()} (log: {self.log})")

    def wait_for_port(self, port: int, deadline_s: float = 60.0) -> None:
        """Until it listens on `port`; raises `FatalError` where it ends or the deadline passes."""
        end = time.monotonic() + deadline_s
        while not accepts(port):
            self.must_run()
            if time.monotonic() > end:
                raise FatalError(f"{self.name} does not listen on port {port} after {deadline_s:g} s (log: {self.log})")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Ask it to end, wait, and only then force it (with all that it started)."""
        if self.status() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=STOP_DEADLINE_S)

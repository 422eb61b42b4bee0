"""What the agent tells the service manager that started it (sd_notify(3)); nobody else is told anything.

The watchdog's sign of life comes from the event loop and only when the outbox's thread answers: an agent that hangs, or
whose disk does, is killed and started again. A disk that is full is no hang: that thread answers.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

SIGNS_A_TIMEOUT = 4
US_PER_S = 1_000_000


class ServiceManager:
    """The service manager's socket.

    Args:
        environment: names the socket and the watchdog's time-out where there are such.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._timeout_s = _timeout_s(environment)

    def ready(self) -> None:
        """The agent records."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """The agent is about to end."""
        self._tell("STOPPING=1")

    async def watch(self, answers: Callable[[], Awaitable[None]]) -> None:
        """Give signs of life for ever, each one after `answers` has returned."""
        if not self._address or self._timeout_s is None:
            await asyncio.Event().wait()
            return
        while True:
            await answers()
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self._timeout_s / SIGNS_A_TIMEOUT)

    def _tell(self, state: str) -> None:
        if self._address:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                out.setblocking(False)
                out.sendto(state.encode(), self._address)


def _timeout_s(environment: Mapping[str, str]) -> float | None:
    """The watchdog's time-out, where one is set and meant for this process."""
    try:
        if int(environment.get("WATCHDOG_PID", os.getpid())) != os.getpid():
            return None
        return int(environment["WATCHDOG_USEC"]) / US_PER_S
    except (KeyError, ValueError):
        return None

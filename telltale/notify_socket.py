"""Telling systemd how this process is (`sd_notify(3)`): ready, stopping, alive. Does nothing where nobody listens."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping

READY, STOPPING, ALIVE = "READY=1", "STOPPING=1", "WATCHDOG=1"


def notify(*words: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send `words` to the service manager; whether there is one that took them. Never raises, never blocks."""
    address = environment.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return False
    if address[0] == "@":
        address = "\0" + address[1:]  # abstract namespace
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.setblocking(False)
        sender.sendto("\n".join(words).encode(), address)
        return True
    return False


def watchdog_s(environment: Mapping[str, str] = os.environ, pid: int | None = None) -> float | None:
    """Within how many seconds the service manager wants to hear `ALIVE`; None where it does not ask this process."""
    asked, meant = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not asked.isdigit() or int(asked) == 0 or (meant and meant != str(os.getpid() if pid is None else pid)):
        return None
    return int(asked) / 1e6

"""sd_notify against a real datagram socket."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from telltale.notify_socket import ALIVE, READY, notify, watchdog_s


@pytest.mark.parametrize("form", ["path", "abstract"])
def test_words_reach_the_service_manager(tmp_path: Path, form: str) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path if form == "path" else "\0" + path)
        environment = {"NOTIFY_SOCKET": path if form == "path" else "@" + path}
        assert notify(READY, ALIVE, environment=environment)
        assert manager.recv(100) == b"READY=1\nWATCHDOG=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "relative"}, {"NOTIFY_SOCKET": "/nowhere/notify"}])
def test_without_a_service_manager_nothing_happens(environment: dict[str, str]) -> None:
    assert not notify(READY, environment=environment)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_kept_only_where_it_is_asked_of_this_process(
    environment: dict[str, str], expected: float | None
) -> None:
    assert watchdog_s(environment, pid=7) == expected

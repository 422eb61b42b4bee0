"""Fixtures that every layer shares. Servers are real, started once a run, on loopback ports of their own."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.influxdb import Influx, influxdb
from tests.servers.mosquitto import mosquitto
from tests.servers.process import Server, running
from tests.servers.smtp import Mailbox, smtp_mailbox

_BUCKETS = itertools.count(1)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real Mosquitto for the whole run; use gateway ids of your own."""
    with running(mosquitto(tmp_path_factory.mktemp("mosquitto"))) as server:
        yield server


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Server]:
    """A real Mosquitto that the test may kill and restart."""
    with running(mosquitto(tmp_path / "mosquitto")) as server:
        yield server


@pytest.fixture(scope="session")
def influx_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    with influxdb(tmp_path_factory.mktemp("influxdb")) as influx:
        yield influx


@pytest.fixture
def influx(influx_server: Influx) -> Influx:
    """A real InfluxDB with an empty bucket."""
    if influx_server.is_v2:
        return influx_server
    influx_server.fail_next.clear()
    influx_server.late.clear()
    return influx_server.new_bucket(f"telltale_{next(_BUCKETS)}")


@pytest.fixture
def smtp_server() -> Iterator[Mailbox]:
    """A real SMTP server with an empty mailbox."""
    with smtp_mailbox() as mailbox:
        yield mailbox


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings, or a skip that says so."""
    folder = os.environ.get("TELLTALE_DATA", "")
    if not folder:
        pytest.skip("TELLTALE_DATA is not set: no real recordings here")
    if not Path(folder).is_dir():
        pytest.fail(f"TELLTALE_DATA={folder}: no such folder")
    return Path(folder)

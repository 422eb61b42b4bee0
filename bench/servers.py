"""The broker and ingest that benches start, as real processes."""

from __future__ import annotations

import json
import time
from pathlib import Path

from sensors_sim.demo.debian import find_program
from sensors_sim.demo.mosquitto import write_settings
from sensors_sim.demo.processes import Child
from sensors_sim.demo.system import TELLTALE

START_S = 60.0


def start_broker(folder: Path, port: int) -> Child:
    """The demo's broker, which answers."""
    mosquitto = find_program("mosquitto", "mosquitto", Path("build"), print)
    settings = write_settings(folder / "broker", port)
    words = [str(mosquitto.path), "-c", str(settings)]
    child = Child("broker", words, folder / "broker.log", mosquitto.full_environment())
    try:
        child.wait_for_port(port)
    except BaseException:
        child.stop()
        raise
    return child


def start_ingest(folder: Path, config: Path) -> Child:
    """The service's ingest, which is connected; its data are in `folder/data`."""
    child = Child("ingest", [*TELLTALE, "cloud", "ingest", "-c", str(config)], folder / "ingest.log")
    try:
        _until_connected(child, folder / "data" / "stats" / "ingest.json")
    except BaseException:
        child.stop()
        raise
    return child


def _until_connected(child: Child, stats: Path) -> None:
    end = time.monotonic() + START_S
    while not connects(stats):
        child.must_run()
        if time.monotonic() > end:
            raise TimeoutError(f"ingest is not connected after {START_S:g} s")
        time.sleep(0.05)


def connects(stats: Path) -> int:
    """How often ingest has connected to the broker, by the counters that it writes."""
    return int(json.loads(stats.read_text(encoding="utf-8"))["connects"]) if stats.exists() else 0

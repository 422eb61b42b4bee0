"""A real Mosquitto."""

from __future__ import annotations

from pathlib import Path

from sensors_sim.demo.mosquitto import write_settings
from tests.servers.process import Server, free_port
from tests.servers.programs import program


def mosquitto(folder: Path) -> Server:
    """A broker with its files in `folder`; not yet started."""
    found = program("mosquitto", "mosquitto")
    port = free_port()
    settings = write_settings(folder, port)
    return Server([str(found.path), "-c", str(settings)], port, folder / "mosquitto.log", found.full_environment())

"""A real Mosquitto."""

from __future__ import annotations

from pathlib import Path

from sensors_sim.demo.mosquitto import write_settings
from tests.servers.process import Server, free_port
from tests.servers.programs import program


def mosquitto(folder: Path, *, more: str = "", without: str = "") -> Server:
    """A broker with its files in `folder`, not yet started; `more` settings, and `without` one that it has."""
    found = program("mosquitto", "mosquitto")
    port = free_port()
    settings = write_settings(folder, port)
    kept = [line for line in settings.read_text().splitlines() if not without or not line.startswith(without)]
    settings.write_text("\n".join([*kept, more, ""]))
    return Server([str(found.path), "-c", str(settings)], port, folder / "mosquitto.log", found.full_environment())

"""The data folder's disk fills while the service runs: nothing acknowledged is lost, nobody spins, all recover alone."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from bench.keeper import Keeper
from tests.cloud_service.operate.load import CHANNELS, GATEWAY, frame, one, readings, site_toml
from tests.e2e.service import running_service
from tests.servers.process import Server, wait_until
from tests.servers.small_disk import MIB, small_disk

SIZE_MB = 64
PARTS = {"ingest", "analyse", "store", "notify", "serve"}


def fill(folder: Path) -> Path:
    """A file that takes all that is left."""
    path = folder / "filler"
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4_096))
    assert path.stat().st_size > 2**20
    assert shutil.disk_usage(folder).free == 0
    return path


@pytest.mark.e2e
def test_a_full_disk_stops_acknowledging_and_recovers_by_itself(broker: Server, tmp_path: Path) -> None:
    with small_disk(tmp_path / "cloud-data", SIZE_MB * MIB) as disk:
        if disk != tmp_path / "cloud-data":
            pytest.skip("only root can give the service's data folder a disk of its own")
        with running_service(tmp_path, broker.port, site_toml(), '[store]\nkind = "sqlite"') as service:
            keeper = Keeper(broker.port, GATEWAY, frame, frames_a_second=100)
            keeper.start()
            wait_until(lambda: readings(service.data) > 200, "readings")
            filler = fill(disk)
            wait_until(lambda: "journal refused a commit" in _events(tmp_path), "the journal has no room", 180)
            before = keeper.kept
            wait_until(lambda: keeper.kept > before + 200, "ingest stops acknowledging", 120)
            filler.unlink()
            keeper.stop_making()
            wait_until(lambda: keeper.kept == 0, "everything acknowledged", 180)
            service.finish()
            made = keeper.made
            assert readings(service.data) == made * len(CHANNELS)
            assert one(service.data / "journal.db", "SELECT SUM(stored) FROM runs") == made
            service.child.must_run()
        restarts = [event for event in _events(tmp_path) if event == "a part ended; starting it again"]
        assert len(restarts) <= len(PARTS) * 3, Counter(_events(tmp_path))
        assert "Traceback" not in (tmp_path / "cloud.log").read_text()


def _events(folder: Path) -> list[str]:
    lines = (folder / "cloud.log").read_text(errors="replace").splitlines()
    return [json.loads(line).get("event", "") for line in lines if line.startswith("{")]

"""A short flood of malformed frames through a real broker and the real processes; the full form is `bench flood`."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.flood import flood
from tests.servers.programs import program

pytestmark = pytest.mark.e2e

COUNT, RATE = 12_000, 1_500


def test_a_flood_disturbs_nobody(tmp_path: Path) -> None:
    program("mosquitto", "mosquitto")
    found = flood(tmp_path, COUNT, RATE)
    assert found.uncaught == []
    assert found.restarted == 0
    assert found.rejected == COUNT
    assert found.unanswered == 0
    assert found.journaled_once
    assert len(found.latency_s) > 40
    assert found.dead_letters <= 2_000
    before, most, _ = found.rss_mb["ingest"]
    assert most < before + 150
    assert found.log_kb < 100

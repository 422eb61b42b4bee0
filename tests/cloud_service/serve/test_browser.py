"""The pages in a real browser: scripts run under the page's own policy, and charts are drawn."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cloud_service.serve.run import run
from cloud_service.serve.settings import ServeSettings
from telltale.clock import DataClock
from tests.cloud_service.seed.site import sample_site
from tests.cloud_service.seed.state import seed_state
from tests.cloud_service.seed.store import opener, seed_store
from tests.servers.chromium import dump_dom
from tests.servers.process import free_port


@pytest.mark.e2e
async def test_charts_are_drawn(tmp_path: Path) -> None:
    data_dir, port, stop = tmp_path / "data", free_port(), asyncio.Event()
    seed_state(data_dir)
    await seed_store(data_dir)
    serving = asyncio.create_task(
        run(
            ServeSettings(port=port),
            site=sample_site(),
            data_dir=data_dir,
            open_store=opener(data_dir),
            clock=DataClock(),
            stop=stop,
            base=tmp_path,
        )
    )
    try:
        url = f"http://127.0.0.1:{port}/channels/footbridge.midspan.az?span=90d"
        dom = await asyncio.to_thread(dump_dom, url, tmp_path)
    finally:
        stop.set()
        await serving
    assert dom.count('class="main-svg"') >= 4
    assert "Loading…" not in dom
    assert "could not be loaded" not in dom
    assert "warn (peak)" in dom
    assert "seconds after 2026-06-12 11:05:00 (Europe/Berlin)" in dom

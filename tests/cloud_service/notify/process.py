from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

from cloud_service.notify.run import run
from cloud_service.notify.settings import NotifySettings
from cloud_service.state import open_state
from cloud_service.store_reader import OpenStore
from telltale.clock import DataClock
from tests.cloud_service.seed.site import sample_site
from tests.cloud_service.seed.state import seed_state
from tests.cloud_service.seed.store import opener


class Notify:
    """The notify process on a seeded state.db, and what a test asks of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        seed_state(folder)
        self.state: sqlite3.Connection = open_state(folder, durable=False)

    def row(self, row_id: int) -> tuple[str, int, str]:
        query = "SELECT state, attempts, error FROM outbox WHERE id = ?"
        return self.state.execute(query, (row_id,)).fetchone()

    @contextlib.asynccontextmanager
    async def running(self, settings: NotifySettings, open_store: OpenStore | None = None) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(
            run(
                settings,
                site=sample_site(),
                data_dir=self.folder,
                open_store=open_store or opener(self.folder),
                clock=DataClock(),
                stop=stop,
                base=self.folder,
            )
        )
        try:
            yield
        finally:
            stop.set()
            await task

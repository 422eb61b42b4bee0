from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from cloud_service.journal.writer import open_journal
from cloud_service.serve.app import create_app
from cloud_service.serve.mail_folder import MailFolder
from cloud_service.serve.service import Service
from cloud_service.serve.settings import ServeSettings
from cloud_service.state import open_state
from cloud_service.store_reader import OpenStore, StoreReader
from telltale.clock import DataClock
from tests.cloud_service.seed.site import sample_site
from tests.cloud_service.seed.state import seed_state
from tests.cloud_service.seed.store import opener, seed_store

BASE = "http://127.0.0.1:8080"


@pytest.fixture
async def make_service(tmp_path: Path) -> AsyncIterator[Callable[..., Service]]:
    made: list[Service] = []

    def make(open_store: OpenStore | None = None) -> Service:
        service = Service(
            settings=ServeSettings(),
            site=sample_site(),
            data_dir=tmp_path,
            state=open_state(tmp_path, durable=False),
            journal=open_journal(tmp_path, durable=False),
            store=StoreReader(open_store or opener(tmp_path), timeout_s=5.0),
            mails=MailFolder(tmp_path / "mails"),
            clock=DataClock(),
        )
        made.append(service)
        return service

    yield make
    for service in made:
        await service.store.close()
        service.state.close()
        service.journal.close()


@pytest.fixture
def empty(make_service: Callable[..., Service]) -> Service:
    """A service that has never seen a reading."""
    return make_service()


@pytest.fixture
async def full(tmp_path: Path, make_service: Callable[..., Service]) -> Service:
    """A service with everything in it."""
    seed_state(tmp_path)
    await seed_store(tmp_path)
    return make_service()


@pytest.fixture
def browse() -> Callable[..., httpx.AsyncClient]:
    def browse_(service: Service, **options: object) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(create_app(service), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=BASE, **options)

    return browse_

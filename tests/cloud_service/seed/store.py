from __future__ import annotations

from pathlib import Path

from cloud_service.store import STORES
from cloud_service.store.port import Store
from cloud_service.store_reader import OpenStore
from tests.cloud_service.seed.results import results
from tests.cloud_service.seed.site import sample_site


async def seed_store(data_dir: Path) -> None:
    store = await opener(data_dir)()
    await store.write(results())
    await store.close()


def opener(data_dir: Path) -> OpenStore:
    kind = STORES["sqlite"]

    async def open_store() -> Store:
        return await kind.open(kind.settings(), sample_site(), data_dir)

    return open_store

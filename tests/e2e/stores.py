"""Reading a service's store through its own port, whichever store it is."""

from __future__ import annotations

from cloud_service.settings import load_cloud
from cloud_service.store.port import Store
from tests.e2e.service import Service


async def open_reader(service: Service) -> Store:
    """The store that `service` writes to, opened beside it."""
    cloud = load_cloud(service.folder / "cloud.toml")
    return await cloud.store().open(cloud.site, cloud.data_dir)

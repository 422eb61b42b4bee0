"""Reading a service's store through its own port, whichever store it is."""

from __future__ import annotations

from cloud_service.settings import load_settings

from cloud_service.store import STORES
from cloud_service.store.port import Store
from telltale.site import load_site
from tests.e2e.service import Service


async def open_reader(service: Service) -> Store:
    """The store that `service` writes to, opened beside it."""
    settings = load_settings(service.folder / "cloud.toml")
    return await STORES[settings.store.kind].open(settings.store, load_site(service.folder / "site.toml"), service.data)

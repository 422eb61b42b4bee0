"""Where results live. Two stores behind one port: embedded SQLite and InfluxDB."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud_service.store.influxdb import InfluxSettings
from cloud_service.store.influxdb import check as check_influxdb
from cloud_service.store.influxdb import open_store as open_influxdb
from cloud_service.store.port import Store
from cloud_service.store.sqlite import SqliteSettings
from cloud_service.store.sqlite import open_store as open_sqlite
from telltale.settings import Settings
from telltale.site import Site


@dataclass(frozen=True)
class StoreKind:
    """One implementation: the type of its settings, what they must not say, and the factory that takes them."""

    settings: type[Settings]
    check: Callable[[Any, str], None]
    open: Callable[[Any, Site, Path], Awaitable[Store]]


def _nothing(_settings: Settings, _where: str) -> None:
    """What the types do not tell: nothing."""


# The registry: `kind` in `[store]` of `cloud.toml`.
STORES = {
    "sqlite": StoreKind(SqliteSettings, _nothing, open_sqlite),
    "influxdb": StoreKind(InfluxSettings, check_influxdb, open_influxdb),
}

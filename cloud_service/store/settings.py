"""`[store]` in `cloud.toml`: which store, its own settings, and how the spool is drained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from cloud_service.store import STORES
from cloud_service.store.port import Store
from telltale.errors import SettingsError, expected_one_of
from telltale.settings import Settings, convert
from telltale.site import Site


class SpoolSettings(Settings, frozen=True):
    """`[store.spool]`.

    Attributes:
        batch_items, batch_bytes: at most so much of the spool goes into one write (one item always does).
        poll_ms: how often an empty spool is looked at.
        refused_rows: how many refused entries are kept.
        last_word_s: how long after a write that was not answered the store may still carry it out, over newer rows:
            then their newest version is written once more (`cloud_service.store.last_word`).
    """

    batch_items: Annotated[int, Meta(ge=1, le=10_000)] = 500
    batch_bytes: Annotated[int, Meta(ge=1_024)] = 16 * 1024 * 1024
    poll_ms: Annotated[int, Meta(ge=1, le=10_000)] = 50
    refused_rows: Annotated[int, Meta(ge=1)] = 10_000
    last_word_s: Annotated[float, Meta(gt=0, le=3_600)] = 60.0


@dataclass(frozen=True)
class StoreSettings:
    """A store that was chosen and configured."""

    kind: str
    settings: Settings
    spool: SpoolSettings

    async def open(self, site: Site, data_dir: Path) -> Store:
        """Open the store (see its factory for errors)."""
        return await STORES[self.kind].open(self.settings, site, data_dir)


def store_settings(table: Mapping[str, Any], where: str) -> StoreSettings:
    """The `[store]` table: `kind`, the keys of that kind, and optionally `[store.spool]`.

    Raises:
        SettingsError: naming file, key and what was expected.
    """
    rest = dict(table)
    kind = rest.pop("kind", "sqlite")
    if kind not in STORES:
        raise SettingsError(f"{where}: store.kind: {kind!r}", expected_one_of(STORES))
    spool = convert(rest.pop("spool", {}), SpoolSettings, f"{where}: store.spool")
    settings: Settings = convert(rest, STORES[kind].settings, f"{where}: store")
    STORES[kind].check(settings, where)
    return StoreSettings(kind, settings, spool)

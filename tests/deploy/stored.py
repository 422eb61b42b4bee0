"""Rows written the way the service writes them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from cloud_service.store.influxdb import InfluxSettings, open_store
from cloud_service.store.schema import Rows
from telltale.durable_file import write_durably
from telltale.site_file import load_site
from tests.deploy.sample_rows import SITE_TOML
from tests.servers.influxdb import Influx


def store(influx: Influx, batches: Sequence[Rows]) -> None:
    """Write `batches` through the InfluxDB store, as the store process does."""
    asyncio.run(_store(influx, batches))


async def _store(influx: Influx, batches: Sequence[Rows]) -> None:
    with TemporaryDirectory() as folder:
        site_file = Path(folder) / "site.toml"
        site_file.write_text(SITE_TOML, encoding="utf-8")
        write_durably(Path(folder) / "token", influx.token.encode())
        settings = InfluxSettings(url=influx.url, org=influx.org, bucket=influx.bucket, token_file="token")
        opened = await open_store(settings, load_site(site_file), Path(folder))
        try:
            await opened.write(batches)
        finally:
            await opened.close()

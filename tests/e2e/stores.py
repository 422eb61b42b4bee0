"""Reading a service's store through its own port, whichever store it is."""

from __future__ import annotations

from cloud_service.settings import load_cloud
from cloud_service.store.port import Query, Store, Table
from tests.e2e.service import Service
from tests.servers.influxdb import Influx


async def open_reader(service: Service) -> Store:
    """The store that `service` writes to, opened beside it."""
    cloud = load_cloud(service.folder / "cloud.toml")
    return await cloud.store().open(cloud.site, cloud.data_dir)


async def read(service: Service, measurement: str, channel: str, *fields: str) -> Table:
    """All rows of one channel."""
    store = await open_reader(service)
    try:
        return await store.read(Query(measurement, channel, fields))
    finally:
        await store.close()


def toml_of(influx: Influx) -> str:
    """`[store]` of a service that writes to `influx`; its token is in the environment."""
    return f'[store]\nkind = "influxdb"\nurl = "{influx.url}"\norg = "{influx.org}"\nbucket = "{influx.bucket}"\n'

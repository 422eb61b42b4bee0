"""The InfluxDB store: 1.x (behind anything that answers `/api/v2/write`), 2.x and what speaks their protocol.

A point: measurement, tags `facility`, `structure`, `channel` (or `gateway`) and for findings `reason`, fields as in
`cloud_service.store.schema`. The same point written again changes nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from cloud_service.store.answer import bucket_table, raw_table
from cloud_service.store.check import check_query, float_fields, sift
from cloud_service.store.influx_http import InfluxHttp, Refusal
from cloud_service.store.influx_provision import provision
from cloud_service.store.influxql import bucket_query, bucket_records, delete_query, raw_query, raw_records
from cloud_service.store.line_protocol import encode_lines
from cloud_service.store.port import Query, Table
from cloud_service.store.refused import Refused, RefusedError
from cloud_service.store.schema import MEASUREMENTS, Measurement, Rows, one_row
from telltale.broker import is_loopback
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.errors import RejectReason, RetryError, SettingsError
from telltale.private_file import check_private
from telltale.settings import Settings
from telltale.site import Site
from telltale.topics import Name

TOKEN_VARIABLE = "TELLTALE_INFLUX_TOKEN"  # noqa: S105 - the name of a variable
MAX_LINES = 10_000
MAX_BYTES = 1_000_000  # aiohttp hands larger bodies to the socket in one piece and says that it should not

Line = tuple[Rows, int, bytes]
Days = Annotated[int, Meta(ge=0)]


class InfluxSettings(Settings, frozen=True):
    """`[store]` with `kind = "influxdb"`.

    Attributes:
        url: of the server; plain http on loopback only.
        org, bucket: where the points go; the bucket is made where it is missing.
        token_file: a file that holds the API token, relative to the data folder; empty: the variable
            `TELLTALE_INFLUX_TOKEN`.
        timeout_s: of one request.
        gzip: compress writes.
        raw_days: measurement → days that its points are kept (0: for ever), where it differs from the schema's own.
    """

    url: str = "http://127.0.0.1:8086"
    org: str = "telltale"
    bucket: Name = "telltale"
    token_file: str = ""
    timeout_s: Annotated[float, Meta(gt=0, le=600)] = 20.0
    gzip: bool = False
    raw_days: dict[str, Days] = msgspec.field(default_factory=dict)


async def open_store(settings: InfluxSettings, site: Site, data_dir: Path) -> InfluxStore:
    """Make the client. The server need not be up: bucket and mapping are provisioned before the first use.

    Raises:
        SettingsError: a token file that cannot be read, or that others may read; names the setting.
    """
    token = _token(settings, data_dir)
    http = InfluxHttp(settings.url, settings.org, settings.bucket, token, settings.timeout_s, is_gzip=settings.gzip)
    return InfluxStore(settings, site, http)


class InfluxStore:
    """See `cloud_service.store.port.Store`."""

    def __init__(self, settings: InfluxSettings, site: Site, http: InfluxHttp) -> None:
        self._settings = settings
        self._site = site
        self._http = http
        self._provisioning = asyncio.Lock()
        self._is_v2: bool | None = None

    async def write(self, batches: Sequence[Rows]) -> None:
        """See the port."""
        good, refused = sift(batches, self._site)
        await self._ready()
        for lines in _chunks(self._lines(good)):
            refused += await self._write(lines)
        if refused:
            raise RefusedError(refused)

    async def read(self, query: Query) -> Table:
        """See the port."""
        measurement = check_query(query)
        await self._ready()
        if query.bucket_ns:
            values = await self._http.query(bucket_query(measurement, query))
            return bucket_table(float_fields(measurement, query.fields), bucket_records(values))
        values = await self._http.query(raw_query(measurement, query))
        return raw_table(measurement, query.fields, raw_records(measurement, query, values))

    async def maintain(self, now_ns: int) -> None:
        """See the port."""
        await self._ready()
        for measurement in MEASUREMENTS.values():
            days = self._settings.raw_days.get(measurement.name, measurement.raw_days)
            if days:
                await self._delete(measurement, now_ns - days * NS_PER_DAY)

    async def close(self) -> None:
        """See the port."""
        await self._http.close()

    async def _ready(self) -> None:
        async with self._provisioning:
            if self._is_v2 is None:
                self._is_v2 = await provision(self._http)

    def _lines(self, batches: Sequence[Rows]) -> Iterator[Line]:
        for rows in batches:
            for index, line in encode_lines(rows, self._tags(rows)):
                yield rows, index, line.encode()

    def _tags(self, rows: Rows) -> dict[str, str]:
        if MEASUREMENTS[rows.measurement].subject == "gateway":
            return {"gateway": rows.subject}
        place = self._site.places[rows.subject]
        return {"facility": place.facility.id, "structure": place.structure.id, "channel": rows.subject}

    async def _write(self, lines: list[Line]) -> list[Refused]:
        """Write lines; where the server refuses, halve until only the bad ones are left."""
        refused: list[Refused] = []
        parts = [lines]
        while parts:
            part = parts.pop()
            try:
                await self._http.write(b"\n".join(line for _, _, line in part))
            except Refusal as error:
                middle = len(part) // 2
                if middle:
                    parts += [part[middle:], part[:middle]]
                else:
                    rows, index, _ = part[0]
                    refused.append(Refused(one_row(rows, index), RejectReason.STORE_REFUSED, str(error)))
        return refused

    async def _delete(self, measurement: Measurement, before_ns: int) -> None:
        if not self._is_v2:
            await self._http.query(delete_query(measurement, before_ns))
            return
        status, _ = await self._http.call(
            "POST",
            "/api/v2/delete",
            params={"org": self._settings.org, "bucket": self._settings.bucket},
            json={
                "start": "1700-01-01T00:00:00Z",
                "stop": _rfc3339(before_ns),
                "predicate": f'_measurement="{measurement.name}"',
            },
        )
        if status != 204:
            raise RetryError(f"InfluxDB: deleting old {measurement.name} rows: status {status}")


def _chunks(lines: Iterator[Line]) -> Iterator[list[Line]]:
    chunk: list[Line] = []
    size = 0
    for line in lines:
        if chunk and (len(chunk) >= MAX_LINES or size + len(line[2]) > MAX_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line[2])
    if chunk:
        yield chunk


def check(settings: InfluxSettings, where: str) -> None:
    """Refuse plain http and a missing token beyond loopback, and a password in the address.

    Raises:
        SettingsError: names the setting.
    """
    parts = urlsplit(settings.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"{where}: store.url: {settings.url!r} is no server's", "expected https://HOST:PORT")
    if parts.username or parts.password:
        raise SettingsError(f"{where}: store.url: holds a password", f"use token_file or {TOKEN_VARIABLE}")
    if is_loopback(parts.hostname):
        return
    if parts.scheme == "http":
        remedy = "use https: readings and token never leave this machine bare"
        raise SettingsError(f"{where}: store.url: plain http to {parts.hostname}", remedy)
    if not settings.token_file and not os.environ.get(TOKEN_VARIABLE):
        problem = f"{where}: store.token_file: missing, and {parts.hostname} is not loopback"
        raise SettingsError(problem, f"set it or {TOKEN_VARIABLE}: nobody writes there unnamed")


def _token(settings: InfluxSettings, data_dir: Path) -> str:
    if not settings.token_file:
        return os.environ.get(TOKEN_VARIABLE, "")
    path = data_dir / settings.token_file
    check_private(path, "store.token_file")
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"store.token_file: {path} cannot be read ({error})") from None
    if not token:
        raise SettingsError(f"store.token_file: {path} is empty", "write the token into it")
    return token


def _rfc3339(t_ns: int) -> str:
    return datetime.fromtimestamp(t_ns // NS_PER_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

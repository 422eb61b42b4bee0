"""The campaign's own way to the database: its settings, and queries that go past every link and the product."""

from __future__ import annotations

import asyncio
import json
import urllib.parse
from pathlib import Path
from typing import Any

from chaos.link import HOST

DATABASE = "telltale"
_SETTINGS = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  max-series-per-database = 0
  max-values-per-tag = 0
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
  max-row-limit = 0
[monitor]
  store-enabled = false
[logging]
  level = "warn"
"""


def write_influx_settings(folder: Path, port: int, rpc_port: int) -> Path:
    """`influxdb.conf` of an InfluxDB 1.6 that keeps its files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "influxdb.conf"
    path.write_text(_SETTINGS.format(folder=folder, port=port, rpc=rpc_port), encoding="utf-8")
    return path


class Influx:
    """InfluxQL straight to the database."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def create(self) -> None:
        """Make the database, with shards as long as a campaign (a time-lapse would else make hundreds)."""
        await self.query(f'CREATE DATABASE "{DATABASE}" WITH DURATION INF SHARD DURATION 5200w', method="POST")

    async def query(self, influxql: str, *, method: str = "GET", deadline_s: float = 60.0) -> list[dict[str, Any]]:
        """The series of the answer.

        Raises:
            OSError: the database does not answer.
        """
        words = urllib.parse.urlencode({"db": DATABASE, "q": influxql, "epoch": "ns"})
        head = f"{method} /query?{words} HTTP/1.0\r\nHost: {HOST}\r\n\r\n"
        try:
            async with asyncio.timeout(deadline_s):
                reader, writer = await asyncio.open_connection(HOST, self._port)
                writer.write(head.encode())
                answer = await reader.read(-1)
                writer.close()
        except TimeoutError as error:
            raise OSError("no answer in time") from error
        _, blank, body = answer.partition(b"\r\n\r\n")
        if not blank:
            raise OSError("no answer")
        try:
            results = json.loads(body)["results"]
        except (ValueError, KeyError) as error:
            raise OSError(f"not understood: {body[:200]!r}") from error
        return [series for result in results for series in result.get("series", ())]

    async def newest(self, channels: list[str]) -> dict[str, int]:
        """The time of each channel's newest window in the database; empty while it does not answer."""
        names = "|".join(name.replace(".", "\\.") for name in channels)
        text = f'SELECT last("samples") FROM "window" WHERE "channel" =~ /^({names})$/ GROUP BY "channel"'
        try:
            series = await self.query(text, deadline_s=2.0)
        except OSError:
            return {}
        return {item["tags"]["channel"]: int(item["values"][0][0]) for item in series}

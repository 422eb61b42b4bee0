"""Every row that a store holds, as plain values: from InfluxDB over HTTP, or from the embedded store's file."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from chaos.influx import Influx

Key = tuple[str, int, str]  # channel, time, reason (of findings, else empty)
Row = Mapping[str, Any]
Table = dict[Key, Row]
# `waveform` is evidence in bytes, `gateway` is what gateways say of themselves at wall-clock intervals.
MEASUREMENTS = ("reading", "window", "modes", "novelty", "fatigue", "trend", "life", "finding")
TAGS = ("time", "facility", "structure", "channel", "gateway", "reason")


async def read_influx(influx: Influx) -> dict[str, Table]:
    """Every row, by measurement.

    Raises:
        OSError: the database does not answer.
    """
    return {name: await _influx_table(influx, name) for name in MEASUREMENTS}


async def _influx_table(influx: Influx, measurement: str) -> Table:
    table: Table = {}
    for series in await influx.query(f'SELECT * FROM "{measurement}" GROUP BY "channel"', deadline_s=300.0):
        channel, columns = series["tags"]["channel"], series["columns"]
        at = {name: index for index, name in enumerate(columns)}
        fields = [name for name in columns if name not in TAGS]
        for values in series["values"]:
            reason = values[at["reason"]] if "reason" in at else ""
            row = {name: values[at[name]] for name in fields if values[at[name]] is not None}
            table[channel, int(values[at["time"]]), reason] = row
    return table


def read_sqlite(path: Path) -> dict[str, Table]:
    """The same from `store.db`."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
        connection.row_factory = sqlite3.Row
        return {name: _sqlite_table(connection, name) for name in MEASUREMENTS}


def _sqlite_table(connection: sqlite3.Connection, measurement: str) -> Table:
    query = f"SELECT subject, m.* FROM {measurement} m JOIN series ON series.id = m.series"
    table: Table = {}
    for found in connection.execute(query):
        row = dict(found)
        key = (row.pop("subject"), row.pop("t_ns"), row.pop("reason", ""))
        del row["series"]
        table[key] = {name: value for name, value in row.items() if value is not None and not _is_nan(value)}
    return table


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)

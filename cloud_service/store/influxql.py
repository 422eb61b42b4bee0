"""Queries as InfluxQL, which InfluxDB 1, 2 and 3 all answer.

Identifiers come from the allow-list, subjects are names (`cloud_service.store.check`), numbers are integers: nothing
that is pasted into a query holds a quote.
"""
# ruff: noqa: S608 - for the reason above

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from cloud_service.store.check import float_fields, key_fields
from cloud_service.store.port import Query
from cloud_service.store.schema import Measurement, Type

# InfluxDB's own range of times, which is narrower than 64 bits.
MIN_NS, MAX_NS = -(2**63) + 2, 2**63 - 2


def raw_query(measurement: Measurement, query: Query) -> str:
    """Rows, newest first; `records` makes them the port's. A tag alone selects nothing in InfluxQL, so where only key
    fields are asked for, a field stands by.
    """
    names = [f'"{name}"' for name in selected(measurement, query)]
    return f"SELECT {', '.join(names)} {_source(measurement, query)} ORDER BY time DESC{_limit(query)}"


def selected(measurement: Measurement, query: Query) -> list[str]:
    """The columns that `raw_query` asks for, in order."""
    keys = key_fields(measurement)
    names = [*query.fields, *(key for key in keys if key not in query.fields)]
    if all(name in keys for name in names):
        names.append(next(name for name in measurement.fields if name not in keys))
    return names


def bucket_query(measurement: Measurement, query: Query) -> str:
    """Buckets, newest first: time, then for each float field its count, mean, minimum and maximum."""
    columns = ", ".join(
        f'COUNT("{name}"), MEAN("{name}"), MIN("{name}"), MAX("{name}")'
        for name in float_fields(measurement, query.fields)
    )
    return (
        f"SELECT {columns} {_source(measurement, query)} "
        f"GROUP BY time({query.bucket_ns}ns) fill(none) ORDER BY time DESC{_limit(query)}"
    )


def delete_query(measurement: Measurement, before_ns: int) -> str:
    """Raw rows before a time (InfluxDB 1)."""
    return f'DELETE FROM "{measurement.name}" WHERE time < {before_ns}'


def raw_records(measurement: Measurement, query: Query, values: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """What `raw_query` answered as (t_ns, fields asked for …) in order of time, and of the key within one time."""
    names = selected(measurement, query)
    keys = [1 + names.index(key) for key in key_fields(measurement)]
    bodies = [1 + at for at, name in enumerate(query.fields) if measurement.fields[name] is Type.BYTES]
    ordered = sorted(values, key=lambda row: (row[0], *(row[at] for at in keys)))
    records = [list(row[: 1 + len(query.fields)]) for row in ordered]
    for at in bodies:
        for record in records:
            record[at] = None if record[at] is None else base64.b64decode(record[at])
    return records


def bucket_records(values: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """What `bucket_query` answered as (t_ns, count, then mean, min, max of each field) in time order."""
    records = []
    for time, *row in reversed(values):
        counts = [count or 0 for count in row[::4]]
        rest = [value for at, value in enumerate(row) if at % 4]
        if any(counts):
            records.append([time, max(counts), *rest])
    return records


def _source(measurement: Measurement, query: Query) -> str:
    # Both bounds always: without an upper one InfluxQL ends grouped queries at the server's now.
    start, end = max(query.start_ns, MIN_NS), min(query.end_ns, MAX_NS)
    return (
        f'FROM "{measurement.name}" WHERE "{measurement.subject}" = \'{query.subject}\' '
        f"AND time >= {start} AND time < {end}"
    )


def _limit(query: Query) -> str:
    return f" LIMIT {query.newest}" if query.newest else ""

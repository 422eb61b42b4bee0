"""Queries of the embedded store as SQL. Names come from the allow-list, values are bound."""

# ruff: noqa: S608 - names come from the allow-list in schema.py, values are bound

from __future__ import annotations

from cloud_service.store.check import float_fields, key_fields
from cloud_service.store.port import Query
from cloud_service.store.schema import Measurement
from telltale.clock import NS_PER_HOUR

Statement = tuple[str, tuple[int, ...]]


def raw_statement(measurement: Measurement, query: Query, series: int) -> Statement:
    """Rows that hold at least one of the fields asked for, newest first: (t_ns, fields …)."""
    names = ", ".join(f'"{name}"' for name in query.fields)
    order = ", ".join(["t_ns DESC", *(f'"{name}" DESC' for name in key_fields(measurement))])
    sql = (
        f'SELECT t_ns, {names} FROM "{measurement.name}" '
        f"WHERE series=? AND t_ns>=? AND t_ns<? AND COALESCE({names}, NULL) IS NOT NULL ORDER BY {order} LIMIT ?"
    )
    return sql, (series, query.start_ns, query.end_ns, query.newest or -1)


def uses_rollup(measurement: Measurement, query: Query) -> bool:
    """Whether the hourly rollups are as fine as the buckets and hold the fields."""
    return (
        query.bucket_ns > 0
        and query.bucket_ns % NS_PER_HOUR == 0
        and set(float_fields(measurement, query.fields)) <= set(measurement.rollup)
    )


def bucket_statement(measurement: Measurement, query: Query, series: int) -> Statement:
    """Buckets, newest first: (t_ns, count, then mean, min, max of each float field)."""
    fields = float_fields(measurement, query.fields)
    if uses_rollup(measurement, query):
        source, values = _mixed_source(measurement, fields, query, series)
    else:
        source, values = _raw_source(measurement, fields, series, query.start_ns, query.end_ns)
    size = query.bucket_ns
    counts = ", ".join(f'SUM("{f}_n")' for f in fields)
    most = f"MAX({counts})" if len(fields) > 1 else counts
    columns = ", ".join(f'SUM("{f}_sum") / NULLIF(SUM("{f}_n"), 0), MIN("{f}_min"), MAX("{f}_max")' for f in fields)
    # The remainder is made positive first, so that buckets before 1970 begin at their lower edge too.
    sql = (
        f"SELECT t_ns - ((t_ns % {size}) + {size}) % {size} AS bucket, {most} AS n, {columns} "
        f"FROM ({source}) GROUP BY bucket HAVING n > 0 ORDER BY bucket DESC LIMIT ?"
    )
    return sql, (*values, query.newest or -1)


def _raw_source(
    measurement: Measurement, fields: tuple[str, ...], series: int, start_ns: int, end_ns: int
) -> Statement:
    columns = ", ".join(
        f'"{f}" AS "{f}_sum", "{f}" AS "{f}_min", "{f}" AS "{f}_max", "{f}" IS NOT NULL AS "{f}_n"' for f in fields
    )
    return (
        f'SELECT t_ns, {columns} FROM "{measurement.name}" WHERE series=? AND t_ns>=? AND t_ns<?',
        (series, start_ns, end_ns),
    )


def _mixed_source(measurement: Measurement, fields: tuple[str, ...], query: Query, series: int) -> Statement:
    """Whole hours from the rollup, the broken ones at both ends from raw rows."""
    first = -(-query.start_ns // NS_PER_HOUR) * NS_PER_HOUR
    last = query.end_ns // NS_PER_HOUR * NS_PER_HOUR
    if first >= last:
        return _raw_source(measurement, fields, series, query.start_ns, query.end_ns)
    columns = ", ".join(
        f'"{f}_mean" * "{f}_count" AS "{f}_sum", "{f}_min", "{f}_max", "{f}_count" AS "{f}_n"' for f in fields
    )
    hours = f'SELECT t_ns, {columns} FROM "{measurement.name}_hour" WHERE series=? AND t_ns>=? AND t_ns<?'
    head, head_values = _raw_source(measurement, fields, series, query.start_ns, first)
    tail, tail_values = _raw_source(measurement, fields, series, last, query.end_ns)
    return f"{hours} UNION ALL {head} UNION ALL {tail}", (series, first, last, *head_values, *tail_values)

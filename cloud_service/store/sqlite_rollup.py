"""Hourly rollups of the embedded store: mean, minimum, maximum and count of each rollup field.

A write marks the hours that it touches as dirty, in its own transaction. Hours that lie before the newest one of the
write are computed again at once (late data included); the running hour, which would otherwise be computed
again with every batch, when it is read or maintained.
"""

# ruff: noqa: S608 - names come from the allow-list in schema.py, values are bound

from __future__ import annotations

import sqlite3

import numpy as np
from numpy.typing import NDArray

from cloud_service.store.schema import MEASUREMENTS, Measurement
from telltale.clock import NS_PER_HOUR

FOREVER_NS = 2**62


def mark(connection: sqlite3.Connection, measurement: Measurement, series: int, t_ns: NDArray[np.int64]) -> None:
    """Note that rows at `t_ns` changed, and compute the hours before the newest of them."""
    if not measurement.rollup:
        return
    hours = np.unique(t_ns // NS_PER_HOUR) * NS_PER_HOUR
    connection.executemany(
        f'INSERT OR IGNORE INTO "{measurement.name}_dirty" VALUES (?, ?)',
        [(series, hour) for hour in hours.tolist()],
    )
    refresh(connection, measurement, series, int(hours[-1]))


def refresh(connection: sqlite3.Connection, measurement: Measurement, series: int, before_ns: int) -> None:
    """Compute the dirty hours of a series that start before `before_ns`, inside the caller's transaction.

    An hour whose raw rows retention has removed keeps the rollup that it has: what is left would falsify it.
    """
    name = measurement.name
    hours = connection.execute(
        f'SELECT t_ns FROM "{name}_dirty" WHERE series=? AND t_ns<?', (series, before_ns)
    ).fetchall()
    pruned_ns = pruned_before(connection, measurement)
    for (hour,) in hours:
        connection.execute(_compute_sql(measurement, keep=hour < pruned_ns), (hour, series, hour, hour + NS_PER_HOUR))
    connection.execute(f'DELETE FROM "{name}_dirty" WHERE series=? AND t_ns<?', (series, before_ns))


def refresh_all(connection: sqlite3.Connection) -> None:
    """Compute every dirty hour, inside the caller's transaction."""
    for measurement in MEASUREMENTS.values():
        if measurement.rollup:
            rows = connection.execute(f'SELECT DISTINCT series FROM "{measurement.name}_dirty"').fetchall()
            for (series,) in rows:
                refresh(connection, measurement, series, FOREVER_NS)


def is_dirty(connection: sqlite3.Connection, measurement: Measurement, series: int) -> bool:
    """Whether a series has hours to compute."""
    found = connection.execute(f'SELECT 1 FROM "{measurement.name}_dirty" WHERE series=? LIMIT 1', (series,))
    return found.fetchone() is not None


def pruned_before(connection: sqlite3.Connection, measurement: Measurement) -> int:
    """Raw rows before this time are gone; the smallest integer where none are."""
    row = connection.execute("SELECT before_ns FROM pruned WHERE measurement=?", (measurement.name,)).fetchone()
    return int(row[0]) if row else -FOREVER_NS


def _compute_sql(measurement: Measurement, *, keep: bool) -> str:
    values = ", ".join(f'AVG("{f}"), MIN("{f}"), MAX("{f}"), COUNT("{f}")' for f in measurement.rollup)
    return (
        f'INSERT OR {"IGNORE" if keep else "REPLACE"} INTO "{measurement.name}_hour" '
        f'SELECT series, ?, {values} FROM "{measurement.name}" '
        "WHERE series=? AND t_ns>=? AND t_ns<? GROUP BY series"
    )

"""The embedded store: one SQLite file, rollups, retention. The default.

Tables: `cloud_service.store.sqlite_schema`. The writer's connection and the reader's are apart, so that a page waits
for no batch; each is used by one worker thread of its own, so work is serial even where a caller gives up waiting.
"""

# ruff: noqa: S608 - names come from the allow-list in schema.py, values are bound

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np
import structlog
from msgspec import Meta

from cloud_service.database import open_database
from cloud_service.store import sqlite_rollup as rollup
from cloud_service.store.answer import bucket_table, raw_table
from cloud_service.store.check import check_query, float_fields, sift
from cloud_service.store.port import Query, Table
from cloud_service.store.refused import RefusedError
from cloud_service.store.schema import MEASUREMENTS, Measurement, Rows, Type
from cloud_service.store.sqlite_read import bucket_statement, raw_statement, uses_rollup
from cloud_service.store.sqlite_schema import MIGRATIONS, upsert_sql
from telltale.clock import NS_PER_DAY, NS_PER_HOUR
from telltale.errors import FatalError, RetryError
from telltale.settings import Settings
from telltale.site import Site

log = structlog.get_logger(__name__)

T = TypeVar("T")
Days = Annotated[int, Meta(ge=0)]
CHUNK = 5_000  # rows that retention deletes in one transaction


class SqliteSettings(Settings, frozen=True):
    """`[store]` with `kind = "sqlite"`.

    Attributes:
        file: the database, relative to the service's data folder.
        raw_days: measurement → days that its raw rows are kept (0: for ever), where it differs from the schema's own.
            Rollups are kept for ever.
    """

    file: str = "store.db"
    raw_days: dict[str, Days] = msgspec.field(default_factory=dict)


async def open_store(settings: SqliteSettings, site: Site, data_dir: Path) -> SqliteStore:
    """Open, create or migrate the store.

    Raises:
        FatalError: the file is no database or of a newer version.
        RetryError: the disk is full or fails.
    """
    path = data_dir / settings.file

    def connect() -> tuple[sqlite3.Connection, sqlite3.Connection]:
        return open_database(path, MIGRATIONS), open_database(path, MIGRATIONS)

    writer, reader = await asyncio.to_thread(connect)
    return SqliteStore(settings, site, writer, reader)


class SqliteStore:
    """See `cloud_service.store.port.Store`."""

    def __init__(
        self, settings: SqliteSettings, site: Site, writer: sqlite3.Connection, reader: sqlite3.Connection
    ) -> None:
        self._settings = settings
        self._site = site
        self._writer = writer
        self._reader = reader
        self._writing = ThreadPoolExecutor(1, "store-write")
        self._reading = ThreadPoolExecutor(1, "store-read")
        self._series: dict[tuple[str, str], int] = {}
        self._is_closed = False

    async def write(self, batches: Sequence[Rows]) -> None:
        """See the port."""
        good, refused = sift(batches, self._site)
        if good:
            await _run(self._writing, lambda: self._transaction(lambda: self._write(good)))
        if refused:
            raise RefusedError(refused)

    async def read(self, query: Query) -> Table:
        """See the port."""
        measurement = check_query(query)
        if uses_rollup(measurement, query):
            await self._refresh(measurement, query.subject)
        return await _run(self._reading, lambda: _translated(lambda: self._read(measurement, query)))

    async def maintain(self, now_ns: int) -> None:
        """See the port. Raw rows go by whole hours, after their rollups are up to date."""
        await _run(self._writing, lambda: self._transaction(lambda: rollup.refresh_all(self._writer)))
        for measurement in MEASUREMENTS.values():
            days = self._settings.raw_days.get(measurement.name, measurement.raw_days)
            if days:
                before_ns = (now_ns - days * NS_PER_DAY) // NS_PER_HOUR * NS_PER_HOUR
                await self._prune(measurement, before_ns)

    async def close(self) -> None:
        """See the port."""
        for executor, connection in ((self._writing, self._writer), (self._reading, self._reader)):
            if not self._is_closed:
                await _run(executor, connection.close)
                executor.shutdown()
        self._is_closed = True

    def _transaction(self, work: Callable[[], T]) -> T:
        def whole() -> T:
            self._writer.execute("BEGIN IMMEDIATE")
            result = work()
            self._writer.execute("COMMIT")
            return result

        try:
            return _translated(whole)
        except BaseException:
            self._series.clear()  # ids that were given in this transaction are void
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def _write(self, batches: Sequence[Rows]) -> None:
        for rows in batches:
            measurement = MEASUREMENTS[rows.measurement]
            series = self._series_id(rows.measurement, rows.subject)
            fields = tuple(rows.columns)
            self._writer.executemany(upsert_sql(measurement, fields), _records(measurement, series, rows))
            rollup.mark(self._writer, measurement, series, rows.t_ns)

    def _series_id(self, measurement: str, subject: str) -> int:
        key = (measurement, subject)
        if key not in self._series:
            self._writer.execute("INSERT OR IGNORE INTO series (measurement, subject) VALUES (?, ?)", key)
            found = _find_series(self._writer, key)
            assert found is not None
            self._series[key] = found
        return self._series[key]

    def _read(self, measurement: Measurement, query: Query) -> Table:
        series = _find_series(self._reader, (measurement.name, query.subject))
        floats = float_fields(measurement, query.fields)
        records: list[Any] = []
        if series is not None:
            build = bucket_statement if query.bucket_ns else raw_statement
            sql, values = build(measurement, query, series)
            records = self._reader.execute(sql, values).fetchall()[::-1]
        return bucket_table(floats, records) if query.bucket_ns else raw_table(measurement, query.fields, records)

    async def _refresh(self, measurement: Measurement, subject: str) -> None:
        def work() -> None:
            series = _find_series(self._writer, (measurement.name, subject))
            if series is not None and rollup.is_dirty(self._writer, measurement, series):
                self._transaction(lambda: rollup.refresh(self._writer, measurement, series, rollup.FOREVER_NS))

        await _run(self._writing, lambda: _translated(work))

    async def _prune(self, measurement: Measurement, before_ns: int) -> None:
        deleted = 1
        while deleted:
            deleted = await _run(
                self._writing, lambda: self._transaction(lambda: self._delete_chunk(measurement, before_ns))
            )
            if deleted:
                log.info("raw rows expired", measurement=measurement.name, rows=deleted)

    def _delete_chunk(self, measurement: Measurement, before_ns: int) -> int:
        """Delete some rows before `before_ns`, inside the transaction; by key, so that no table is scanned."""
        self._writer.execute(
            "INSERT INTO pruned VALUES (?, ?) ON CONFLICT (measurement) "
            "DO UPDATE SET before_ns=MAX(before_ns, excluded.before_ns)",
            (measurement.name, before_ns),
        )
        ids = self._writer.execute("SELECT id FROM series WHERE measurement=?", (measurement.name,)).fetchall()
        deleted = 0
        for (series,) in ids:
            deleted += self._writer.execute(
                f'DELETE FROM "{measurement.name}" WHERE series=? AND t_ns<? AND t_ns<=(SELECT MAX(t_ns) FROM '
                f'(SELECT t_ns FROM "{measurement.name}" WHERE series=? AND t_ns<? ORDER BY t_ns LIMIT {CHUNK}))',
                (series, before_ns, series, before_ns),
            ).rowcount
            if deleted >= CHUNK:
                break
        return deleted


async def _run(executor: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(executor, work)


def _translated(work: Callable[[], T]) -> T:
    """Run `work` with SQLite's errors as ours."""
    try:
        return work()
    except sqlite3.OperationalError as error:
        raise RetryError(f"store: {error}") from error
    except sqlite3.DatabaseError as error:
        raise FatalError(f"store: {error}") from error


def _find_series(connection: sqlite3.Connection, key: tuple[str, str]) -> int | None:
    row = connection.execute("SELECT id FROM series WHERE measurement=? AND subject=?", key).fetchone()
    return int(row[0]) if row else None


def _records(measurement: Measurement, series: int, rows: Rows) -> Any:
    columns = [_bound(measurement.fields[name], column) for name, column in rows.columns.items()]
    return zip([series] * len(rows), rows.t_ns.tolist(), *columns, strict=True)


def _bound(kind: Type, column: Any) -> Sequence[Any]:
    """Values as SQLite takes them; it stores NaN as NULL by itself, infinities are made NaN first."""
    if kind is Type.FLOAT:
        values = np.asarray(column, dtype=np.float64)
        return list(np.where(np.isinf(values), np.nan, values).tolist())
    return list(np.asarray(column, dtype=np.int64).tolist() if kind is Type.INT else column)

"""What only the embedded store promises: tables that others may count, rollups that outlive raw rows, migrations."""

import contextlib
import sqlite3

import numpy as np
import pytest

from cloud_service.database import open_database
from cloud_service.store.port import Query
from cloud_service.store.schema import Rows
from cloud_service.store.sqlite import SqliteSettings, open_store
from cloud_service.store.sqlite_schema import MIGRATIONS
from cloud_service.store.waveform import unpack
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from telltale.errors import FatalError, RetryError
from telltale.wire.body import encode
from tests.contract.site import SCALAR, WAVEFORM, small_site

T0 = 1_700_000_000 * NS_PER_S // NS_PER_DAY * NS_PER_DAY
HOURLY = Query("reading", SCALAR, ("value",), bucket_ns=NS_PER_HOUR)


def readings(t_ns, values):
    return Rows("reading", SCALAR, np.asarray(t_ns, dtype=np.int64), {"value": np.asarray(values, dtype=np.float64)})


@pytest.fixture
async def store(tmp_path):
    opened = await open_store(SqliteSettings(raw_days={"reading": 10}), small_site(), tmp_path)
    yield opened
    await opened.close()


def rows(tmp_path, sql):
    with contextlib.closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        return connection.execute(sql).fetchall()


async def test_others_can_count_what_is_stored(store, tmp_path):
    await store.write([readings(T0 + np.arange(7), np.arange(7))])
    counted = rows(
        tmp_path,
        "SELECT COUNT(*), MIN(t_ns), SUM(value) FROM reading JOIN series ON series.id = reading.series"
        f" WHERE subject = '{SCALAR}'",
    )
    assert counted == [(7, T0, 21.0)]


async def test_a_write_leaves_only_the_running_hour_to_compute(store, tmp_path):
    await store.write([readings(T0 + np.arange(5) * NS_PER_HOUR, np.arange(5))])
    assert rows(tmp_path, f"SELECT (t_ns - {T0}) / {NS_PER_HOUR} FROM reading_dirty") == [(4,)]
    await store.write([readings([T0 + NS_PER_HOUR + 1], [9.0])])  # late: the newest of its own batch
    table = await store.read(HOURLY)
    assert table.columns["count"].tolist() == [1, 2, 1, 1, 1]
    assert rows(tmp_path, "SELECT COUNT(*) FROM reading_dirty") == [(0,)]


async def test_rollups_outlive_raw_rows_and_late_rows_do_not_falsify_them(store, tmp_path):
    minutes = T0 + np.arange(120) * 60 * NS_PER_S
    await store.write([readings(minutes, np.arange(120))])
    await store.maintain(T0 + 20 * NS_PER_DAY)
    assert rows(tmp_path, "SELECT COUNT(*) FROM reading") == [(0,)]
    late_known, late_new = T0 + 30 * NS_PER_S, T0 + 5 * NS_PER_HOUR
    await store.write([readings([late_known, late_new], [1e6, 7.0])])
    table = await store.read(HOURLY)
    assert table.columns["count"].tolist() == [60, 60, 1]
    assert table.columns["value"].tolist() == [29.5, 89.5, 7.0]


async def test_retention_goes_through_more_rows_than_one_transaction_takes(store, tmp_path):
    await store.write([readings(T0 + np.arange(12_000) * NS_PER_S, np.zeros(12_000))])
    await store.maintain(T0 + 30 * NS_PER_DAY)
    assert rows(tmp_path, "SELECT COUNT(*) FROM reading") == [(0,)]
    assert rows(tmp_path, "SELECT SUM(value_count) FROM reading_hour") == [(12_000,)]


async def test_a_full_disk_is_to_be_retried_and_nothing_is_half_written(store, tmp_path):
    await store.write([readings([T0], [1.0])])
    pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
    store._writer.execute(f"PRAGMA max_page_count={pages}")
    many = [readings(T0 + np.arange(50_000), np.zeros(50_000))]
    with pytest.raises(RetryError, match="full"):
        await store.write([Rows("novelty", SCALAR, np.array([T0]), {"score": np.ones(1)}), *many])
    assert rows(tmp_path, "SELECT COUNT(*) FROM novelty") == [(0,)]
    store._writer.execute("PRAGMA max_page_count=1000000")
    await store.write([Rows("novelty", SCALAR, np.array([T0]), {"score": np.ones(1)}), *many])
    assert rows(
        tmp_path, "SELECT COUNT(*) FROM novelty JOIN series ON series.id=series WHERE measurement='novelty'"
    ) == [(1,)]
    assert len(await store.read(Query("reading", SCALAR, ("value",)))) == 50_000


async def test_a_newer_or_broken_file_is_named(store, tmp_path):
    await store.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(FatalError, match=r"store\.db: schema version 99 is newer"):
        await open_store(SqliteSettings(), small_site(), tmp_path)
    (tmp_path / "other.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(FatalError, match=r"other\.db"):
        await open_store(SqliteSettings(file="other.db"), small_site(), tmp_path)


async def test_a_store_of_the_first_version_gains_the_fields_that_came_later(tmp_path):
    old = np.linspace(-1, 1, 40, dtype=np.float32)
    with contextlib.closing(open_database(tmp_path / "store.db", MIGRATIONS[:1])) as connection:
        connection.execute("INSERT INTO series VALUES (1, 'waveform', ?)", (WAVEFORM,))
        connection.execute("INSERT INTO waveform VALUES (1, ?, 40, 100.0, ?)", (T0, encode(old)))
        assert "dtype" not in {row[1] for row in connection.execute("PRAGMA table_info(waveform)")}
    store = await open_store(SqliteSettings(), small_site(), tmp_path)
    counts = np.arange(-20, 20, dtype=np.int16)
    packed = {"dtype": ["int16"], "scale": np.array([0.5]), "offset": np.array([2.0]), "body": [encode(counts)]}
    await store.write([Rows("waveform", WAVEFORM, np.array([T0 + 1]), {**packed, "samples": np.array([40])})])
    table = await store.read(Query("waveform", WAVEFORM, ("body", "samples", "dtype", "scale", "offset")))
    await store.close()
    names = ("body", "samples", "dtype", "scale", "offset")
    first, second = (unpack(*row) for row in zip(*(table.columns[name] for name in names), strict=True))
    assert first.tolist() == old.tolist()
    assert second.tolist() == (counts * 0.5 + 2.0).tolist()

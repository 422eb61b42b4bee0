"""Spool → store: in order, never lost, never twice, whatever the store does."""

import asyncio
import random

import numpy as np
import pytest

from cloud_service.process_stats import read_stats
from cloud_service.state import open_state
from cloud_service.store.port import Query
from cloud_service.store.run import StoreConfig, run
from cloud_service.store.schema import Rows, decode_rows, encode_rows
from cloud_service.store.settings import store_settings
from cloud_service.store.spool import joined
from telltale.clock import NS_PER_S, ManualClock
from telltale.errors import SettingsError
from tests.contract.site import SCALAR, WAVEFORM, small_site
from tests.servers.process import until

pytestmark = pytest.mark.e2e

T0 = 1_700_000_000 * NS_PER_S


def readings(first, count, channel=SCALAR):
    t_ns = T0 + NS_PER_S * np.arange(first, first + count)
    return Rows("reading", channel, t_ns, {"value": np.arange(count) + float(first), "flag": np.zeros(count, np.int64)})


def spool(state, *batches):
    state.execute("BEGIN IMMEDIATE")
    state.executemany("INSERT INTO spool (body) VALUES (?)", [(encode_rows(rows),) for rows in batches])
    state.execute("COMMIT")


class Process:
    """The store process in this event loop."""

    def __init__(self, table, data_dir):
        self.stop = asyncio.Event()
        self.settings = store_settings(table, "cloud.toml")
        self.data_dir = data_dir
        self.clock = ManualClock(T0)
        self.task = asyncio.create_task(
            run(StoreConfig(self.settings, data_dir, small_site(), self.clock, self.stop, random.Random(1)))
        )

    async def end(self):
        self.stop.set()
        await asyncio.wait_for(self.task, 30)

    async def count(self):
        store = await self.settings.open(small_site(), self.data_dir)
        try:
            return len(await store.read(Query("reading", SCALAR, ("value",))))
        finally:
            await store.close()


@pytest.fixture
def state(tmp_path):
    connection = open_state(tmp_path)
    yield connection
    connection.close()


def left(state):
    return state.execute("SELECT COUNT(*) FROM spool").fetchone()[0]


async def test_the_spool_is_drained_into_the_store(state, tmp_path):
    spool(state, *([readings(at * 10, 10)] for at in range(1_200)))
    process = Process({}, tmp_path)
    await until(lambda: left(state) == 0, "the spool is empty")
    spool(state, [readings(12_000, 5)])
    await until(lambda: left(state) == 0, "what came later is stored too")
    await process.end()
    assert await process.count() == 12_005
    assert read_stats(tmp_path)["store"]["rows_stored"] == 12_005


async def test_refused_and_unreadable_entries_are_kept_with_their_reasons(state, tmp_path):
    foreign = readings(0, 3, "elsewhere.crack")
    spool(state, [readings(0, 10), foreign], [readings(10, 10)])
    state.execute("INSERT INTO spool (body) VALUES (x'c1ff00')")
    process = Process({"kind": "sqlite"}, tmp_path)
    await until(lambda: left(state) == 0, "the spool is empty")
    await process.end()
    assert await process.count() == 20
    rows = state.execute("SELECT reason, body FROM refused_rows ORDER BY id").fetchall()
    assert rows[0][0].startswith("unknown_channel")
    assert decode_rows(rows[0][1])[0].t_ns.tolist() == foreign.t_ns.tolist()
    assert rows[1][1] == b"\xc1\xff\x00"


async def test_a_store_that_stumbles_costs_nothing(state, tmp_path, influx, monkeypatch):
    monkeypatch.setenv("TELLTALE_INFLUX_TOKEN", influx.token)
    influx.fail_next += [503, 500, 429]
    spool(state, *([readings(at * 10, 10)] for at in range(20)))
    process = Process({"kind": "influxdb", "url": influx.url, "org": influx.org, "bucket": influx.bucket}, tmp_path)
    await until(lambda: left(state) == 0, "the spool is empty after the faults")
    await process.end()
    assert influx.fail_next == []
    assert await process.count() == 200
    assert read_stats(tmp_path)["store"]["retries"] == 3


def damage_of_a_day(total):
    columns = {name: np.array([total]) for name in ("cycles", "damage", "damage_total", "range_max_mpa")}
    return [Rows("fatigue", WAVEFORM, np.array([T0]), columns)]


def cycles_in(influx):
    return influx.query('SELECT "cycles" FROM "fatigue"')["results"][0]["series"][0]["values"][0][1]


def in_doubt(state):
    return state.execute("SELECT COUNT(*) FROM last_word").fetchone()[0]


async def test_a_write_carried_out_late_does_not_put_older_figures_back(state, tmp_path, influx, monkeypatch):
    """A database that hung for longer than the store waited carries the write out after newer ones."""
    monkeypatch.setenv("TELLTALE_INFLUX_TOKEN", influx.token)
    table = {"kind": "influxdb", "url": influx.url, "org": influx.org, "bucket": influx.bucket}
    influx.fail_next.append(504)
    spool(state, damage_of_a_day(100.0))
    process = Process(table, tmp_path)
    await until(lambda: left(state) == 0, "the day is stored at the second try")
    spool(state, damage_of_a_day(200.0))
    await until(lambda: left(state) == 0, "the newer figures are stored")
    assert cycles_in(influx) == 200.0
    influx.carry_out_late()
    assert cycles_in(influx) == 100.0
    await process.end()
    process = Process(table, tmp_path)  # what is in doubt outlives the process
    await until(
        lambda: process.clock.advance(10 * NS_PER_S) or in_doubt(state) == 0, "the newest figures are said again"
    )
    await process.end()
    assert cycles_in(influx) == 200.0


async def test_the_last_word_is_said_again_until_the_store_takes_it(state, tmp_path, influx, monkeypatch):
    monkeypatch.setenv("TELLTALE_INFLUX_TOKEN", influx.token)
    process = Process({"kind": "influxdb", "url": influx.url, "org": influx.org, "bucket": influx.bucket}, tmp_path)
    spool(state, damage_of_a_day(100.0))
    await until(lambda: left(state) == 0, "the day is stored")
    assert in_doubt(state) == 1  # as the process began: the one before it might have ended with it on its way
    influx.fail_next += [504, 503]
    await until(lambda: process.clock.advance(10 * NS_PER_S) or in_doubt(state) == 0, "the figures are said again")
    await process.end()
    assert influx.fail_next == []
    assert cycles_in(influx) == 100.0


async def test_it_stops_while_the_store_is_away(state, tmp_path):
    spool(state, [readings(0, 10)])
    process = Process({"kind": "influxdb", "url": "http://127.0.0.1:9"}, tmp_path)
    await asyncio.sleep(0)
    await process.end()
    assert left(state) == 1


def test_joined_rows_are_the_same_rows():
    parts = [
        readings(0, 3),
        readings(3, 2, "bridge.crack2"),
        readings(3, 4),
        Rows("life", SCALAR, np.array([1]), {"refused": ["a"]}),
    ]
    parts.append(Rows("life", SCALAR, np.array([2]), {"refused": [None]}))
    together = joined(parts)
    assert [len(rows) for rows in together] == [7, 2, 2]
    assert together[0].columns["value"].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert together[2].columns["refused"] == ["a", None]


@pytest.mark.parametrize(
    ("table", "culprit"),
    [
        ({"kind": "oracle"}, "store.kind"),
        ({"kind": "sqlite", "url": "x"}, "url"),
        ({"spool": {"batch": 1}}, "batch"),
        ({"kind": "influxdb", "bucket": 'x"y'}, "bucket"),
    ],
)
def test_wrong_settings_name_the_culprit(table, culprit):
    with pytest.raises(SettingsError, match=culprit):
        store_settings(table, "cloud.toml")

"""What every store must do: one suite over the registry."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from cloud_service.store import STORES
from cloud_service.store.port import Query, Store
from cloud_service.store.refused import RefusedError
from cloud_service.store.schema import MEASUREMENTS, Rows, Type
from cloud_service.store.settings import StoreSettings, store_settings
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from telltale.errors import RejectedError, RejectReason
from tests.contract.site import GATEWAY, SCALAR, WAVEFORM, small_site

T0 = 1_700_000_000 * NS_PER_S // NS_PER_HOUR * NS_PER_HOUR
Open = Callable[[], Awaitable[Store]]


NEEDS_A_SERVER = {"influxdb": [pytest.mark.e2e]}


@pytest.fixture(params=[pytest.param(name, marks=NEEDS_A_SERVER.get(name, [])) for name in sorted(STORES)])
def settings(request: pytest.FixtureRequest) -> StoreSettings:
    table: dict[str, object] = {"kind": request.param, "raw_days": {"reading": 30}}
    if request.param == "influxdb":
        influx = request.getfixturevalue("influx")
        request.getfixturevalue("monkeypatch").setenv("TELLTALE_INFLUX_TOKEN", influx.token)
        table |= {"url": influx.url, "org": influx.org, "bucket": influx.bucket}
    return store_settings(table, "cloud.toml")


@pytest.fixture
async def opened(settings: StoreSettings, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens the same store, as often as asked."""
    stores: list[Store] = []

    async def open_store() -> Store:
        stores.append(await settings.open(small_site(), tmp_path))
        return stores[-1]

    yield open_store
    for store in stores:
        await store.close()


@pytest.fixture
async def store(opened: Open) -> Store:
    return await opened()


def readings(t_ns, values, channel=SCALAR) -> Rows:
    t_ns = np.asarray(t_ns, dtype=np.int64)
    values = np.asarray(values, dtype=np.float64)
    flags = np.isnan(values).astype(np.int64)
    return Rows("reading", channel, t_ns, {"value": values, "flag": flags})


def every_minute(count: int, start_ns: int = T0):
    t_ns = start_ns + 60 * NS_PER_S * np.arange(count, dtype=np.int64)
    return t_ns, 10.0 + np.sin(np.arange(count) / 7.0)


async def count(store: Store, measurement="reading", subject=SCALAR, field="flag") -> int:
    return len(await store.read(Query(measurement, subject, (field,))))


async def test_what_is_written_is_read(store):
    t_ns, values = every_minute(500)
    await store.write([readings(t_ns, values)])
    table = await store.read(Query("reading", SCALAR, ("value", "flag")))
    assert table.t_ns.tolist() == t_ns.tolist()
    assert table.columns["value"].tolist() == values.tolist()
    assert table.columns["flag"].dtype == np.int64


async def test_writing_twice_changes_nothing(store):
    t_ns, values = every_minute(300)
    for _ in range(3):
        await store.write([readings(t_ns, values)])
    assert await count(store) == 300
    table = await store.read(Query("reading", SCALAR, ("value",), bucket_ns=NS_PER_HOUR))
    assert table.columns["count"].tolist() == [60] * 5


async def test_the_later_one_wins_also_within_one_batch(store):
    await store.write([readings([T0, T0], [1.0, 2.0])])
    await store.write([readings([T0 + 1], [5.0])])
    await store.write([readings([T0 + 1], [6.0])])
    table = await store.read(Query("reading", SCALAR, ("value",)))
    assert table.columns["value"].tolist() == [2.0, 6.0]


async def test_absent_fields_leave_what_is_there(store):
    await store.write([Rows("window", WAVEFORM, np.array([T0]), {"rms": np.array([1.5]), "mean": np.array([0.5])})])
    await store.write([Rows("window", WAVEFORM, np.array([T0]), {"rms": np.array([np.nan]), "peak": np.array([3.0])})])
    table = await store.read(Query("window", WAVEFORM, ("rms", "mean", "peak")))
    assert [table.columns[name].tolist() for name in ("rms", "mean", "peak")] == [[1.5], [0.5], [3.0]]


async def test_what_is_not_finite_is_absent(store):
    t_ns = T0 + np.arange(5) * NS_PER_S
    await store.write([readings(t_ns, [1.0, np.nan, 3.0, np.inf, -np.inf])])
    both = await store.read(Query("reading", SCALAR, ("value", "flag")))
    assert np.isnan(both.columns["value"]).tolist() == [False, True, False, True, True]
    assert both.columns["flag"].tolist() == [0, 1, 0, 0, 0]
    only = await store.read(Query("reading", SCALAR, ("value",)))
    assert only.columns["value"].tolist() == [1.0, 3.0]


async def test_integers_that_are_absent_become_nan(store):
    await store.write([Rows("window", WAVEFORM, np.array([T0]), {"samples": np.array([2**53 + 1]), "rms": np.ones(1)})])
    whole = await store.read(Query("window", WAVEFORM, ("samples",)))
    assert whole.columns["samples"].tolist() == [2**53 + 1]
    await store.write([Rows("window", WAVEFORM, np.array([T0 + 1]), {"rms": np.ones(1)})])
    mixed = await store.read(Query("window", WAVEFORM, ("samples", "rms")))
    assert np.isnan(mixed.columns["samples"]).tolist() == [False, True]


async def test_floats_come_back_bit_for_bit(store):
    rng = np.random.default_rng(7)
    values = rng.standard_normal(400) * 10.0 ** rng.integers(-300, 300, 400)
    values[:4] = 1.0, -0.0, 5e-324, 1.7976931348623157e308
    t_ns, _ = every_minute(400)
    await store.write([readings(t_ns, values)])
    table = await store.read(Query("reading", SCALAR, ("value",)))
    assert table.columns["value"].tolist() == values.tolist()


NASTY = [
    'say "ah"',
    "back\\slash",
    "tail\\",
    "a,b=c d",
    "zwei\nZeilen",
    "µε ∆ 橋",
    "'; DROP TABLE series; --",
    "",
    "%s %d",
]


async def test_text_comes_back_as_it_was(store):
    t_ns = T0 + np.arange(len(NASTY)) * NS_PER_S
    n = len(NASTY)
    await store.write([Rows("finding", SCALAR, t_ns, {"reason": ["limit"] * n, "tier": ["warn"] * n, "detail": NASTY})])
    table = await store.read(Query("finding", SCALAR, ("detail", "reason")))
    assert table.columns["detail"] == NASTY
    assert table.columns["reason"] == ["limit"] * n


@pytest.mark.parametrize("size", [0, 1, 4_000, 200_000])
async def test_bytes_come_back_as_they_were(store, size):
    body = np.random.default_rng(size).bytes(size)
    await store.write([Rows("waveform", WAVEFORM, np.array([T0]), {"samples": np.array([7]), "body": [body]})])
    table = await store.read(Query("waveform", WAVEFORM, ("body", "samples")))
    assert table.columns["body"] == [body]
    assert base64.b64decode(base64.b64encode(body)) == body


async def test_absent_text_and_bytes_are_none(store):
    rows = Rows(
        "life", SCALAR, np.array([T0, T0 + 1]), {"p50_years": np.array([4.0, np.nan]), "refused": [None, "no_trend"]}
    )
    await store.write([rows])
    table = await store.read(Query("life", SCALAR, ("refused", "p50_years")))
    assert table.columns["refused"] == [None, "no_trend"]
    assert np.isnan(table.columns["p50_years"]).tolist() == [False, True]


async def test_findings_of_several_reasons_share_a_time(store):
    reasons = ["sensor_stuck", "limit", "novelty"]
    columns = {"reason": reasons, "tier": ["suspect", "alarm", "warn"], "score": np.array([1.0, 2.0, 3.0])}
    for _ in range(2):
        await store.write([Rows("finding", SCALAR, np.array([T0] * 3), columns)])
    table = await store.read(Query("finding", SCALAR, ("reason", "score")))
    assert table.columns["reason"] == sorted(reasons)
    assert table.columns["score"].tolist() == [2.0, 3.0, 1.0]
    assert (await store.read(Query("finding", SCALAR, ("reason",)))).columns["reason"] == sorted(reasons)


async def test_every_measurement_and_field_makes_the_round_trip(store):
    for measurement in MEASUREMENTS.values():
        subject = GATEWAY if measurement.subject == "gateway" else SCALAR
        sample = {
            Type.FLOAT: np.array([1.0]),
            Type.INT: np.array([3]),
            Type.TEXT: ["some-word"],
            Type.BYTES: [b"\0\xff"],
        }
        columns = {name: sample[kind] for name, kind in measurement.fields.items()}
        await store.write([Rows(measurement.name, subject, np.array([T0]), columns)])
        table = await store.read(Query(measurement.name, subject, tuple(measurement.fields)))
        assert {name: list(column) for name, column in table.columns.items()} == {
            name: list(column) for name, column in columns.items()
        }


async def test_rows_come_in_time_order_whatever_order_they_were_written_in(store):
    t_ns, values = every_minute(200)
    order = np.random.default_rng(3).permutation(200)
    for part in np.array_split(order, 7):
        await store.write([readings(t_ns[part], values[part])])
    table = await store.read(Query("reading", SCALAR, ("value",)))
    assert table.t_ns.tolist() == t_ns.tolist()
    assert table.columns["value"].tolist() == values.tolist()


async def test_a_span_is_half_open_and_newest_takes_the_end(store):
    t_ns, values = every_minute(100)
    await store.write([readings(t_ns, values)])
    span = await store.read(Query("reading", SCALAR, ("value",), int(t_ns[10]), int(t_ns[20])))
    assert span.t_ns.tolist() == t_ns[10:20].tolist()
    newest = await store.read(Query("reading", SCALAR, ("value",), newest=3))
    assert newest.t_ns.tolist() == t_ns[-3:].tolist()
    within = await store.read(Query("reading", SCALAR, ("value",), end_ns=int(t_ns[50]), newest=2))
    assert within.t_ns.tolist() == t_ns[48:50].tolist()


async def test_times_before_1970_and_long_ago_are_times(store):
    t_ns = np.array([-3 * NS_PER_HOUR - 1, -3 * NS_PER_HOUR, -1, 0, 1], dtype=np.int64)
    await store.write([readings(t_ns, np.arange(5.0))])
    assert (await store.read(Query("reading", SCALAR, ("value",)))).t_ns.tolist() == t_ns.tolist()
    buckets = await store.read(Query("reading", SCALAR, ("value",), bucket_ns=NS_PER_HOUR))
    assert (buckets.t_ns // NS_PER_HOUR).tolist() == [-4, -3, -1, 0]
    assert buckets.columns["count"].tolist() == [1, 1, 1, 2]


def expected_buckets(t_ns, values, size_ns):
    starts = t_ns // size_ns * size_ns
    good = ~np.isnan(values)
    for start in np.unique(starts[good]):
        inside = values[(starts == start) & good]
        yield int(start), inside.mean(), inside.min(), inside.max(), inside.size


@pytest.mark.parametrize("size_ns", [600 * NS_PER_S, NS_PER_HOUR, 3 * NS_PER_HOUR, NS_PER_DAY, 90 * 60 * NS_PER_S])
async def test_buckets_are_what_numpy_says(store, size_ns):
    t_ns, values = every_minute(3_000, T0 + 17 * NS_PER_S)
    values[100:400] = np.nan
    await store.write([readings(t_ns[:2_000], values[:2_000])])
    await store.write([readings(t_ns[2_000:], values[2_000:])])
    start_ns, end_ns = int(t_ns[40]), int(t_ns[2_990])
    inside = (t_ns >= start_ns) & (t_ns < end_ns)
    table = await store.read(Query("reading", SCALAR, ("value",), start_ns, end_ns, size_ns))
    wanted = list(expected_buckets(t_ns[inside], values[inside], size_ns))
    assert table.t_ns.tolist() == [row[0] for row in wanted]
    for at, name in enumerate(("value", "value_min", "value_max", "count"), start=1):
        np.testing.assert_allclose(table.columns[name], [row[at] for row in wanted], rtol=1e-12)
    newest = await store.read(Query("reading", SCALAR, ("value",), start_ns, end_ns, size_ns, newest=2))
    assert newest.t_ns.tolist() == [row[0] for row in wanted][-2:]


async def test_buckets_of_several_fields(store):
    t_ns, values = every_minute(120)
    columns = {"rms": values, "peak": np.where(np.arange(120) % 2, values * 3, np.nan), "mode1_hz": values + 1}
    await store.write([Rows("window", WAVEFORM, t_ns, columns)])
    fields = ("rms", "peak", "mode1_hz")
    table = await store.read(Query("window", WAVEFORM, fields, T0, T0 + NS_PER_DAY, NS_PER_HOUR))
    assert table.columns["count"].tolist() == [60, 60]
    np.testing.assert_allclose(table.columns["peak"], np.nanmean(columns["peak"].reshape(2, 60), axis=1))
    np.testing.assert_allclose(table.columns["mode1_hz_max"], columns["mode1_hz"].reshape(2, 60).max(axis=1))


async def test_late_rows_bring_the_rollups_up_to_date(store):
    t_ns, values = every_minute(600)
    late = np.arange(130, 150)
    rest = np.setdiff1d(np.arange(600), late)
    query = Query("reading", SCALAR, ("value",), T0, T0 + NS_PER_DAY, NS_PER_HOUR)
    await store.write([readings(t_ns[rest], values[rest])])
    before = await store.read(query)
    assert before.columns["count"].tolist() == [60, 60, 40, *[60] * 7]
    await store.write([readings(t_ns[late], values[late] + 100.0)])
    values[late] += 100.0
    after = await store.read(query)
    assert after.columns["count"].tolist() == [60] * 10
    np.testing.assert_allclose(after.columns["value"], values.reshape(10, 60).mean(axis=1))
    np.testing.assert_allclose(after.columns["value_max"], values.reshape(10, 60).max(axis=1))


async def test_subjects_and_measurements_do_not_mix(store):
    t_ns, values = every_minute(10)
    await store.write([readings(t_ns, values), readings(t_ns, values + 1, "bridge.crack2")])
    one = await store.read(Query("reading", SCALAR, ("value",)))
    other = await store.read(Query("reading", "bridge.crack2", ("value",)))
    assert (other.columns["value"] - one.columns["value"]).tolist() == [1.0] * 10
    assert len(await store.read(Query("novelty", SCALAR, ("score",)))) == 0


async def test_nothing_stored_is_an_empty_answer(store):
    raw = await store.read(Query("reading", SCALAR, ("value", "flag")))
    assert len(raw) == 0
    assert raw.columns["value"].size == 0
    buckets = await store.read(Query("reading", SCALAR, ("value",), bucket_ns=NS_PER_HOUR))
    assert len(buckets) == 0
    assert set(buckets.columns) == {"count", "value", "value_min", "value_max"}
    await store.write([])
    await store.write([readings([], [])])


HOSTILE = ['x" OR 1=1', "x'; DROP MEASUREMENT reading", "a b", "a,b", "", "*", "../../etc", "reading\n", "A", "x" * 200]


@pytest.mark.parametrize("name", HOSTILE)
async def test_no_hostile_name_reaches_the_database(store, name):
    await store.write([readings([T0], [1.0])])
    for query in (
        Query(name, SCALAR, ("value",)),
        Query("reading", name, ("value",)),
        Query("reading", SCALAR, (name,)),
        Query("reading", name, ("value",), bucket_ns=NS_PER_HOUR),
    ):
        with pytest.raises(RejectedError):
            await store.read(query)
    one = np.array([T0])
    for rows in (
        Rows(name, SCALAR, one, {}),
        Rows("reading", name, one, {"value": np.ones(1)}),
        Rows("reading", SCALAR, one, {name: np.ones(1)}),
        Rows("finding", SCALAR, one, {"reason": [name], "tier": ["warn"]}),
    ):
        with pytest.raises(RefusedError):
            await store.write([rows])
    assert await count(store) == 1


async def test_what_can_never_be_stored_is_named_after_the_rest_was_written(store):
    t_ns, values = every_minute(50)
    bad = [
        (Rows("reading", "elsewhere.crack", t_ns[:2], {"value": values[:2]}), RejectReason.UNKNOWN_CHANNEL),
        (Rows("gateway", "gw-other", t_ns[:1], {"online": np.array([1])}), RejectReason.UNKNOWN_GATEWAY),
        (Rows("reading", SCALAR, t_ns[:3], {"value": values[:2]}), RejectReason.COUNT_MISMATCH),
        (Rows("reading", SCALAR, t_ns[:1], {"flag": np.array([0.5])}), RejectReason.BAD_VALUE),
        (Rows("life", SCALAR, t_ns[:1], {"refused": ["\ud800"]}), RejectReason.BAD_VALUE),
        (Rows("finding", SCALAR, t_ns[:1], {"tier": ["warn"]}), RejectReason.BAD_NAME),
    ]
    with pytest.raises(RefusedError) as caught:
        await store.write([*(rows for rows, _ in bad), readings(t_ns, values)])
    assert [item.reason for item in caught.value.refused] == [reason for _, reason in bad]
    assert await count(store) == 50


async def test_retention_removes_old_raw_rows_only(store):
    old, new = T0, T0 + 40 * NS_PER_DAY
    await store.write([readings([old, new], [1.0, 2.0])])
    await store.write([Rows("novelty", SCALAR, np.array([old]), {"score": np.ones(1)})])
    waveform = {"samples": np.array([1, 1]), "body": [b"a", b"b"]}
    await store.write([Rows("waveform", WAVEFORM, np.array([new - 20 * NS_PER_DAY, new]), waveform)])
    for _ in range(2):
        await store.maintain(new + NS_PER_HOUR)
    assert (await store.read(Query("reading", SCALAR, ("value",)))).t_ns.tolist() == [new]
    assert await count(store, "novelty", SCALAR, "score") == 1  # kept for ever
    assert (await store.read(Query("waveform", WAVEFORM, ("body",)))).columns["body"] == [b"b"]


async def test_large_batches_of_many_kinds(store):
    t_ns, values = every_minute(30_000)
    await store.write([readings(t_ns, values), Rows("window", WAVEFORM, t_ns[:5_000], {"rms": values[:5_000]})])
    assert await count(store) == 30_000
    assert await count(store, "window", WAVEFORM, "rms") == 5_000


async def test_everything_is_there_after_a_restart(store, opened):
    t_ns, values = every_minute(90)
    await store.write([readings(t_ns, values)])
    await store.close()
    await store.close()
    again = await opened()
    await again.write([readings(t_ns, values)])
    assert await count(again) == 90
    table = await again.read(Query("reading", SCALAR, ("value",), bucket_ns=NS_PER_HOUR))
    assert table.columns["count"].tolist() == [60, 30]


async def test_a_second_process_reads_beside_the_writer(store, opened):
    other = await opened()
    t_ns, values = every_minute(90)
    await store.write([readings(t_ns, values)])
    assert await count(other) == 90
    table = await other.read(Query("reading", SCALAR, ("value",), bucket_ns=NS_PER_HOUR))
    assert table.columns["count"].tolist() == [60, 30]

"""What the InfluxDB store makes of a server that refuses, stumbles or is away."""

import urllib.request

import numpy as np
import pytest

from cloud_service.store.influxdb import InfluxSettings, open_store
from cloud_service.store.port import Query
from cloud_service.store.refused import RefusedError
from cloud_service.store.schema import Rows
from cloud_service.store.settings import store_settings
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.errors import RejectReason, RetryError, SettingsError
from tests.contract.site import SCALAR, small_site
from tests.servers.process import free_port

pytestmark = pytest.mark.e2e

T0 = 1_700_000_000 * NS_PER_S
ALL = Query("reading", SCALAR, ("value",))


def readings(t_ns):
    t_ns = np.asarray(t_ns, dtype=np.int64)
    return Rows("reading", SCALAR, t_ns, {"value": np.arange(t_ns.size, dtype=np.float64)})


@pytest.fixture
async def store(influx, tmp_path, monkeypatch):
    monkeypatch.setenv("TELLTALE_INFLUX_TOKEN", influx.token)
    opened = await open_store(
        InfluxSettings(url=influx.url, org=influx.org, bucket=influx.bucket), small_site(), tmp_path
    )
    yield opened
    await opened.close()


@pytest.mark.parametrize("status", [429, 500, 503, 401, 404])
async def test_a_passing_fault_is_to_be_retried_and_then_nothing_is_missing(store, influx, status):
    influx.fail_next.append(status)
    with pytest.raises(RetryError, match=str(status)):
        await store.write([readings(T0 + np.arange(100))])
    await store.write([readings(T0 + np.arange(100))])
    assert len(await store.read(ALL)) == 100


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_refusal_is_halved_until_all_good_lines_are_in(store, influx, status):
    influx.fail_next += [status, status, status]
    await store.write([readings(T0 + np.arange(100))])
    assert len(await store.read(ALL)) == 100


async def test_only_the_lines_at_fault_are_refused(store, influx):
    # A whole week in which `value` is text: there, and only there, InfluxDB refuses floats.
    bad_week = T0 + 70 * NS_PER_DAY
    line = f'reading,channel=other value="text" {bad_week}'.encode()
    path = f"{influx.url}/api/v2/write?org={influx.org}&bucket={influx.bucket}&precision=ns"
    headers = {"Authorization": f"Token {influx.token}"}
    urllib.request.urlopen(urllib.request.Request(path, line, headers), timeout=20).close()
    good = T0 + np.arange(40) * NS_PER_S
    bad = np.array([bad_week + 1, bad_week + 2])
    with pytest.raises(RefusedError) as caught:
        await store.write([readings(np.concatenate([good[:20], bad, good[20:]]))])
    refused = caught.value.refused
    assert sorted(int(item.rows.t_ns[0]) for item in refused) == bad.tolist()
    assert {item.reason for item in refused} == {RejectReason.STORE_REFUSED}
    assert all("conflict" in item.detail for item in refused)
    assert (await store.read(Query("reading", SCALAR, ("value",), end_ns=bad_week))).t_ns.tolist() == good.tolist()


async def test_a_server_that_is_away_is_to_be_retried(tmp_path):
    url = f"http://127.0.0.1:{free_port()}"
    store = await open_store(InfluxSettings(url=url), small_site(), tmp_path)
    with pytest.raises(RetryError, match="InfluxDB"):
        await store.write([readings([T0])])
    with pytest.raises(RetryError, match="InfluxDB"):
        await store.read(ALL)
    await store.close()


@pytest.mark.parametrize("url", ["http://example.org:8086", "https://user:pass@example.org", "influx:8086", ""])
def test_an_address_that_would_leak_or_lead_nowhere_is_refused(url):
    with pytest.raises(SettingsError, match=r"cloud\.toml: store\.url"):
        store_settings({"kind": "influxdb", "url": url}, "cloud.toml")


async def test_a_missing_token_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"store\.token_file: .*no-such-token"):
        await open_store(InfluxSettings(token_file="no-such-token"), small_site(), tmp_path)

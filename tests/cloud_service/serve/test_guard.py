"""What every answer carries and every request must pass; health and metrics; assets."""

from __future__ import annotations

import gzip

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cloud_service.serve.assets import asset_path


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil:8080", "[::2]", "a b", "10.0.0.1:8080"]
)
async def test_foreign_hosts_are_refused(host: str, empty, browse) -> None:
    async with browse(empty) as client:
        answer = await client.get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert "Footbridge" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost", "localhost:8080", "[::1]:8080", "127.0.0.1"])
async def test_loopback_hosts_are_served(host: str, empty, browse) -> None:
    async with browse(empty) as client:
        assert (await client.get("/", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("path", ["/", "/nope", "/healthz", "/metrics", "/api/v1/facilities", "/api/v1/nope"])
async def test_every_answer_is_hardened(path: str, empty, browse) -> None:
    async with browse(empty) as client:
        headers = (await client.get(path)).headers
    policy = headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


async def test_a_long_query_is_refused(empty, browse) -> None:
    async with browse(empty) as client:
        assert (await client.get("/?" + "x" * 5000)).status_code == 414


async def test_plotly_is_small_on_the_wire_and_kept(empty, browse) -> None:
    async with browse(empty) as client:
        path = asset_path("plotly.min.js")
        answer = await client.get(path, headers={"Accept-Encoding": "gzip"})
        again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})
        other = await client.get("/static/0000000000000000/plotly.min.js", headers={"Accept-Encoding": "identity"})
        missing = await client.get("/static/x/..%2fsettings.py")
    assert "immutable" in answer.headers["cache-control"]
    assert int(answer.headers["content-length"]) < 2_000_000
    assert answer.content.startswith(b"/**")
    assert again.status_code == 304
    assert other.headers["cache-control"] == "no-cache"
    assert other.content == answer.content
    assert missing.status_code == 404
    assert gzip.compress(other.content, 1) != other.content


async def test_health_tells_each_part(full, browse) -> None:
    async with browse(full) as client:
        answer = await client.get("/healthz")
    health = answer.json()
    assert answer.status_code == 200
    assert health["status"] == "ok"
    assert health["analysis_age_s"] == 3600.0
    assert health["incidents_open"] == {"suspect": 1, "warn": 1, "alarm": 1}
    assert (health["gateways_online"], health["gateways_known"]) == (1, 2)


async def test_health_of_an_unreadable_database_is_503(full, browse) -> None:
    full.journal.close()
    async with browse(full) as client:
        answer = await client.get("/healthz")
        metrics = await client.get("/metrics")
    assert answer.status_code == 503
    assert list(answer.json()["errors"]) == ["journal.db"]
    assert "telltale_up 0.0" in metrics.text


async def test_metrics_are_what_prometheus_reads(full, browse) -> None:
    async with browse(full) as client:
        text = (await client.get("/metrics")).text
    samples = {
        (s.name, tuple(s.labels.values())): s.value for f in text_string_to_metric_families(text) for s in f.samples
    }
    assert samples["telltale_up", ()] == 1.0
    assert samples["telltale_incidents_open", ("alarm",)] == 1.0
    assert samples["telltale_gateway_backlog_frames", ("gw-riverside",)] == 12.0
    assert samples["telltale_gateway_seen_age_seconds", ("gw-riverside",)] == 180.0
    assert samples["telltale_gateway_online", ("gw-dam",)] == 0.0
    assert samples["telltale_spool_rows", ()] == 0.0

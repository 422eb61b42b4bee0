"""Whatever is asked, the answer is an answer: no query, id, header or body makes the service fail."""

from __future__ import annotations

import random
from urllib.parse import quote

import pytest

from cloud_service.serve.api.table import ENDPOINTS
from tests.fuzz.strategies import HOSTILE_WORDS

ODD = (
    "", "0", "-1", "1e400", "nan", "9" * 180, "1_000", "١٢", "true", "null", "%00", "\0", "../../etc/passwd", "a/b", "*", "'", '"',
    "' OR 1=1 --", '"; DROP SERIES', "footbridge.air", "footbridge.midspan.az", "value", "value,value", "body", "reading", "window",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2026-06-12T10:05:00Z",
    "2026-06-12", "2026-W24-5T10:05:00Z", "31622400", "5000", "10", "x" * 250, *HOSTILE_WORDS,
)  # fmt: skip
PAGES = (
    "/",
    "/structures/{}",
    "/channels/{}",
    "/incidents",
    "/incidents/{}",
    "/gateways",
    "/mails",
    "/mails/{}",
    "/trend/{}",
)


def encoded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


async def test_no_question_is_a_failure(full, browse) -> None:
    rng = random.Random(5)
    async with browse(full) as client:
        for _ in range(400):
            endpoint = rng.choice([item for item in ENDPOINTS if item.method == "GET"])
            path = "/api/v1" + endpoint.path
            for parameter in endpoint.parameters:
                if parameter.place == "path":
                    path = path.replace(f"{{{parameter.name}}}", encoded(rng.choice(ODD) or "x"))
            asked = [item for item in endpoint.parameters if item.place == "query" and rng.random() < 0.6]
            query = "&".join(f"{item.name}={encoded(rng.choice(ODD))}" for item in asked)
            answer = await client.get(f"{path}?{query}")
            assert answer.status_code < 500, (path, query)
        for _ in range(100):
            path = rng.choice(PAGES).format(encoded(rng.choice(ODD) or "x"))
            answer = await client.get(f"{path}?span={encoded(rng.choice(ODD))}")
            assert answer.status_code < 500, path


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
        ("2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
        ("0001-01-01T00:00:00%2B14:00", "2026-06-13T00:00:00Z"),
    ],
)
@pytest.mark.parametrize("bucket", ["", "&bucket_s=0", "&bucket_s=1", "&bucket_s=31622400", "&points=10"])
async def test_a_series_of_all_times_is_bounded(start: str, end: str, bucket: str, full, browse) -> None:
    async with browse(full) as client:
        answer = await client.get(f"/api/v1/channels/footbridge.air/series?start={start}&end={end}{bucket}")
    assert answer.status_code == 200
    assert len(answer.json()["t_ms"]) <= 5_000


@pytest.mark.parametrize(
    "host", ["127.0.0.1:99999999", "[::1", "[]", "127.0.0.1@evil.example", "evil.example#@127.0.0.1", "localhost\x00.evil", "127.1", "0", "%31"]
)  # fmt: skip
async def test_odd_hosts_are_answered_or_refused(host: str, empty, browse) -> None:
    async with browse(empty) as client:
        answer = await client.get("/", headers=[(b"Host", host.encode())])
    assert answer.status_code in (200, 421)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[" * 16_000, b'{"who":1}', b'{"who":"' + b"x" * 10_000 + b'"}', b'{"who":"\\ud800"}', b"\xff", b'{"who":"a\\u0000b\\u202e"}', b"1e9999"]
)  # fmt: skip
async def test_odd_bodies_are_no_failure(body: bytes, full, browse) -> None:
    async with browse(full) as client:
        path, headers = "/api/v1/incidents/inc-crack/acknowledge", {"Content-Type": "application/json"}
        assert (await client.post(path, content=body, headers=headers)).status_code < 500

"""The JSON API: every endpoint, its document, and its refusals."""

from __future__ import annotations

import jsonschema
import numpy as np
import pytest

from cloud_service.serve.api.table import ENDPOINTS
from cloud_service.store.schema import Rows
from telltale.wire.body import encode
from tests.cloud_service.seed.results import NOW_NS
from tests.cloud_service.seed.state import add_mail
from tests.cloud_service.seed.store import opener

PATHS = {
    "/facilities": 2,
    "/structures": 3,
    "/structures?facility=upper-dam": 2,
    "/structures/gallery": None,
    "/channels": 5,
    "/channels?structure=gallery": 2,
    "/channels/gallery.crack-7": None,
    "/channels/gallery.crack-7/series": None,
    "/channels/footbridge.midspan.az/series?measurement=window&fields=rms,peak,samples&bucket_s=86400": None,
    "/channels/footbridge.midspan.az/waveform": None,
    "/channels/gallery.crack-7/life": None,
    "/life": 2,
    "/incidents": 4,
    "/incidents?state=standing": 3,
    "/incidents?structure=footbridge&limit=1": 1,
    "/incidents/inc-crack": None,
    "/gateways": 2,
    "/mails": 1,
}
REFUSED = {
    "/channels/nope": (404, "nope"),
    "/structures/nope": (404, "nope"),
    "/incidents/nope": (404, "nope"),
    "/channels/nope/series": (404, "nope"),
    "/channels/gallery.air/life": (404, "gallery.air"),
    "/channels/gallery.air/waveform": (404, "gallery.air"),
    "/channels/gallery.air/series?measurement=secrets": (400, "measurement"),
    "/channels/gallery.air/series?fields=value,drop%20table": (400, "drop table"),
    "/channels/gallery.air/series?start=yesterday": (400, "start"),
    "/channels/gallery.air/series?start=2026-01-01T00:00:00": (400, "time zone"),
    "/channels/gallery.air/series?start=2026-02-01T00:00:00Z&end=2026-01-01T00:00:00Z": (400, "start"),
    "/channels/gallery.air/series?points=9": (400, "points"),
    "/channels/gallery.air/series?points=many": (400, "points"),
    "/channels/gallery.air/series?bucket_s=-1": (400, "bucket_s"),
    "/channels/gallery.air/series?buckets=1": (400, "buckets"),
    "/mails?limit=100000": (400, "limit"),
    "/incidents?state=great": (400, "state"),
    "/incidents?structure=" + "x" * 300: (400, "structure"),
    "/nope": (404, "/api/v1/nope"),
}


@pytest.fixture
async def client(full, browse):
    add_mail(full.state, "inc-crack")
    async with browse(full) as opened:
        yield opened


@pytest.mark.parametrize("path", PATHS)
async def test_every_endpoint_answers_as_its_document_says(path: str, client) -> None:
    answer = await client.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    document = (await client.get("/api/v1/openapi.json")).json()
    schema = next(item for item in _schemas(document, path))
    jsonschema.validate(answer.json(), {**schema, "components": document["components"]})
    if PATHS[path] is not None:
        assert len(answer.json()) == PATHS[path]


def _schemas(document: dict, path: str):
    asked = f"/api/v1{path}".partition("?")[0].split("/")
    for template, methods in document["paths"].items():
        parts = template.split("/")
        pairs = list(zip(parts, asked, strict=False))
        if len(parts) == len(asked) and all(a == b or a.startswith("{") for a, b in pairs) and "get" in methods:
            yield methods["get"]["responses"]["200"]["content"]["application/json"]["schema"]


@pytest.mark.parametrize("path", REFUSED)
async def test_a_refusal_names_the_culprit(path: str, client) -> None:
    answer = await client.get(f"/api/v1{path}")
    status, culprit = REFUSED[path]
    assert answer.status_code == status
    assert culprit in answer.json()["error"]["message"]


async def test_the_document_lists_every_endpoint(client) -> None:
    document = (await client.get("/api/v1/openapi.json")).json()
    listed = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert listed == {(endpoint.method, f"/api/v1{endpoint.path}") for endpoint in ENDPOINTS}
    assert document["openapi"] == "3.1.0"


async def test_a_series_is_what_the_store_holds(client) -> None:
    answer = (await client.get("/api/v1/channels/gallery.crack-7/series?bucket_s=0&points=100")).json()
    assert answer["unit"] == "mm"
    assert answer["t_ms"][-1] == NOW_NS // 1_000_000
    assert len(answer["t_ms"]) == len(answer["columns"]["value"]) == 30 * 24
    assert all(0.3 < value < 0.6 for value in answer["columns"]["value"])


async def test_a_long_series_is_thinned_with_its_range(client) -> None:
    start = "2026-03-14T00:00:00Z"
    answer = (await client.get(f"/api/v1/channels/gallery.crack-7/series?start={start}&points=200")).json()
    assert answer["bucket_s"] == 43_200
    assert 150 < len(answer["t_ms"]) <= 200
    columns = answer["columns"]
    assert {"value", "value_min", "value_max", "count"} <= columns.keys()
    for mean, low, high in zip(columns["value"], columns["value_min"], columns["value_max"], strict=True):
        assert low <= mean <= high


async def test_the_spectrum_has_its_peak_where_the_structure_vibrates(client) -> None:
    answer = (await client.get("/api/v1/channels/footbridge.midspan.az/waveform")).json()
    assert len(answer["samples"]) == 1024
    density = answer["density"]
    peak_hz = answer["frequency_hz"][max(range(len(density)), key=density.__getitem__)]
    assert abs(peak_hz - 2.9) < 0.1


async def test_a_window_of_counts_is_shown_in_the_base_unit(client, tmp_path) -> None:
    counts = np.arange(-512, 512, dtype=np.int16)
    sent = {"body": [encode(counts)], "dtype": ["int16"], "scale": np.array([0.25]), "offset": np.array([-1.0])}
    window = {**sent, "samples": np.array([counts.size]), "rate_hz": np.array([100.0])}
    store = await opener(tmp_path)()
    await store.write([Rows("waveform", "footbridge.midspan.az", np.array([NOW_NS]), window)])
    await store.close()
    answer = (await client.get("/api/v1/channels/footbridge.midspan.az/waveform")).json()
    assert answer["samples"] == (counts * 0.25 - 1.0).tolist()


async def test_acknowledging_once(client) -> None:
    path = "/api/v1/incidents/inc-crack/acknowledge"
    first = await client.post(path, json={"who": "Ada"})
    second = await client.post(path, json={"who": "Otto"})
    assert (first.status_code, first.json()["state"]) == (200, "acknowledged")
    assert first.json()["log"][-1]["who"] == "Ada"
    assert (second.status_code, second.json()["error"]["code"]) == (409, "not_open")


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"json": {"who": ""}}, 400),
        ({"json": {}}, 400),
        ({"json": {"who": "Ada", "why": "x"}}, 400),
        ({"content": b"\xff{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": {"who": "Ada"}}, 415),
        ({"json": {"who": "Ada"}, "headers": {"Origin": "http://evil.example"}}, 403),
        ({"json": {"who": "A" * 20_000}}, 413),
    ],
)
async def test_a_bad_acknowledgement_changes_nothing(options: dict, status: int, client, full) -> None:
    answer = await client.post("/api/v1/incidents/inc-crack/acknowledge", **options)
    assert answer.status_code == status
    assert full.state.execute("SELECT state FROM incidents WHERE id = 'inc-crack'").fetchone() == ("open",)


async def test_wrong_method(client) -> None:
    answer = await client.delete("/api/v1/facilities")
    assert answer.status_code == 405
    assert "DELETE /api/v1/facilities" in answer.json()["error"]["message"]


async def test_completeness_of_a_channel_and_of_gateways(full, browse) -> None:
    async with browse(full) as client:
        channel = (await client.get("/api/v1/channels/footbridge.midspan.az/completeness?days=5")).json()
        unheard = (await client.get("/api/v1/channels/gallery.air/completeness")).json()
        (dam, riverside) = (await client.get("/api/v1/gateways/completeness")).json()
        wrong = await client.get("/api/v1/channels/footbridge.midspan.az/completeness?days=0")
    assert (channel["expected"], channel["missing"]) == (120, 3)
    assert channel["complete_percent"] == 97.5
    assert [(gap["missing"], gap["why"], gap["is_open"]) for gap in channel["gaps"]] == [(3, "not yet received", False)]
    assert (unheard["complete_percent"], unheard["gaps"]) == (None, [])
    assert (dam["produced"], dam["complete_percent"]) == (0, None)
    books = riverside["stored"], riverside["dropped"], riverside["dead_lettered"], riverside["missing"]
    assert books == (282, 14, 1, 3)
    assert riverside["produced"] == sum(books)
    assert [hole["cause"] for hole in riverside["holes"]] == [
        "not yet received",
        "dead-lettered",
        "dropped at the edge",
    ]
    assert riverside["refused_channels"][0]["blocks"] == 20
    assert wrong.status_code == 400

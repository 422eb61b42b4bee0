"""Provisioning against a small server that answers as InfluxDB 2's API does."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from cloud_service.store.influx_http import InfluxHttp
from cloud_service.store.influx_provision import provision

TOKEN = "s3cret-token"


class InfluxApi:
    """Organisations, buckets and DBRP mappings, in memory."""

    def __init__(self) -> None:
        self.buckets: list[dict[str, str]] = []
        self.dbrps: list[dict[str, object]] = []
        self.may_create = True
        self.app = web.Application()
        self.app.add_routes(
            [
                web.get("/api/v2/orgs", self.get_orgs),
                web.get("/api/v2/buckets", self.get_buckets),
                web.post("/api/v2/buckets", self.post_bucket),
                web.get("/api/v2/dbrps", self.get_dbrps),
                web.post("/api/v2/dbrps", self.post_dbrp),
            ]
        )

    async def get_orgs(self, request: web.Request) -> web.Response:
        return web.json_response({"orgs": [{"id": "org1", "name": request.query["org"]}]})

    async def get_buckets(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Token {TOKEN}":
            return web.json_response({"code": "unauthorized"}, status=401)
        name = request.query.get("name")
        found = [bucket for bucket in self.buckets if name in (None, bucket["name"])]
        if name is not None and not found:
            return web.json_response({"code": "not found", "message": f'bucket "{name}" not found'}, status=404)
        return web.json_response({"buckets": found})

    async def post_bucket(self, request: web.Request) -> web.Response:
        if not self.may_create:
            return web.json_response({"code": "forbidden"}, status=403)
        wanted = await request.json()
        self.buckets.append({"id": "bucket1", "name": wanted["name"], "orgID": wanted["orgID"]})
        return web.json_response(self.buckets[-1], status=201)

    async def get_dbrps(self, request: web.Request) -> web.Response:
        found = [item for item in self.dbrps if item["database"] == request.query["db"]]
        return web.json_response({"content": found})

    async def post_dbrp(self, request: web.Request) -> web.Response:
        self.dbrps.append(await request.json())
        return web.json_response(self.dbrps[-1], status=201)


@pytest.fixture
def api() -> InfluxApi:
    return InfluxApi()


@pytest.fixture
async def http(api: InfluxApi) -> AsyncIterator[InfluxHttp]:
    runner = web.AppRunner(api.app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    opened = InfluxHttp(f"http://{host}:{port}", "telltale", "shm", TOKEN, 10.0, is_gzip=False)
    yield opened
    await opened.close()
    await runner.cleanup()


async def test_bucket_and_mapping_are_made_once(api, http):
    for _ in range(2):
        assert await provision(http) is True
    assert api.buckets == [{"id": "bucket1", "name": "shm", "orgID": "org1"}]
    assert api.dbrps == [
        {
            "org": "telltale",
            "bucketID": "bucket1",
            "database": "shm",
            "retention_policy": "autogen",
            "default": True,
        }
    ]


async def test_a_bucket_that_exists_is_mapped_only(api, http):
    api.buckets.append({"id": "mine", "name": "shm", "orgID": "org1"})
    assert await provision(http) is True
    assert len(api.buckets) == 1
    assert api.dbrps[0]["bucketID"] == "mine"


async def test_what_the_token_does_not_permit_is_left_to_the_operator(api, http, capsys):
    api.may_create = False
    assert await provision(http) is True
    said = "".join(capsys.readouterr())
    assert "bucket not created" in said
    assert TOKEN not in said

"""Making the bucket and its InfluxQL name (DBRP mapping) where they are missing. Asking twice changes nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from cloud_service.store.influx_http import InfluxHttp
from telltale.errors import RejectedError

log = structlog.get_logger(__name__)


async def provision(http: InfluxHttp) -> bool:
    """Make what is missing. What the token does not permit is logged and left to the operator.

    Returns:
        Whether the server has the API of InfluxDB 2.

    Raises:
        RetryError: the server cannot be reached.
    """
    status, body = await http.call("GET", "/api/v2/buckets", params={"org": http.org, "limit": "1"})
    if status == 404 and b"organization" not in body:
        log.info("no API v2 here: InfluxDB 1, asked for a database instead", bucket=http.bucket)
        await _create_database(http)
        return False
    bucket = await _bucket_id(http)
    if bucket is None:
        bucket = await _create_bucket(http)
    if bucket is not None:
        await _map_database(http, bucket)
    return True


async def _create_database(http: InfluxHttp) -> None:
    try:
        await http.query(f'CREATE DATABASE "{http.bucket}"')
    except RejectedError as error:
        log.warning("database not created", database=http.bucket, error=error.detail)


async def _bucket_id(http: InfluxHttp) -> str | None:
    status, body = await http.call("GET", "/api/v2/buckets", params={"org": http.org, "name": http.bucket})
    found = _listed(body, "buckets") if status == 200 else []
    return str(found[0]["id"]) if found else None


async def _create_bucket(http: InfluxHttp) -> str | None:
    status, body = await http.call("GET", "/api/v2/orgs", params={"org": http.org})
    orgs = _listed(body, "orgs") if status == 200 else []
    if not orgs:
        log.warning("organisation not found, or not visible with this token", org=http.org, status=status)
        return None
    wanted = {"orgID": orgs[0]["id"], "name": http.bucket, "retentionRules": []}
    status, body = await http.call("POST", "/api/v2/buckets", params={}, json=wanted)
    if status != 201:
        log.warning("bucket not created", bucket=http.bucket, status=status)
        return None
    log.info("bucket created", bucket=http.bucket)
    return str(msgspec.json.decode(body)["id"])


async def _map_database(http: InfluxHttp, bucket: str) -> None:
    status, body = await http.call("GET", "/api/v2/dbrps", params={"org": http.org, "db": http.bucket})
    if status == 200 and _listed(body, "content"):
        return
    wanted = {
        "org": http.org,
        "bucketID": bucket,
        "database": http.bucket,
        "retention_policy": "autogen",
        "default": True,
    }
    status, _ = await http.call("POST", "/api/v2/dbrps", params={}, json=wanted)
    if status != 201:
        log.warning("InfluxQL name not mapped", database=http.bucket, status=status)


def _listed(body: bytes, key: str) -> list[dict[str, Any]]:
    answer = msgspec.json.decode(body)
    return list(answer.get(key) or ()) if isinstance(answer, dict) else []

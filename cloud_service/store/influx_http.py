"""HTTP to InfluxDB, with its answers as our errors. Writes go through influxdb-client, the rest through aiohttp.

What an answer means: 400, 413, 422: these lines are at fault (`Refusal`); anything else that is not a success, and
every network fault: the server is (`RetryError`). A wrong token or a missing bucket is the operator's to mend and
loses nothing meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from telltale.errors import RejectedError, RejectReason, RetryError

if TYPE_CHECKING:
    import aiohttp

REFUSALS = (400, 413, 422)
MAX_MESSAGE = 300


class Refusal(Exception):  # noqa: N818 - not a failure: an answer about the lines sent
    """The server will never take these lines."""


class InfluxHttp:
    """One server, bucket and token. Use from one event loop; close once.

    Args:
        url, org, bucket: where.
        token: never logged; empty for none.
        timeout_s: of one request.
        is_gzip: compress writes.
    """

    def __init__(self, url: str, org: str, bucket: str, token: str, timeout_s: float, *, is_gzip: bool) -> None:
        # Imported when this store is chosen: the others need neither the memory nor the time.
        import aiohttp  # noqa: PLC0415
        from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync  # noqa: PLC0415

        self.org = org
        self.bucket = bucket
        self._url = url.rstrip("/")
        self._client = InfluxDBClientAsync(
            self._url, token, org=org, timeout=int(timeout_s * 1_000), enable_gzip=is_gzip
        )
        self._writes = self._client.write_api()
        self._session: aiohttp.ClientSession = aiohttp.ClientSession(
            headers={"Authorization": f"Token {token}"} if token else {},
            timeout=aiohttp.ClientTimeout(total=timeout_s),
        )

    async def write(self, lines: bytes) -> None:
        """Write lines of line protocol, times in nanoseconds.

        Raises:
            Refusal: the lines are at fault.
            RetryError: the server is.
        """
        import aiohttp  # noqa: PLC0415 - as above
        from influxdb_client.rest import ApiException  # noqa: PLC0415

        try:
            await self._writes.write(self.bucket, self.org, lines)
        except ApiException as error:
            _raise_for(int(error.status or 0), str(error.body or error.reason), _header(error, "Retry-After"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RetryError(f"InfluxDB: {error or type(error).__name__}") from error

    async def query(self, influxql: str) -> list[list[Any]]:
        """The rows of the first series that a query answers; none where there is no data.

        Raises:
            RejectedError: the server does not understand the query.
            RetryError: it cannot answer now.
        """
        status, body = await self.call(
            "POST", "/query", params={"db": self.bucket, "epoch": "ns"}, form={"q": influxql}
        )
        answer = _decoded(body)
        if status in REFUSALS:
            raise RejectedError(RejectReason.STORE_REFUSED, f"InfluxDB: {_message(body)}")
        if status != 200:
            raise RetryError(f"InfluxDB: status {status}: {_message(body)}")
        for result in answer.get("results", ()):
            if "error" in result:
                raise RetryError(f"InfluxDB: {str(result['error'])[:MAX_MESSAGE]}")
            for series in result.get("series", ()):
                return list(series.get("values", ()))
        return []

    async def call(
        self, method: str, path: str, *, params: dict[str, str], json: Any = None, form: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One request: status and body, whatever the status.

        Raises:
            RetryError: no answer, or the server is busy or broken (429, 5xx).
        """
        import aiohttp  # noqa: PLC0415 - as above

        try:
            async with self._session.request(method, self._url + path, params=params, json=json, data=form) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RetryError(f"InfluxDB: {error or type(error).__name__}") from error
        if response.status == 429 or response.status >= 500:
            _raise_for(response.status, _message(body), response.headers.get("Retry-After"))
        return response.status, body

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        await self._session.close()
        await self._client.close()  # type: ignore[no-untyped-call]


def _raise_for(status: int, message: str, retry_after: str | None) -> None:
    text = f"status {status}: {message[:MAX_MESSAGE]}"
    if status in REFUSALS:
        raise Refusal(text)
    after_s = float(retry_after) if retry_after and retry_after.isdigit() else None
    raise RetryError(f"InfluxDB: {text}", after_s)


def _header(error: Any, name: str) -> str | None:
    headers = getattr(error, "headers", None)
    return headers.get(name) if headers is not None else None


def _message(body: bytes) -> str:
    answer = _decoded(body)
    text = answer.get("message") or answer.get("error") or body.decode("utf-8", "replace")
    return str(text)[:MAX_MESSAGE]


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return answer if isinstance(answer, dict) else {}

"""`/api/v2/write` of InfluxDB 2 before a real InfluxDB 1.6 (`/write`), with the answers that a campaign orders.

HTTP/1.1 with keep-alive and bodies of declared length, which is what the store's client speaks.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from chaos.link import HOST

REASONS = {
    204: "No Content",
    400: "Bad Request",
    404: "Not Found",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
}


@dataclass(frozen=True, slots=True)
class Order:
    """Answer a write with `status` without passing it on, if it has at least `min_lines` lines."""

    status: int
    retry_after_s: int | None = None
    min_lines: int = 1


@dataclass(frozen=True, slots=True)
class Poison:
    """A point that the server refuses for ever: a batch that holds this row of `window` is answered `status`."""

    channel: str
    t_ns: int
    status: int

    def is_in(self, body: bytes) -> bool:
        """Whether a batch of lines holds it."""
        at = str(self.t_ns).encode()
        if at not in body:
            return False
        head, tag = b"window,", f",channel={self.channel} ".encode()
        return any(line.startswith(head) and tag in line and line.endswith(at) for line in body.split(b"\n"))


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def is_write(self) -> bool:
        """Whether it writes lines."""
        return urlsplit(self.target).path == "/api/v2/write"


class Forwarder:
    """One listener before one InfluxDB.

    Attributes:
        orders: for the next writes, first one first.
        poisons: points that are refused for ever.
        delay_s: before each write is passed on.
        written: set when a write has been taken by the database and is not answered yet.
        refusals: answers given instead of the database's: (status, lines).
    """

    def __init__(self, upstream_port: int) -> None:
        self.port = 0
        self.orders: deque[Order] = deque()
        self.poisons: list[Poison] = []
        self.delay_s = 0.0
        self.arriving = asyncio.Event()
        self.written = asyncio.Event()
        self.refusals: list[tuple[int, int]] = []
        self._upstream_port = upstream_port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, HOST, self.port, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError, EOFError, ValueError):
                while (request := await _read_request(reader)) is not None:
                    writer.write(await self._answer(request))
                    await writer.drain()
        finally:
            self._writers.discard(writer)
            writer.transport.abort()  # a database that is down answers nothing

    async def _answer(self, request: Request) -> bytes:
        if not request.is_write:
            return await self._pass_on(request, request.target)
        self.arriving.set()
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        refused = self._refusal(request.body)
        if refused is not None:
            self.refusals.append((refused.status, request.body.count(b"\n") + 1))
            return _refuse(refused)
        query = dict(parse_qsl(urlsplit(request.target).query))
        words = urlencode({"db": query.get("bucket", ""), "precision": query.get("precision", "ns")})
        answer = await self._pass_on(request, f"/write?{words}")
        self.written.set()
        await asyncio.sleep(0)  # whoever waits for this moment breaks things between the write and its answer
        return answer

    def _refusal(self, body: bytes) -> Order | None:
        for poison in self.poisons:
            if poison.is_in(body):
                return Order(poison.status)
        if self.orders and body.count(b"\n") + 1 >= self.orders[0].min_lines:
            return self.orders.popleft()
        return None

    async def _pass_on(self, request: Request, target: str) -> bytes:
        """One connection a request: a database that is killed ends only what it was asked."""
        reader, writer = await asyncio.open_connection(HOST, self._upstream_port, limit=2**24)
        try:
            kept = [
                f"{name}: {request.headers[name]}"
                for name in ("content-type", "content-encoding", "authorization")
                if name in request.headers
            ]
            head = [f"{request.method} {target} HTTP/1.1", f"Host: {HOST}", "Connection: close", *kept]
            head.append(f"Content-Length: {len(request.body)}")
            writer.write("\r\n".join([*head, "", ""]).encode() + request.body)
            await writer.drain()
            return _whole(await reader.read(-1))
        finally:
            writer.close()


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    if headers.get("expect", "").lower() == "100-continue" or "transfer-encoding" in headers:
        raise ValueError("only bodies of declared length")
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)


def _whole(answer: bytes) -> bytes:
    """The database's answer with its body's length declared, so that the client's connection can stay."""
    head, blank, body = answer.partition(b"\r\n\r\n")
    if not blank:
        raise EOFError("the database ended before its answer")
    status, *headers = head.split(b"\r\n")
    names = {line.split(b":", 1)[0].strip().lower(): line.split(b":", 1)[1].strip() for line in headers}
    if names.get(b"transfer-encoding") == b"chunked":
        body = _dechunked(body)
    elif b"content-length" in names and len(body) != int(names[b"content-length"]):
        raise EOFError("the database ended within its answer")
    kept = [
        line for line in headers if line.split(b":", 1)[0].strip().lower() in (b"content-type", b"x-influxdb-error")
    ]
    is_empty = b" 204 " in status + b" "
    length = [] if is_empty else [b"Content-Length: %d" % len(body)]
    return b"\r\n".join([status, *kept, *length, b"", b""]) + (b"" if is_empty else body)


def _dechunked(body: bytes) -> bytes:
    parts: list[bytes] = []
    at = 0
    while True:
        end = body.find(b"\r\n", at)
        if end < 0:
            raise EOFError("the database ended within its answer")
        size = int(body[at:end], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(body[end + 2 : end + 2 + size])
        if len(parts[-1]) < size:
            raise EOFError("the database ended within its answer")
        at = end + 2 + size + 2


def _refuse(order: Order) -> bytes:
    body = b'{"code":"invalid","message":"as the campaign ordered"}'
    after = [f"Retry-After: {order.retry_after_s}"] if order.retry_after_s is not None else []
    reason = REASONS.get(order.status, "Error")
    head = [f"HTTP/1.1 {order.status} {reason}", "Content-Type: application/json", *after]
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body

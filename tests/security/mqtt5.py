"""A bare MQTT 5 client: it sends what it is told to, allowed or not, and hands back what the broker says.

Real client libraries refuse to send much of what an attacker would send, and hide reason codes.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

DEADLINE_S = 30.0
CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP, DISCONNECT = 2, 3, 4, 9, 13, 14
SUCCESS, NO_SUBSCRIBERS, NOT_AUTHORIZED = 0x00, 0x10, 0x87


class RefusedError(Exception):
    """The broker did not let us in: the reason code of its CONNACK, or None where there was none."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"refused, CONNACK {code}")
        self.code = code


def text(value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(raw)) + raw


def packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    left, length = len(body), b""
    while True:
        left, digit = divmod(left, 128)
        length += bytes([digit | (0x80 if left else 0)])
        if not left:
            return bytes([kind << 4 | flags]) + length + body


def connect_packet(
    client_id: str = "x",
    *,
    keepalive_s: int = 60,
    will: tuple[str, bytes] | None = None,
    will_retain: bool = False,
    username: str | None = None,
    clean_start: bool = True,
) -> bytes:
    flags = (0x02 if clean_start else 0) | (0x80 if username is not None else 0)
    payload = text(client_id)
    if will is not None:
        flags |= 0x04 | 0x08 | (0x20 if will_retain else 0)  # will, QoS 1
        payload += b"\x00" + text(will[0]) + text(will[1])
    if username is not None:
        payload += text(username)
    return packet(1, text("MQTT") + bytes([5, flags]) + struct.pack(">H", keepalive_s) + b"\x00" + payload)


@dataclass
class Link:
    """An open session.

    Attributes:
        received: (topic, payload) of every message, in order.
        code: the reason in the broker's DISCONNECT, if it sent one.
        closed: set when the broker has ended the connection.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    received: list[tuple[str, bytes]] = field(default_factory=list)
    code: int | None = None
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    _answers: dict[tuple[int, int], asyncio.Future[bytes]] = field(default_factory=dict)
    _number: int = 0

    async def publish(self, name: bytes | str, payload: bytes, *, qos: int = 1, retain: bool = False) -> int | None:
        """The reason code of the PUBACK; None where the broker closed instead, or nothing is answered (QoS 0)."""
        number = self._next()
        head = text(name) + (struct.pack(">H", number) if qos else b"") + b"\x00"
        await self._send(packet(PUBLISH, head + payload, qos << 1 | int(retain)))
        if not qos:
            await self.ping()
            return None
        answer = await self._answer(PUBACK, number)
        return None if answer is None else (answer[0] if answer else SUCCESS)

    async def subscribe(self, pattern: bytes | str, qos: int = 1) -> int | None:
        """The reason code of the SUBACK; None where the broker closed instead."""
        number = self._next()
        await self._send(packet(8, struct.pack(">H", number) + b"\x00" + text(pattern) + bytes([qos]), 2))
        answer = await self._answer(SUBACK, number)
        return None if answer is None else answer[-1]

    async def ping(self) -> bool:
        """Whether the broker answers: all that was sent before has been worked on then."""
        await self._send(packet(12, b""))
        return await self._answer(PINGRESP, 0) is not None

    async def disconnect(self) -> None:
        await self._send(packet(DISCONNECT, b""))

    def drop(self) -> None:
        """End the connection without a word: the broker publishes the will."""
        self.writer.transport.abort()

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def _send(self, data: bytes) -> None:
        with suppress(ConnectionError, ssl.SSLError):
            self.writer.write(data)
            await self.writer.drain()

    async def _answer(self, kind: int, number: int) -> bytes | None:
        future = self._answers.setdefault((kind, number), asyncio.get_running_loop().create_future())
        gone = asyncio.ensure_future(self.closed.wait())
        try:
            async with asyncio.timeout(DEADLINE_S):
                await asyncio.wait((future, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            self._answers.pop((kind, number), None)
        return future.result() if future.done() else None

    async def listen(self) -> None:
        with suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            while True:
                kind, flags, body = await read_packet(self.reader)
                await self._take(kind, flags, body)
        self.closed.set()

    async def _take(self, kind: int, flags: int, body: bytes) -> None:
        if kind == PUBLISH:
            size = struct.unpack(">H", body[:2])[0]
            rest = body[2 + size :]
            if flags & 6:
                await self._send(packet(PUBACK, rest[:2]))
                rest = rest[2:]
            self.received.append((body[2 : 2 + size].decode(), rest[1 + rest[0] :]))
        elif kind == DISCONNECT:
            self.code = body[0] if body else SUCCESS
        else:
            number = struct.unpack(">H", body[:2])[0] if kind in (PUBACK, SUBACK) else 0
            waiting = self._answers.get((kind, number))
            if waiting is not None and not waiting.done():
                waiting.set_result(body[2:])


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    first = (await reader.readexactly(1))[0]
    length = shift = 0
    while True:
        digit = (await reader.readexactly(1))[0]
        length |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            return first >> 4, first & 15, await reader.readexactly(length)


@asynccontextmanager
async def session(port: int, tls: ssl.SSLContext | None, connect: bytes | None = None) -> AsyncIterator[Link]:
    """A session that the broker has welcomed; ended with a DISCONNECT.

    Raises:
        RefusedError: it has not.
    """
    try:
        async with asyncio.timeout(DEADLINE_S):
            name = "localhost" if tls else None
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name)
    except (OSError, ssl.SSLError):
        raise RefusedError(None) from None
    link = Link(reader, writer)
    try:
        await _welcomed(link, connect or connect_packet())
        listening = asyncio.create_task(link.listen())
        try:
            yield link
            if not link.closed.is_set():
                await link.disconnect()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    finally:
        writer.transport.abort()


async def _welcomed(link: Link, connect: bytes) -> None:
    try:
        async with asyncio.timeout(DEADLINE_S):
            link.writer.write(connect)
            kind, _, body = await read_packet(link.reader)
    except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
        raise RefusedError(None) from None
    if kind != CONNACK or body[1] >= 0x80:
        raise RefusedError(body[1] if kind == CONNACK else None)

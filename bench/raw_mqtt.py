"""A bare MQTT 5 publisher: packets by hand, as fast as the socket takes them, with a window of unacknowledged ones.

Source: OASIS MQTT 5.0, 3.1 (CONNECT), 3.3 (PUBLISH), 3.4 (PUBACK).
"""

from __future__ import annotations

import asyncio
import ssl
from types import TracebackType
from typing import Self

CONNECT, CONNACK, PUBLISH_QOS1, PUBACK = 0x10, 0x20, 0x32, 0x40
WINDOW = 200


class RawPublisher:
    """One connection; `publish` waits while the window is full, and `drain` until the broker has acknowledged all."""

    def __init__(self, port: int, client_id: str, tls: ssl.SSLContext | None = None) -> None:
        self._port = port
        self._tls = tls
        self._client_id = client_id
        self._next = 0
        self._open = asyncio.Semaphore(WINDOW)
        self._unacknowledged = 0
        self._idle = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._tls)
        head = _text("MQTT") + bytes((5, 0b10)) + (0).to_bytes(2, "big") + b"\0"  # clean start, no keep-alive
        self._writer.write(_packet(CONNECT, head + _text(self._client_id)))
        kind, body = await self._read()
        if kind != CONNACK or body[1] != 0:
            raise ConnectionError(f"the broker refuses {self._client_id}: {body!r}")
        self._acks = asyncio.create_task(self._take_acks())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._acks.cancel()
        self._writer.close()
        await asyncio.gather(self._acks, return_exceptions=True)

    async def publish(self, topic: str, payload: bytes) -> None:
        if self._acks.done():
            await self._acks
        await self._open.acquire()
        self._next = self._next % 65_535 + 1
        self._unacknowledged += 1
        self._idle.clear()
        self._writer.write(_packet(PUBLISH_QOS1, _text(topic) + self._next.to_bytes(2, "big") + b"\0" + payload))
        await self._writer.drain()

    async def drain(self) -> None:
        if self._unacknowledged:
            await self._idle.wait()

    async def _take_acks(self) -> None:
        while True:
            kind, _ = await self._read()
            if kind == PUBACK:
                self._unacknowledged -= 1
                self._open.release()
                if not self._unacknowledged:
                    self._idle.set()

    async def _read(self) -> tuple[int, bytes]:
        kind = (await self._reader.readexactly(1))[0]
        size = shift = 0
        while True:
            octet = (await self._reader.readexactly(1))[0]
            size |= (octet & 0x7F) << shift
            shift += 7
            if octet < 0x80:
                return kind & 0xF0, await self._reader.readexactly(size)


def _text(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2, "big") + data


def _packet(kind: int, body: bytes) -> bytes:
    size, head = len(body), bytearray((kind,))
    while True:
        size, low = divmod(size, 128)
        head.append(low | (0x80 if size else 0))
        if not size:
            return bytes(head) + body

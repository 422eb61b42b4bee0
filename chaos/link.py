"""A TCP link that can be broken: between agent and broker, service and broker, store and database, notify and mail."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

READ_BYTES = 65_536
HOST = "127.0.0.1"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close sends RST


class Way(StrEnum):
    """Direction of bytes."""

    UP = "up"  # from the client to the server
    DOWN = "down"


class Tap(Protocol):
    """Listens to what a client sends on one connection; changes nothing."""

    def feed(self, data: bytes) -> None:
        """The next bytes."""


class Link:
    """Listens on a port of its own and passes bytes on to `upstream_port`, as long as nobody breaks it.

    Args:
        name: for people.
        upstream_port: of the server.
        tap: makes a listener for each connection.
    """

    def __init__(self, name: str, upstream_port: int, tap: Callable[[], Tap] | None = None) -> None:
        self.name = name
        self.port = 0
        self.delay_s = 0.0
        self._upstream_port = upstream_port
        self._tap = tap
        self._server: asyncio.Server | None = None
        self._pairs: set[_Pair] = set()
        self._swallowing: frozenset[Way] = frozenset()
        self._budget: dict[Way, int | None] = {Way.UP: None, Way.DOWN: None}
        self._passing: dict[Way, asyncio.Event] = {way: asyncio.Event() for way in Way}

    async def open(self) -> None:
        """Listen; the port stays the same when it is opened again."""
        self._server = await asyncio.start_server(self._accept, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.drop_all(reset=True)
        await asyncio.sleep(0)

    async def cut(self, duration_s: float) -> None:
        """No connection for so long: those that stand end with FIN, new ones are refused."""
        assert self._server is not None
        self._server.close()
        self.drop_all(reset=False)
        await asyncio.sleep(duration_s)
        await self.open()

    async def half_open(self, duration_s: float, ways: frozenset[Way] = frozenset(Way)) -> None:
        """Connections stand and are accepted, but every byte that goes these ways vanishes; after that they are dead
        for good.
        """
        self._swallowing = ways
        await asyncio.sleep(duration_s)
        self._swallowing = frozenset()
        self.drop_all(reset=True)

    async def slow(self, delay_s: float, duration_s: float) -> None:
        """Each piece of data waits `delay_s`."""
        self.delay_s = delay_s
        await asyncio.sleep(duration_s)
        self.delay_s = 0.0

    def drop_all(self, *, reset: bool) -> None:
        """End every connection, with RST or with FIN."""
        for pair in list(self._pairs):
            pair.drop(reset=reset)

    def limit(self, way: Way, count: int | None) -> None:
        """Let exactly `count` more bytes arrive in one direction, then end the connection; None lifts it."""
        self._budget[way] = count

    async def cut_after(self, way: Way, count: int, deadline_s: float) -> bool:
        """As `limit`, and wait until it has happened; False where too few bytes came in time."""
        self.limit(way, count)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                while self._budget[way] is not None:
                    await self.passing(way)
        is_cut = self._budget[way] is None
        self.limit(way, None)
        return is_cut

    async def passing(self, way: Way) -> None:
        """Wait until data comes in this direction: returns before the other side has it."""
        self._passing[way].clear()
        await self._passing[way].wait()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection(HOST, self._upstream_port)
        except OSError:
            _close(writer, reset=True)
            return
        pair = _Pair(writer, up_writer)
        self._pairs.add(pair)
        tap = self._tap() if self._tap else None
        pumps = [
            asyncio.create_task(self._pump(reader, up_writer, Way.UP, pair, tap)),
            asyncio.create_task(self._pump(up_reader, writer, Way.DOWN, pair, None)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            pair.drop(reset=False)
            self._pairs.discard(pair)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way, pair: _Pair, tap: Tap | None
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(READ_BYTES):
                self._passing[way].set()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if way in self._swallowing:
                    continue
                data, is_last = self._within_budget(way, data)
                if tap is not None:
                    tap.feed(data)
                writer.write(data)
                await writer.drain()
                if is_last:
                    pair.end_after(writer)
                    return

    def _within_budget(self, way: Way, data: bytes) -> tuple[bytes, bool]:
        left = self._budget[way]
        if left is None:
            return data, False
        if len(data) < left:
            self._budget[way] = left - len(data)
            return data, False
        self._budget[way] = None
        return data[:left], True


class _Pair:
    """The two sockets of one connection."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._writers = (client, server)

    def end_after(self, receiver: asyncio.StreamWriter) -> None:
        """Close the side that was written to once it has every byte; reset the other."""
        for writer in self._writers:
            _close(writer, reset=writer is not receiver)

    def drop(self, *, reset: bool) -> None:
        """Close both; safe to call twice."""
        for writer in self._writers:
            _close(writer, reset=reset)


def _close(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    if reset:
        raw = writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        writer.transport.abort()
    else:
        writer.close()

"""The broken links, on real sockets: what passes, what vanishes, and how a connection ends."""

import asyncio
import contextlib

import pytest

from chaos.link import HOST, Link, Way


@contextlib.asynccontextmanager
async def linked(tap=None):
    """A link before a server that sends back what it gets; yields it and the bytes that the server received."""
    received = bytearray()

    async def echo(reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                received.extend(data)
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, HOST, 0)
    link = Link("echo", server.sockets[0].getsockname()[1], tap)
    await link.open()
    try:
        yield link, received
    finally:
        await link.close()
        server.close()


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_passes_bytes_both_ways():
    async with linked() as (link, _):
        reader, writer = await asyncio.open_connection(HOST, link.port)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.close()


@pytest.mark.parametrize("count", [1, 7, 70_000])
async def test_cuts_after_exactly_so_many_bytes(count):
    async with linked() as (link, received):
        _, writer = await asyncio.open_connection(HOST, link.port)
        cut = asyncio.create_task(link.cut_after(Way.UP, count, 10.0))
        await asyncio.sleep(0)
        writer.write(b"x" * 200_000)
        assert await cut
        await until(lambda: len(received) >= count)
        assert len(received) == count
        writer.close()


async def test_a_reset_is_a_reset():
    async with linked() as (link, _):
        reader, writer = await asyncio.open_connection(HOST, link.port)
        writer.write(b"a")
        await reader.readexactly(1)
        link.drop_all(reset=True)
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        writer.close()


async def test_half_open_swallows_and_then_ends():
    async with linked() as (link, received):
        reader, writer = await asyncio.open_connection(HOST, link.port)
        writer.write(b"a")
        await reader.readexactly(1)
        broken = asyncio.create_task(link.half_open(0.3))
        await asyncio.sleep(0)
        writer.write(b"gone")
        await broken
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        assert bytes(received) == b"a"
        writer.close()


async def test_one_way_delivers_and_never_answers():
    async with linked() as (link, received):
        reader, writer = await asyncio.open_connection(HOST, link.port)
        broken = asyncio.create_task(link.half_open(0.5, frozenset({Way.DOWN})))
        await asyncio.sleep(0)
        writer.write(b"stored")
        await until(lambda: bytes(received) == b"stored")
        await broken
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()


async def test_a_cut_link_refuses_and_comes_back_on_its_port():
    async with linked() as (link, _):
        port = link.port
        broken = asyncio.create_task(link.cut(0.3))
        await asyncio.sleep(0)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, port)
        await broken
        assert link.port == port
        _, writer = await asyncio.open_connection(HOST, port)
        writer.close()

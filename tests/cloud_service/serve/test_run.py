"""The serve process on a real socket."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import httpx
import pytest

from cloud_service.serve.run import run
from cloud_service.serve.settings import ServeSettings
from telltale.clock import DataClock
from telltale.errors import SettingsError, UserError
from tests.cloud_service.seed.site import sample_site
from tests.cloud_service.seed.store import opener
from tests.servers.process import free_port


async def serve(settings: ServeSettings, folder: Path, stop: asyncio.Event) -> None:
    await run(
        settings,
        site=sample_site(),
        data_dir=folder,
        open_store=opener(folder),
        clock=DataClock(),
        stop=stop,
        base=folder,
        where="cloud.toml",
    )


async def test_it_answers_until_told_to_stop(tmp_path: Path) -> None:
    port, stop = free_port(), asyncio.Event()
    serving = asyncio.create_task(serve(ServeSettings(port=port), tmp_path, stop))
    deadline = time.monotonic() + 10
    async with httpx.AsyncClient() as client:
        while True:
            try:
                answer = await client.get(f"http://127.0.0.1:{port}/healthz")
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
    assert answer.json()["status"] == "ok"
    assert "server" not in answer.headers
    stop.set()
    await asyncio.wait_for(serving, 10)


async def test_beyond_loopback_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cloud.toml: serve.host: 0.0.0.0 is not loopback"):
        await serve(ServeSettings(host="0.0.0.0"), tmp_path, asyncio.Event())


async def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"serve.port: {port} on 127.0.0.1 is in use"):
            await serve(ServeSettings(port=port), tmp_path, asyncio.Event())

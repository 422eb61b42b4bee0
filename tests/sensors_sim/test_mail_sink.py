from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import aiosmtplib
import pytest

from sensors_sim.demo.mail_sink import serve
from telltale.errors import UserError
from tests.servers.process import free_port

MAIL = b"Message-ID: <a@b>\r\nSubject: hello\r\n\r\ntext\r\n"


async def send(port: int, content: bytes) -> None:
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
    async with client:
        await client.sendmail("t@example.org", ["a@example.org"], content)


async def test_each_mail_is_one_file_and_a_repeat_replaces_itself(tmp_path: Path) -> None:
    port, stop = free_port(), asyncio.Event()
    serving = asyncio.create_task(serve(port, tmp_path, stop))
    await asyncio.sleep(0)
    for content in (MAIL, MAIL, MAIL.replace(b"<a@b>", b"<../../c@d>")):
        await send(port, content)
    stop.set()
    await serving
    files = sorted(tmp_path.iterdir())
    assert [path.suffix for path in files] == [".eml", ".eml"]
    assert all(b"Subject: hello" in path.read_bytes() for path in files)


async def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port}"):
            await serve(port, tmp_path, asyncio.Event())

"""A small real SMTP server on loopback that keeps every mail as an `.eml` file: the demo's postbox.

`python -m sensors_sim.demo.mail_sink --port 2525 --dir mails` runs until it is told to stop.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from email import message_from_bytes, policy
from hashlib import sha256
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

from telltale.errors import UserError

HOST = "127.0.0.1"
MAX_MAIL_BYTES = 10 * 1024 * 1024
USER_ERROR_STATUS = 2


class MailFolder:
    """Handler of the server: each message becomes a file, named by its Message-ID so that a repeat replaces itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Write the file, then answer: 250 means that it is on the disk."""
        try:
            await asyncio.to_thread(self._write, bytes(envelope.content))
        except OSError as error:
            return f"452 cannot write: {error.strerror}"
        return "250 kept"

    def _write(self, content: bytes) -> None:
        message_id = message_from_bytes(content, policy=policy.compat32).get("Message-ID")
        name = sha256(str(message_id).encode() if message_id else content).hexdigest()[:24]
        path = self._folder / f"{name}.eml"
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)


async def serve(port: int, folder: Path, stop: asyncio.Event) -> None:
    """Keep mails until `stop` is set.

    Raises:
        UserError: the port is taken; names it.
    """
    loop = asyncio.get_running_loop()
    handler = MailFolder(folder)

    def protocol() -> SMTP:
        return SMTP(handler, data_size_limit=MAX_MAIL_BYTES, enable_SMTPUTF8=False, ident="Telltale mail sink")

    try:
        server = await loop.create_server(protocol, HOST, port)
    except OSError as error:
        raise UserError(f"port {port} on {HOST} cannot be used ({error.strerror})", "give another --port") from None
    async with server:
        await stop.wait()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sink as a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m sensors_sim.demo.mail_sink", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True)
    args = parser.parse_args(argv)
    try:
        _make(args.dir)
        asyncio.run(_until_signal(args.port, args.dir))
    except UserError as error:
        print(f"mail sink: {error}", file=sys.stderr)
        return USER_ERROR_STATUS
    return 0


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made ({error.strerror})", "give another folder with --dir") from None


async def _until_signal(port: int, folder: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    await serve(port, folder, stop)


if __name__ == "__main__":
    sys.exit(main())

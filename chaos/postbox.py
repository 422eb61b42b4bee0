"""The campaign's mail server: a real SMTP conversation (RFC 5321), every DATA kept, and the rudeness that is ordered.

`python -m chaos.postbox --port P --dir DIR` keeps `mails.jsonl`, one line for each DATA, synced before the answer:

    {"at_s": …, "message_id": "<…>", "recipients": […], "answer": "250" | "451" | "550" | "cut"}

`cut`: the mail is kept, and the connection ends before the 250. Orders are files `DIR/orders/NNN` that hold such a
word; the lowest one is for the next DATA.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import time
from email import message_from_bytes, policy
from pathlib import Path

LOG_FILE = "mails.jsonl"
ORDERS = "orders"
MAX_BYTES = 16 * 1024 * 1024
ANSWERS = {
    "250": "250 kept",
    "451": "451 not now, as the campaign ordered",
    "550": "550 never, as the campaign ordered",
}


class Postbox:
    """The log and the orders of one folder."""

    def __init__(self, folder: Path) -> None:
        self._orders = folder / ORDERS
        self._orders.mkdir(parents=True, exist_ok=True)
        self._log = (folder / LOG_FILE).open("ab", buffering=0)
        if self._log.tell():
            self._log.write(b"\n")  # a line that a kill cut off ends here

    def take(self, content: bytes, recipients: list[str]) -> str:
        """Keep one mail; the answer's word."""
        answer = self._order()
        message = message_from_bytes(content, policy=policy.compat32)
        entry = {
            "at_s": time.monotonic(),
            "message_id": str(message.get("Message-ID")),
            "subject": str(message.get("Subject")),
            "recipients": recipients,
            "answer": answer,
        }
        self._log.write(json.dumps(entry).encode() + b"\n")
        os.fsync(self._log.fileno())
        return answer

    def _order(self) -> str:
        waiting = sorted(self._orders.iterdir())
        if not waiting:
            return "250"
        word = waiting[0].read_text(encoding="ascii")
        waiting[0].unlink()
        return word


class Conversation:
    """One client."""

    def __init__(self, postbox: Postbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._postbox, self._reader, self._writer = postbox, reader, writer
        self._recipients: list[str] = []

    async def run(self) -> None:
        """Until QUIT or the client goes."""
        await self._say("220 postbox ESMTP")
        while line := await self._reader.readline():
            verb = line[:4].upper()
            if verb == b"QUIT":
                await self._say("221 bye")
                return
            if verb == b"DATA":
                if not await self._data():
                    return
            else:
                await self._say(self._reply(verb, line.decode("ascii", "replace")))

    def _reply(self, verb: bytes, line: str) -> str:
        if verb in (b"EHLO", b"HELO"):
            return f"250-postbox\r\n250-8BITMIME\r\n250 SIZE {MAX_BYTES}"
        if verb in (b"MAIL", b"RSET"):
            self._recipients = []
            return "250 ok"
        if verb == b"RCPT":
            found = re.search(r"<([^>]*)>", line)
            self._recipients.append(found.group(1) if found else "")
            return "250 ok"
        return "250 ok" if verb == b"NOOP" else "502 not known"

    async def _data(self) -> bool:
        await self._say("354 go on")
        lines: list[bytes] = []
        while (line := await self._reader.readline()) != b".\r\n":
            if not line.endswith(b"\n"):
                return False  # the client went away: no mail
            lines.append(line[1:] if line.startswith(b".") else line)
        answer = await asyncio.to_thread(self._postbox.take, b"".join(lines), self._recipients)
        if answer == "cut":
            self._writer.transport.abort()
            return False
        await self._say(ANSWERS[answer])
        return True

    async def _say(self, text: str) -> None:
        self._writer.write(text.encode("ascii") + b"\r\n")
        await self._writer.drain()


async def serve(port: int, folder: Path) -> None:
    """Answer for ever."""
    postbox = Postbox(folder)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError):
            await Conversation(postbox, reader, writer).run()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", port, limit=MAX_BYTES)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Run as a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m chaos.postbox", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True)
    use = parser.parse_args()
    use.dir.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(use.port, use.dir))


if __name__ == "__main__":
    main()

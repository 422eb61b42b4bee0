"""A gateway as the service sees one: it makes frames at a steady rate and keeps each until its store-ack."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable

import aiomqtt

from telltale.errors import RejectedError
from telltale.wire.ack import StoredAck, decode_stored

WINDOW = 100  # frames under way
RESEND_S = 10.0


class Keeper:
    """Runs in a thread of its own between `start` and `stop`.

    Args:
        port: the broker's.
        gateway: its id.
        frame: sequence → payload.
        frames_a_second: how fast it makes them.
    """

    def __init__(self, port: int, gateway: str, frame: Callable[[int], bytes], frames_a_second: float) -> None:
        self._port = port
        self._gateway = gateway
        self._frame = frame
        self._period_s = 1 / frames_a_second
        self._kept: dict[int, bytes] = {}
        self._sent_s: dict[int, float] = {}
        self._is_making = True
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.made = self.sent = self.rejected = 0
        self.most_kept = 0
        self.last_ack_s = time.monotonic()

    def start(self) -> None:
        """Begin to make frames."""
        self._thread.start()

    def stop_making(self) -> None:
        """No new frames; what is kept is still delivered."""
        self._is_making = False

    @property
    def kept(self) -> int:
        """Frames that are not acknowledged."""
        return len(self._kept)

    async def _run(self) -> None:
        async with aiomqtt.Client("127.0.0.1", self._port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            client.pending_calls_threshold = 10_000
            await client.subscribe(f"telltale/v1/{self._gateway}/stored", qos=1)
            acks = asyncio.create_task(self._read(client))
            maker = asyncio.create_task(self._make())
            with contextlib.suppress(aiomqtt.MqttError):
                while self._is_making or self._kept:
                    await self._send_due(client)
                    await asyncio.sleep(0.02)
            acks.cancel()
            maker.cancel()

    async def _make(self) -> None:
        due_s = time.monotonic()
        while self._is_making:
            self.made += 1
            self._kept[self.made] = self._frame(self.made)
            self.most_kept = max(self.most_kept, len(self._kept))
            due_s += self._period_s
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))

    async def _send_due(self, client: aiomqtt.Client) -> None:
        now_s = time.monotonic()
        for sequence in list(self._kept)[:WINDOW]:
            if now_s - self._sent_s.get(sequence, -RESEND_S) >= RESEND_S and sequence in self._kept:
                self._sent_s[sequence] = now_s
                self.sent += 1
                await client.publish(f"telltale/v1/{self._gateway}/frame", self._kept[sequence], qos=1, timeout=3_600)

    async def _read(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            with contextlib.suppress(RejectedError):
                self._take(decode_stored(message.payload if isinstance(message.payload, bytes) else b""))

    def _take(self, ack: StoredAck) -> None:
        self.last_ack_s = time.monotonic()
        spans = ((1, ack.cumulative), *ack.above)
        self.rejected += len(ack.rejected)
        for sequence in [number for number in self._kept if any(low <= number <= high for low, high in spans)]:
            del self._kept[sequence]
            self._sent_s.pop(sequence, None)

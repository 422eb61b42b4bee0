"""An honest gateway beside a flood: publishes at a steady pace, and sends again what is not acknowledged in time."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from dataclasses import dataclass, field

import aiomqtt
import numpy as np

from telltale.readings import Block, Frame
from telltale.wire.ack import decode_stored
from telltale.wire.codec import encode_frame

FRAMES_A_SECOND = 10.0
RESEND_S = 5.0
LAST_ACK_S = 60.0


@dataclass
class Honest:
    """One honest gateway; `latency_s` holds publish to store-ack of each frame."""

    gateway: str
    run_id: bytes = field(default_factory=lambda: random.randbytes(16))
    sent_s: dict[int, float] = field(default_factory=dict)
    latency_s: dict[int, float] = field(default_factory=dict)
    resent: int = 0
    _last_sent_s: dict[int, float] = field(default_factory=dict)

    async def run(self, port: int, flooding: asyncio.Event) -> None:
        """Publish while `flooding` is not set, then wait for the last store-ack."""
        async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            await client.subscribe(f"telltale/v1/{self.gateway}/stored", qos=1)
            listener = asyncio.create_task(self._listen(client))
            for sequence in itertools.count(1):
                self.sent_s[sequence] = time.perf_counter()
                await self._publish(client, sequence)
                if flooding.is_set() and sequence > 20:
                    break
                await asyncio.sleep(1 / FRAMES_A_SECOND)
                await self._send_again(client)
            end = time.perf_counter() + LAST_ACK_S
            while len(self.latency_s) < len(self.sent_s) and time.perf_counter() < end:
                await asyncio.sleep(0.05)
                await self._send_again(client)
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    async def _send_again(self, client: aiomqtt.Client) -> None:
        due_s = time.perf_counter() - RESEND_S
        for sequence in sorted(self.sent_s.keys() - self.latency_s.keys()):
            if self._last_sent_s[sequence] < due_s:
                self.resent += 1
                await self._publish(client, sequence)

    async def _publish(self, client: aiomqtt.Client, sequence: int) -> None:
        self._last_sent_s[sequence] = time.perf_counter()
        t0_ns = time.time_ns()
        block = Block(f"{self.gateway}.az", t0_ns, 1000.0, np.arange(1024, dtype=np.int16), 1e-3)
        frame = Frame(self.gateway, self.run_id, sequence, t0_ns, blocks=(block,))
        await client.publish(f"telltale/v1/{self.gateway}/frame", encode_frame(frame), qos=1, timeout=60)

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            ack, now_s = decode_stored(message.payload), time.perf_counter()
            for first, last in ((1, ack.cumulative), *ack.above):
                for sequence in range(first, last + 1):
                    self.latency_s.setdefault(sequence, now_s - self.sent_s[sequence])

"""A small stand-in for the service's ingest: a real MQTT client that decodes frames and answers with store-acks."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiomqtt

from telltale.readings import Frame
from telltale.topics import Verb, parse, topic
from telltale.wire.ack import StoredAck, encode_stored
from telltale.wire.codec import decode_frame


def ack_for(run_id: bytes, stored: set[int], rejected: dict[int, str] | None = None) -> StoredAck:
    """The store-ack that ingest would send for these sequences."""
    known = stored | set(rejected or {})
    cumulative = 0
    while cumulative + 1 in known:
        cumulative += 1
    above = tuple((sequence, sequence) for sequence in sorted(known) if sequence > cumulative)
    return StoredAck(run_id, cumulative, above, tuple((key, why, "") for key, why in (rejected or {}).items()))


@dataclass
class Acker:
    """What the stand-in has seen and how it answers.

    Attributes:
        frames: every frame that arrived, duplicates included.
        stored: run id → sequences.
        answer: False: keeps what comes and says nothing, as a service that hangs.
        reject: sequences that it can never store.
        messages: (topic verb, payload) of status and health.
    """

    gateway: str
    answer: bool = True
    reject: frozenset[int] = frozenset()
    frames: list[Frame] = field(default_factory=list)
    stored: dict[bytes, set[int]] = field(default_factory=lambda: defaultdict(set))
    messages: list[tuple[Verb, bytes]] = field(default_factory=list)
    client: aiomqtt.Client | None = None

    def unique(self) -> dict[tuple[bytes, int], Frame]:
        return {(frame.run_id, frame.sequence): frame for frame in self.frames}

    def samples(self, channel: str) -> int:
        return sum(len(b) for frame in self.unique().values() for b in frame.blocks if b.channel == channel)

    async def serve(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            parsed = parse(message.topic.value)
            assert parsed is not None
            assert isinstance(message.payload, bytes)
            if parsed[1] is Verb.FRAME:
                await self.take(client, decode_frame(message.payload, self.gateway))
            else:
                self.messages.append((parsed[1], message.payload))

    async def take(self, client: aiomqtt.Client, frame: Frame) -> None:
        self.frames.append(frame)
        stored = self.stored[frame.run_id]
        stored.add(frame.sequence)
        for drop in frame.drops:
            stored.update(range(drop.first, drop.last + 1))
        if self.answer:
            await self.tell(client, frame.run_id)

    async def tell(self, client: aiomqtt.Client, run_id: bytes) -> None:
        rejected = dict.fromkeys(self.reject & self.stored[run_id], "unknown_channel")
        ack = ack_for(run_id, self.stored[run_id] - set(rejected), rejected)
        await client.publish(topic(self.gateway, Verb.STORED), encode_stored(ack), qos=1)


@asynccontextmanager
async def acker(port: int, gateway: str, **how: object) -> AsyncIterator[Acker]:
    """A stand-in that is connected and listening."""
    standin = Acker(gateway, **how)  # type: ignore[arg-type]
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        client.pending_calls_threshold = 1_000
        standin.client = client
        for verb in (Verb.FRAME, Verb.STATUS, Verb.HEALTH):
            await client.subscribe(topic(gateway, verb), qos=1)
        serving = asyncio.create_task(standin.serve(client))
        try:
            yield standin
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError, aiomqtt.MqttError):
                await serving

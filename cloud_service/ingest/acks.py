"""Store-acks on their way to the edge: coalesced by run, sent while there is a connection, dropped with it.

A lost ack costs nothing but a resend: the frame comes again, is a duplicate, and is acknowledged again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from cloud_service.journal.runs import RunKey
from telltale.topics import Verb, topic
from telltale.wire.ack import StoredAck, encode_stored

Publish = Callable[[str, bytes], Awaitable[None]]
MAX_PENDING = 10_000  # runs; a flood of runs drops the oldest acks, not memory


class Acks:
    """The newest ack of each run that has one to send."""

    def __init__(self) -> None:
        self._pending: dict[RunKey, StoredAck] = {}
        self._some = asyncio.Event()

    def add(self, acks: Mapping[RunKey, StoredAck]) -> None:
        """Queue acks of a commit; a run's newer ack takes the place of its older one and carries its rejections on."""
        for key, ack in acks.items():
            before = self._pending.pop(key, None)
            self._pending[key] = _joined(before, ack) if before else ack
        while len(self._pending) > MAX_PENDING:
            del self._pending[next(iter(self._pending))]
        if self._pending:
            self._some.set()

    def clear(self) -> None:
        """Forget all: the connection they were for is gone."""
        self._pending.clear()
        self._some.clear()

    async def send_for_ever(self, publish: Publish) -> None:
        """Publish acks as they come; returns only by the error of `publish` or by cancellation."""
        while True:
            await self._some.wait()
            await self.send(publish)

    async def send(self, publish: Publish) -> None:
        """Publish all that is pending."""
        acks = list(self._pending.items())
        self.clear()
        async with asyncio.TaskGroup() as group:
            for (gateway, _), ack in acks:
                group.create_task(_send_one(publish, gateway, ack))


async def _send_one(publish: Publish, gateway: str, ack: StoredAck) -> None:
    await publish(topic(gateway, Verb.STORED), encode_stored(ack))


def _joined(older: StoredAck, newer: StoredAck) -> StoredAck:
    rejected = {item[0]: item for item in (*older.rejected, *newer.rejected)}
    refused = newer.refused or older.refused
    return StoredAck(newer.run_id, newer.cumulative, newer.above, tuple(rejected.values()), refused)

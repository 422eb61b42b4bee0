"""Store-acks on their way to the edge: coalesced by run, sent while there is a connection, dropped with it.

A lost ack costs nothing but a resend: the frame comes again, is a duplicate, and is acknowledged again. Gateways take
turns, each with a bounded number of runs: one that sends a run a frame delays and displaces its own acks only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from cloud_service.journal.runs import RunKey
from telltale.topics import Verb, topic
from telltale.wire.ack import StoredAck, encode_stored

Publish = Callable[[str, bytes], Awaitable[None]]
MAX_RUNS = 256  # of one gateway, whose oldest acks go first
SENDERS = 100  # at a time


class Acks:
    """The newest ack of each run that has one to send."""

    def __init__(self) -> None:
        self._pending: dict[str, dict[bytes, StoredAck]] = {}
        self._some = asyncio.Event()

    def add(self, acks: Mapping[RunKey, StoredAck]) -> None:
        """Queue acks of a commit; a run's newer ack takes the place of its older one and carries its rejections on."""
        for (gateway, run_id), ack in acks.items():
            runs = self._pending.setdefault(gateway, {})
            before = runs.pop(run_id, None)
            runs[run_id] = _joined(before, ack) if before else ack
            if len(runs) > MAX_RUNS:
                del runs[next(iter(runs))]
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
        async with asyncio.TaskGroup() as group:
            for _ in range(min(SENDERS, sum(map(len, self._pending.values())))):
                group.create_task(self._send_some(publish))

    async def _send_some(self, publish: Publish) -> None:
        while (due := self._next()) is not None:
            gateway, ack = due
            await publish(topic(gateway, Verb.STORED), encode_stored(ack))

    def _next(self) -> tuple[str, StoredAck] | None:
        """The oldest ack of the gateway whose turn it is, which then goes to the end of the line."""
        if not self._pending:
            self._some.clear()
            return None
        gateway = next(iter(self._pending))
        runs = self._pending.pop(gateway)
        ack = runs.pop(next(iter(runs)))
        if runs:
            self._pending[gateway] = runs
        return gateway, ack


def _joined(older: StoredAck, newer: StoredAck) -> StoredAck:
    rejected = {item[0]: item for item in (*older.rejected, *newer.rejected)}
    refused = newer.refused or older.refused
    return StoredAck(newer.run_id, newer.cumulative, newer.above, tuple(rejected.values()), refused)

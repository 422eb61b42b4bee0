"""From connection to connection: take messages in, send store-acks out, come back with jitter after a loss."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable

import aiomqtt
import structlog

from cloud_service.ingest.acks import Acks
from cloud_service.ingest.connection import acknowledge, inbox_of, open_client, received, subscribe
from cloud_service.ingest.counters import IngestCounters
from cloud_service.ingest.screen import Screen
from cloud_service.ingest.settings import IngestConfig
from cloud_service.ingest.waiting import Waiting
from cloud_service.pause import pause
from telltale.backoff import FullJitter
from telltale.broker import tls_context

log = structlog.get_logger(__name__)

LAST_COMMIT_S = 10.0


class Session:
    """The broker's side of ingest.

    Args:
        config: settings, clock and stop.
        waiting: where accepted messages go.
        acks: where store-acks come from.
        committed: set when the committer has ended: all that was taken in is durable.
        counters: what is counted.
    """

    def __init__(
        self,
        config: IngestConfig,
        waiting: Waiting,
        acks: Acks,
        committed: asyncio.Event,
        counters: IngestCounters,
    ) -> None:
        self._config = config
        self._tls = tls_context(config.broker, "cloud.toml")
        self._screen = Screen(config.site, config.clock)
        self._waiting = waiting
        self._acks = acks
        self._committed = committed
        self._counters = counters
        self._backoff = FullJitter(0.5, 30.0, config.rng)

    async def run(self) -> None:
        """Serve connections until stopped; then close `waiting`. No payload and no broker fault ends it."""
        while not self._config.stop.is_set():
            try:
                await self._connect()
            except aiomqtt.MqttError as error:
                delay_s = self._backoff.next_s()
                log.warning("broker connection lost", error=str(error), again_in_s=round(delay_s, 2))
                await pause(delay_s, self._config.stop)
        await self._waiting.close()

    async def _connect(self) -> None:
        config = self._config
        async with open_client(config.broker, self._tls, config.settings.receive_maximum) as client:
            self._acks.clear()
            await subscribe(client)
            self._counters.connects += 1
            self._backoff.reset()
            log.info("connected", host=config.broker.host, port=config.broker.port)
            await self._serve(client)

    async def _serve(self, client: aiomqtt.Client) -> None:
        async def publish(topic: str, payload: bytes) -> None:
            await client.publish(topic, payload, qos=1, timeout=math.inf)

        reader = asyncio.create_task(self._read(client))
        sender = asyncio.create_task(self._acks.send_for_ever(publish))
        stopped = asyncio.create_task(self._config.stop.wait())
        tasks = (reader, sender, stopped)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if stopped.done():
                await self._finish(reader)
                await self._acks.send(publish)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        _raise_first(results)

    async def _finish(self, reader: asyncio.Task[None]) -> None:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await self._waiting.close()
        await pause(LAST_COMMIT_S, self._committed)

    async def _read(self, client: aiomqtt.Client) -> None:
        inbox, before = inbox_of(client), self._counters.surplus
        async for message in received(client):
            self._counters.messages += 1
            self._counters.surplus = before + inbox.surplus
            payload = message.payload
            entry = self._screen.check(message.topic.value, payload) if isinstance(payload, bytes) else None
            if entry is not None:
                await self._waiting.put(entry)
            acknowledge(client, message)


def _raise_first(results: Iterable[object]) -> None:
    for result in results:
        if isinstance(result, Exception):
            raise result

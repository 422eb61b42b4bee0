"""The group commit: from the queue to the disk, again and again; acks are due only after."""

from __future__ import annotations

import asyncio

import structlog

from cloud_service.bell import Bell
from cloud_service.ingest.acks import Acks
from cloud_service.ingest.counters import IngestCounters
from cloud_service.ingest.settings import IngestConfig
from cloud_service.ingest.waiting import Waiting
from cloud_service.journal.batch import Committed
from cloud_service.journal.entries import Entry
from cloud_service.journal.writer import JournalWriter
from cloud_service.pause import pause
from telltale.backoff import FullJitter
from telltale.clock import NS_PER_S
from telltale.errors import RetryError

log = structlog.get_logger(__name__)


class Committer:
    """Drains `waiting` into the journal. A batch that the disk refuses is tried again until it is taken: nothing is
    acknowledged meanwhile, the queue fills, and the broker is held back.
    """

    def __init__(
        self, config: IngestConfig, writer: JournalWriter, waiting: Waiting, acks: Acks, counters: IngestCounters
    ) -> None:
        self._settings = config.settings
        self._stop = config.stop
        self._writer = writer
        self._waiting = waiting
        self._acks = acks
        self._counters = counters
        self._bell = Bell(config.data_dir, "journal")
        self._clock = config.clock
        self._took_s = 0.0  # the last attempt: to gather for as long costs at most as much delay as the disk itself
        self._backoff = FullJitter(0.1, 10.0, config.rng)
        self._is_on_disk = False
        self._attempts = self._attempts_seen = 0

    def has_moved(self) -> bool:
        """Whether it waits for entries, or has got on with them since it was last asked."""
        moved = self._attempts > self._attempts_seen or not self._is_on_disk
        self._attempts_seen = self._attempts
        return moved

    async def run(self) -> None:
        """Commit until `waiting` is closed and empty.

        Raises:
            FatalError: the journal is corrupt.
        """
        settings = self._settings
        while True:
            linger_s = min(settings.commit_ms / 1_000, self._took_s)
            batch = await self._waiting.take(settings.commit_frames, settings.commit_bytes, linger_s)
            if not batch:
                return
            await self._commit(batch)

    async def _commit(self, batch: list[Entry]) -> None:
        while True:
            try:
                committed = await self._attempt(batch)
            except RetryError as error:
                self._counters.commit_retries += 1
                if self._stop.is_set():
                    return  # never acknowledged, so the edge sends it again
                delay_s = self._backoff.next_s()
                log.warning("journal refused a commit", error=str(error), again_in_s=round(delay_s, 2))
                await pause(delay_s, self._stop)
            else:
                self._backoff.reset()
                self._bell.ring()
                self._counters.committed(committed)
                self._acks.add(committed.acks)
                return

    async def _attempt(self, batch: list[Entry]) -> Committed:
        self._is_on_disk = True
        began_ns = self._clock.monotonic_ns()
        try:
            return await asyncio.to_thread(self._writer.commit, batch)
        finally:
            self._took_s = (self._clock.monotonic_ns() - began_ns) / NS_PER_S
            self._is_on_disk = False
            self._attempts += 1

"""The store process: spool → store, in order, each row durable in the store before it leaves the spool."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import structlog

from cloud_service.bell import Ear
from cloud_service.heartbeat import Beat, beating_pause, no_beat
from cloud_service.process_stats import write_stats
from cloud_service.run_time import run_now_ns
from cloud_service.state import open_state
from cloud_service.store.last_word import LastWord
from cloud_service.store.port import Store
from cloud_service.store.refused import Refused, RefusedError
from cloud_service.store.settings import StoreSettings
from cloud_service.store.spool import Spool, SpoolBatch, joined
from telltale.backoff import FullJitter
from telltale.clock import NS_PER_S, Clock
from telltale.errors import RetryError
from telltale.site import Site

log = structlog.get_logger(__name__)

MAINTAIN_EVERY_NS = 3_600 * NS_PER_S
STATS_EVERY_NS = 2 * NS_PER_S
SAY_AGAIN_EVERY_NS = NS_PER_S
MAX_WAIT_S = 300.0


@dataclass(frozen=True)
class StoreConfig:
    """All that the store process needs.

    Attributes:
        settings, data_dir, site: from `cloud.toml`.
        clock: the run's clock, for retention.
        stop: set to end; a write that has begun is finished.
        rng: jitter of the retries.
        beat: called while the work goes on.
    """

    settings: StoreSettings
    data_dir: Path
    site: Site
    clock: Clock
    stop: asyncio.Event
    rng: random.Random = field(default_factory=random.SystemRandom)
    beat: Beat = no_beat


@dataclass(slots=True)
class StoreCounters:
    """Since the process started; see `cloud_service.process_stats`."""

    rows_stored: int = 0
    rows_refused: int = 0
    writes: int = 0
    retries: int = 0


async def run(config: StoreConfig) -> None:
    """Drain the spool until `config.stop` is set.

    Raises:
        SettingsError: the store cannot be used as configured.
        FatalError: `state.db` or the store's own file cannot be used.
    """
    async with contextlib.AsyncExitStack() as stack:
        state = open_state(config.data_dir)
        stack.callback(state.close)
        spool = Spool(open_state(config.data_dir), config.settings.spool.refused_rows)
        stack.callback(spool.close)
        after_ns = round(config.settings.spool.last_word_s * NS_PER_S)
        last_word = LastWord(open_state(config.data_dir), after_ns)
        stack.callback(last_word.close)
        store = await _open(config)
        if store is None:
            return
        stack.push_async_callback(store.close)
        ear = stack.enter_context(Ear(config.data_dir, "spool"))
        await Drain(config, Hands(state, spool, last_word, store, ear)).run()


async def _open(config: StoreConfig) -> Store | None:
    backoff = FullJitter(0.5, 30.0, config.rng)
    while not config.stop.is_set():
        try:
            return await config.settings.open(config.site, config.data_dir)
        except RetryError as error:
            delay_s = backoff.next_s()
            log.warning("store not open", error=str(error), again_in_s=round(delay_s, 2))
            await beating_pause(delay_s, config.stop, config.beat)
    return None


@dataclass(frozen=True, slots=True)
class Hands:
    """What the drain works with."""

    state: sqlite3.Connection
    spool: Spool
    last_word: LastWord
    store: Store
    ear: Ear


class Drain:
    """Moves batches from the spool to the store, and looks after both."""

    def __init__(self, config: StoreConfig, hands: Hands) -> None:
        self._config = config
        self._state = hands.state
        self._spool = hands.spool
        self._last_word = hands.last_word
        self._store = hands.store
        self._ear = hands.ear
        self._is_first = True
        self._backoff = FullJitter(0.5, 30.0, config.rng)
        self._counters = StoreCounters()
        self._maintain_at_ns = 0
        self._stats_at_ns = 0
        self._say_again_at_ns = 0

    async def run(self) -> None:
        """Until stopped. A passing fault of the store or the disk is waited out; nothing leaves the spool meanwhile."""
        self._last_word.answered(self._config.clock.monotonic_ns())  # what a process before this one was in doubt of
        while not self._config.stop.is_set():
            self._config.beat()
            try:
                moved = await self._move()
                await self._look_after()
            except RetryError as error:
                await self._wait_out(error)
                continue
            self._backoff.reset()
            if not moved:
                await self._ear.wait_async(self._config.settings.spool.poll_ms / 1_000, self._config.stop)
        self._write_stats()

    async def _move(self) -> int:
        """One batch; the number of spool items that it held."""
        settings = self._config.settings.spool
        batch = await asyncio.to_thread(self._spool.peek, settings.batch_items, settings.batch_bytes)
        if batch.items:
            refused = await self._write(batch)
            await asyncio.to_thread(self._spool.done, batch, refused, self._now_ns())
        return batch.items

    async def _write(self, batch: SpoolBatch) -> Sequence[Refused]:
        refused: Sequence[Refused] = ()
        if self._is_first:  # the process before this one may have ended with it on its way
            await asyncio.to_thread(self._last_word.doubt, batch.rows)
            self._is_first = False
        await asyncio.to_thread(self._last_word.note, batch.rows)
        try:
            await self._store.write(batch.rows)
        except RefusedError as error:
            log.error("rows refused for ever", error=str(error))  # noqa: TRY400 - an answer, not a fault of ours
            refused = error.refused
        except RetryError:
            await asyncio.to_thread(self._last_word.doubt, batch.rows)
            raise
        self._last_word.answered(self._config.clock.monotonic_ns())
        count = sum(len(item.rows) for item in refused)
        self._counters.rows_refused += count
        self._counters.rows_stored += sum(map(len, batch.rows)) - count
        self._counters.writes += 1
        return refused

    async def _say_again(self, now_ns: int) -> None:
        """Rows that a late write may have put back to older figures."""
        keys, rows = self._last_word.due(now_ns)
        if rows:
            try:
                await self._store.write(joined(rows))
            except RefusedError as error:
                log.warning("rows refused when said again", error=str(error))
            except RetryError:
                await asyncio.to_thread(self._last_word.doubt, rows)
                self._last_word.answered(now_ns)  # to try as late again, whether or not anything else is written
                raise
        await asyncio.to_thread(self._last_word.settled, keys)

    async def _look_after(self) -> None:
        now_ns = self._config.clock.monotonic_ns()
        if now_ns >= self._say_again_at_ns:
            self._say_again_at_ns = now_ns + SAY_AGAIN_EVERY_NS
            await self._say_again(now_ns)
        if now_ns >= self._stats_at_ns:
            self._stats_at_ns = now_ns + STATS_EVERY_NS
            self._write_stats()
        if now_ns >= self._maintain_at_ns:
            await self._store.maintain(self._now_ns())
            self._maintain_at_ns = now_ns + MAINTAIN_EVERY_NS

    async def _wait_out(self, error: RetryError) -> None:
        self._counters.retries += 1
        delay_s = self._backoff.next_s() if error.after_s is None else min(error.after_s, MAX_WAIT_S)
        log.warning("store not reached", error=str(error), again_in_s=round(delay_s, 2))
        await beating_pause(delay_s, self._config.stop, self._config.beat)

    def _now_ns(self) -> int:
        return run_now_ns(self._state, self._config.clock)

    def _write_stats(self) -> None:
        with contextlib.suppress(OSError):  # a full disk must not end the process that could make room
            write_stats(self._config.data_dir, "store", asdict(self._counters))

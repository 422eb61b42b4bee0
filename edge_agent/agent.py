"""The agent of a gateway, top to bottom as its data flows: sources → windows → frames → outbox → publisher."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edge_agent.clock_quality import quality_probe
from edge_agent.frame.assemble import FrameAssembler
from edge_agent.health import HealthTeller
from edge_agent.lock import locked
from edge_agent.outbox.box import Outbox
from edge_agent.publish.publisher import Publisher
from edge_agent.reports import LOG, Reports
from edge_agent.settings import EdgeSettings, SourceSettings
from edge_agent.sources.feed import Feed
from edge_agent.sources.registry import open_source
from edge_agent.window.pipeline import Pipeline
from telltale.backoff import FullJitter
from telltale.broker import tls_context
from telltale.clock import Clock, open_clock
from telltale.health import Health
from telltale.source import SourceContext
from telltale.wire.codec import RUN_ID_BYTES

TICK_S = 0.1
TICKS_A_REPORT = 10
COMMIT_TIMEOUT_S = 10.0
DRAIN_TIMEOUT_S = 5.0
REOPEN_S, REOPEN_CAP_S = 1.0, 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run in figures: frames of this run produced; acknowledged, rejected and dropped of any run; left on disk.

    `failures` are the errors that ended sources.
    """

    run_id: str
    frames: int
    samples: int
    acknowledged: int
    rejected: int
    dropped: int
    waiting: int
    failures: tuple[Exception, ...]


class Agent:
    """One run of the agent; made and run inside one event loop.

    Args:
        settings, base, where: `edge.toml`, its folder and its name for errors.
        clock: the run's clock; None: the one the settings name.
        run_id: 16 bytes; None: drawn from the operating system.
        randomness: for jitter.

    Raises:
        UserError: settings that cannot work, a source that cannot be opened; one line that names the culprit.
    """

    def __init__(
        self,
        settings: EdgeSettings,
        base: Path,
        where: str,
        *,
        clock: Clock | None = None,
        run_id: bytes | None = None,
        randomness: random.Random | None = None,
    ) -> None:
        self._settings = settings
        self._folder = base / settings.data_dir
        self._clock = clock or open_clock(settings.clock)
        self._quality = quality_probe(settings.clock, self._clock)
        self._random = randomness or random.SystemRandom()
        self._reports = Reports()
        self._outbox = Outbox(settings.outbox, self._reports)
        self._assembler = FrameAssembler(
            settings.gateway,
            run_id or secrets.token_bytes(RUN_ID_BYTES),
            clock=self._clock,
            quality=self._quality,
            settings=settings.frame,
            sealed=self._outbox.offer,
            earlier=self._outbox.runs_before,
        )
        self._pipeline = Pipeline(settings.channel, self._assembler, self._clock, self._reports)
        self._feeds = [self._feed(source, base, where) for source in settings.source]
        self._outbox.may_drop = any(feed.live for feed in self._feeds)
        self._health = HealthTeller(
            self._folder,
            self._clock,
            pipeline=self._pipeline,
            assembler=self._assembler,
            outbox=self._outbox,
            reports=self._reports,
        )
        self._publisher = Publisher(
            settings.gateway,
            self._assembler.run_id,
            broker=settings.broker,
            tls=tls_context(settings.broker, where),
            outbox=self._outbox,
            clock=self._clock,
            randomness=self._random,
            health=self._tell_health,
            reports=self._reports,
            settings=settings.publish,
        )

    def _feed(self, source: SourceSettings, base: Path, where: str) -> Feed:
        context = SourceContext(self._clock, base, f"{where}: source {source.name!r}")
        backoff = FullJitter(REOPEN_S, REOPEN_CAP_S, self._random)
        opens = partial(open_source, source, context)
        return Feed(source.name, opens, self._pipeline, self._outbox, backoff=backoff, reports=self._reports)

    async def run(self, stop: asyncio.Event, *, until_drained: bool = False) -> Outcome:
        """Run until `stop` is set, or, with `until_drained`, until all sources have ended and all is store-acked.

        Raises:
            FatalError: the outbox cannot be opened, or was damaged while in use.
        """
        await self._outbox.open(self._folder, self._assembler.run_id)
        feeds = [asyncio.create_task(feed.run()) for feed in self._feeds]
        serving = [asyncio.create_task(work) for work in (self._outbox.run(), self._tick(), self._publisher.run())]
        ends: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait())]
        if until_drained:
            ends.append(asyncio.create_task(self._drained(feeds)))
        done, _ = await asyncio.wait([*serving, *ends], return_when=asyncio.FIRST_COMPLETED)
        await _cancel([*feeds, *ends])
        broken = next((task for task in done if task in serving or task.exception() is not None), None)
        if broken is None:
            await self._commit_rest()
        await _cancel(serving)
        await self._outbox.close()
        if broken is not None:
            broken.result()
        return self.outcome()

    async def _drained(self, feeds: Iterable[asyncio.Task[None]]) -> None:
        await asyncio.gather(*feeds)
        self._assembler.seal_all()
        await self._outbox.emptied()
        while await self._outbox.report_drops(self._assembler):
            await self._outbox.emptied()

    async def _commit_rest(self) -> None:
        """What the windows and frames hold goes to disk; then a short try to bring the outbox over."""
        self._assembler.seal_all()
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                await self._outbox.committed()
        except TimeoutError:
            LOG.error("outbox: the last frames could not be written")
        if self._publisher.connected:
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_TIMEOUT_S):
                    await self._outbox.emptied()

    async def _tick(self) -> None:
        ticks = 0
        while True:
            await asyncio.sleep(TICK_S)
            self._pipeline.flush_silent()
            self._assembler.seal_due()
            ticks += 1
            if ticks % TICKS_A_REPORT == 0 and self._publisher.connected:
                await self._outbox.report_drops(self._assembler)

    async def _tell_health(self) -> Health:
        return await self._health.tell(self._quality())

    def outcome(self) -> Outcome:
        """The run's figures up to now."""
        return Outcome(
            run_id=self._assembler.run_id.hex(),
            frames=self._assembler.sequence,
            samples=self._assembler.samples,
            acknowledged=self._outbox.acknowledged,
            rejected=self._outbox.rejected,
            dropped=self._outbox.dropped,
            waiting=self._outbox.frames,
            failures=tuple(feed.failure for feed in self._feeds if feed.failure is not None),
        )


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def run_agent(
    settings: EdgeSettings,
    base: Path,
    where: str,
    stop: asyncio.Event,
    *,
    until_drained: bool = False,
    watch: Callable[[Agent], Coroutine[None, None, None]] | None = None,
) -> Outcome:
    """Run an agent in its data folder, which it holds alone (see `Agent` for arguments and errors).

    `stop` ends the run when set; `until_drained` ends it when all sources have ended and all is store-acked; `watch`
    runs beside the agent, to show progress.
    """
    with locked(base / settings.data_dir):
        agent = Agent(settings, base, where)
        watching = [asyncio.create_task(watch(agent))] if watch else []
        try:
            return await agent.run(stop, until_drained=until_drained)
        finally:
            await _cancel(watching)

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

from edge_agent.boot_clock import BootClock
from edge_agent.certificate_watch import watch_certificate
from edge_agent.clock_keeper import ClockKeeper
from edge_agent.clock_quality import ClockProbe, clock_probe
from edge_agent.frame.assemble import FrameAssembler
from edge_agent.health import HealthTeller
from edge_agent.lock import locked
from edge_agent.outbox.box import Outbox
from edge_agent.publish.publisher import Publisher
from edge_agent.publish.restamp import Restamper
from edge_agent.reports import LOG, Reports
from edge_agent.settings import EdgeSettings, SourceSettings
from edge_agent.sources.feed import Feed
from edge_agent.sources.registry import open_source
from edge_agent.tasks import cancel_all, first_end
from edge_agent.timeline import Timeline
from edge_agent.watchdog import give_signs
from edge_agent.window.pipeline import Pipeline
from telltale.backoff import FullJitter
from telltale.broker import tls_context
from telltale.clock import Clock, open_clock
from telltale.health import Health
from telltale.notify_socket import READY, STOPPING, notify, watchdog_s
from telltale.source import SourceContext
from telltale.wire.codec import RUN_ID_BYTES

TICK_S = 0.1
REPORT_S = 1.0
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
        clock, probe: the run's clock and what states its quality; None: those that the settings name.
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
        probe: ClockProbe | None = None,
        run_id: bytes | None = None,
        randomness: random.Random | None = None,
    ) -> None:
        self._settings = settings
        self._folder = base / settings.data_dir
        self._clock = clock or open_clock(settings.clock)
        probe = probe or clock_probe(settings.clock, settings.clock_mark and str(base / settings.clock_mark))
        self._timeline = Timeline(self._clock, probe, steady=settings.clock == "system")
        self._random = randomness or random.SystemRandom()
        self._reports = Reports()
        self._outbox = Outbox(settings.outbox, self._reports)
        self._assembler = FrameAssembler(
            settings.gateway,
            run_id or secrets.token_bytes(RUN_ID_BYTES),
            clock=self._timeline.frames,
            quality=lambda: self._timeline.statement.quality,
            error_ns=lambda: self._timeline.statement.error_ns,
            settings=settings.frame,
            sealed=self._outbox.offer,
            earlier=self._outbox.runs_before,
        )
        self._pipeline = Pipeline(settings.channel, self._assembler, self._clock, self._reports)
        self._clock_keeper = ClockKeeper(
            self._clock,
            self._timeline,
            pipeline=self._pipeline,
            assembler=self._assembler,
            reports=self._reports,
        )
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
        context = SourceContext(self._timeline.sources, base, f"{where}: source {source.name!r}")
        backoff = FullJitter(REOPEN_S, REOPEN_CAP_S, self._random)
        opens = partial(open_source, source, context)
        return Feed(
            source.name,
            opens,
            self._pipeline,
            self._outbox,
            backoff=backoff,
            reports=self._reports,
            shift_ns=lambda: self._timeline.shift_ns,
        )

    async def run(self, stop: asyncio.Event, *, until_drained: bool = False) -> Outcome:
        """Run until `stop` is set, or, with `until_drained`, until all sources have ended and all is store-acked.

        Raises:
            FatalError: the outbox cannot be opened, or was damaged while in use.
        """
        await self._outbox.open(self._folder, self._assembler.run_id)
        feeds = [asyncio.create_task(feed.run()) for feed in self._feeds]
        serving = [asyncio.create_task(work) for work in self._parts()]
        ends: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait())]
        if until_drained:
            ends.append(asyncio.create_task(self._drained(feeds)))
        notify(READY)
        try:
            broken = await first_end(serving, ends, feeds)
            notify(STOPPING)
            await cancel_all([*feeds, *ends])
            # Also after a defect of ours: what the windows hold is worth more than a quick end.
            await self._commit_rest(serving[0])
        finally:
            await cancel_all([*feeds, *ends, *serving])
            await self._outbox.close()
        if broken is not None:
            broken.result()
        return self.outcome()

    def _parts(self) -> list[Coroutine[Any, Any, None]]:
        """What runs beside the sources, for ever; the outbox first."""
        boots = BootClock(self._folder)
        ordinal = self._outbox.ordinal(self._assembler.run_id) or 0
        boot = self._outbox.boot_of(ordinal)
        if boots.utc_of(boot) is not None:
            self._timeline.synchronised_before()
        restamper = Restamper(
            boots,
            self._outbox.boot_of,
            ordinal,
            clock=self._clock,
            wait_s=self._settings.publish.clock_wait_s,
            recorded=self._recorded(),
            active=self._settings.clock == "system" and any(feed.live for feed in self._feeds),
        )
        return [
            self._outbox.run(),
            self._tick(),
            self._report_drops(),
            self._learn_utc(boots, boot),
            self._publisher.run(restamper),
            watch_certificate(self._settings.broker, self._settings.gateway, self._reports),
            give_signs(watchdog_s(), self._outbox_answers),
        ]

    def _recorded(self) -> frozenset[str]:
        """Channels of sources that bring times of their own."""
        names = {feed.name for feed in self._feeds if not feed.live}
        return frozenset(channel.id for channel in self._settings.channel if channel.source in names)

    async def _outbox_answers(self) -> None:
        await self._outbox.call(lambda: None)

    async def _drained(self, feeds: Iterable[asyncio.Task[None]]) -> None:
        await asyncio.gather(*feeds)
        self._assembler.seal_all()
        await self._outbox.emptied()
        while await self._outbox.report_drops(self._assembler):
            await self._outbox.emptied()

    async def _commit_rest(self, outbox: asyncio.Task[None]) -> None:
        """What the windows and frames hold goes to disk; then a short try to bring the outbox over."""
        if outbox.done():
            return  # it is the outbox that broke
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
        while True:
            await asyncio.sleep(TICK_S)
            self._clock_keeper.follow()
            self._pipeline.flush_silent()
            self._assembler.seal_due()

    async def _report_drops(self) -> None:
        while True:
            await asyncio.sleep(REPORT_S)
            if self._publisher.connected:
                await self._outbox.report_drops(self._assembler)

    async def _learn_utc(self, boots: BootClock, boot: str) -> None:
        if self._settings.clock == "system" and boots.utc_of(boot) is None:
            await self._clock_keeper.learn(boots, boot)
        await asyncio.Event().wait()

    async def _tell_health(self) -> Health:
        return await self._health.tell(self._timeline.statement.quality)

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
            await cancel_all(watching)

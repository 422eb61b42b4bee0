"""Follows the system's clock: closes what is open when it steps, and keeps what UTC is in this boot."""

from __future__ import annotations

import asyncio

from edge_agent.boot_clock import FILE_NAME, BootClock, BootUtc
from edge_agent.frame.assemble import FrameAssembler
from edge_agent.reports import LOG, Reports
from edge_agent.timeline import Timeline
from edge_agent.window.pipeline import Pipeline
from telltale.clock import NS_PER_S, Clock
from telltale.readings import ClockQuality

LOOK_S = 0.1
TOPIC = "clock"


class ClockKeeper:
    """Of one run; its timeline is changed by nobody else.

    Args:
        clock: for its monotonic time.
        timeline, pipeline, assembler: what stamps readings, and what holds them open.
        reports: where trouble goes.
    """

    def __init__(
        self, clock: Clock, timeline: Timeline, *, pipeline: Pipeline, assembler: FrameAssembler, reports: Reports
    ) -> None:
        self._clock = clock
        self._timeline = timeline
        self._pipeline = pipeline
        self._assembler = assembler
        self._reports = reports

    def follow(self) -> None:
        """Look at the system's clock; called a few times a second."""
        news = self._timeline.news()
        if news is None:
            return
        if news.step_ns:
            self._pipeline.flush_all()
            LOG.warning("clock: stepped by %+.3f s", news.step_ns / NS_PER_S)
        self._assembler.seal_all()
        self._timeline.adopt(news)
        LOG.info("clock: %s", news.statement.quality.name.lower())

    async def learn(self, boots: BootClock, boot: str) -> None:
        """Wait until UTC is known in this boot and write it down: before the first frame corrected by it is sent."""
        while self._timeline.statement.quality is ClockQuality.UNKNOWN:  # noqa: ASYNC110 (looked at in `follow`)
            await asyncio.sleep(LOOK_S)
        utc = BootUtc(
            offset_ns=self._timeline.offset_ns,
            error_ns=self._timeline.statement.error_ns,
            monotonic_ns=self._clock.monotonic_ns(),
        )
        try:
            await asyncio.to_thread(boots.learn, boot, utc)
        except OSError as error:
            self._reports.problem(TOPIC, f"{FILE_NAME} cannot be written ({error.strerror or error})")

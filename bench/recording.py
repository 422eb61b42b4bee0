"""A backlog, recorded by the agent's own windows, frames and outbox in accelerated time."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

from edge_agent.frame.assemble import FrameAssembler
from edge_agent.outbox.box import Outbox
from edge_agent.reports import Reports
from edge_agent.settings import EdgeSettings, SourceSettings
from edge_agent.sources.registry import open_source
from edge_agent.window.pipeline import Pipeline
from telltale.clock import NS_PER_S, ManualClock
from telltale.readings import ClockQuality
from telltale.source import SourceContext

MARGIN_S = 60.0  # the backlog ends so long before now
COMMIT_EVERY_S = 64.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run that lies in the outbox."""

    run_id: bytes
    last_sequence: int
    frames: int
    size: int


async def record(settings: EdgeSettings, base: Path, seconds: float) -> Recorded:
    """Fill the outbox as the agent would; of its sources the first one moves the clock, the others follow."""
    recorder = Recorder(settings, base, seconds)
    outbox, assembler = recorder.outbox, recorder.assembler
    await outbox.open(base / settings.data_dir, assembler.run_id)
    committing = asyncio.create_task(outbox.run())
    await asyncio.gather(*(recorder.play(source) for source in settings.source))
    assembler.seal_all()
    await outbox.committed()
    committing.cancel()
    found = Recorded(assembler.run_id, assembler.sequence, outbox.frames, outbox.size)
    await outbox.close()
    return found


class Recorder:
    """An agent without a clock of its own."""

    def __init__(self, settings: EdgeSettings, base: Path, seconds: float) -> None:
        self.settings, self.base, self.seconds = settings, base, seconds
        self.clock, reports = ManualClock(time.time_ns() - round((seconds + MARGIN_S) * NS_PER_S)), Reports()
        self.start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.clock.now_ns() // NS_PER_S))
        self.outbox = Outbox(settings.outbox, reports)
        self.assembler = FrameAssembler(
            settings.gateway,
            os.urandom(16),
            clock=self.clock,
            quality=lambda: ClockQuality.SYNCHRONISED,
            settings=settings.frame,
            sealed=self.outbox.offer,
        )
        self.pipeline = Pipeline(settings.channel, self.assembler, self.clock, reports)
        self.wanted = {(channel.source, channel.input) for channel in settings.channel}

    async def play(self, source: SourceSettings) -> None:
        chunk_s, leads, done_s = _chunk_s(source), source is self.settings.source[0], 0.0
        how = source.settings | {"start": self.start, "seconds": self.seconds, "speed": 0.0}
        opened = open_source(
            SourceSettings(name=source.name, kind=source.kind, settings=how),
            SourceContext(self.clock, self.base, source.name),
        )
        async for chunks in opened.chunks():
            done_s += chunk_s
            if leads:
                self.clock.advance(round(chunk_s * NS_PER_S))
            while not leads and self.clock.monotonic_ns() / NS_PER_S < min(done_s, self.seconds):  # noqa: ASYNC110
                await asyncio.sleep(0)  # the leading source moves it
            for chunk in chunks:
                if (source.name, chunk.input) in self.wanted:
                    self.pipeline.take(source.name, chunk)
            self.assembler.seal_due()
            if leads and done_s % COMMIT_EVERY_S == 0:
                await self.outbox.committed()


def _chunk_s(source: SourceSettings) -> float:
    seconds: float = source.settings["chunk_samples"] / source.settings["rate_hz"]
    return seconds

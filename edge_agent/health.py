"""The health message of an agent."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from edge_agent.forecast import Forecast
from edge_agent.frame.assemble import FrameAssembler
from edge_agent.outbox.box import Outbox
from edge_agent.reports import Reports
from edge_agent.window.pipeline import Pipeline
from telltale import __version__
from telltale.clock import Clock
from telltale.health import Health
from telltale.readings import ClockQuality

STATM = Path("/proc/self/statm")


class HealthTeller:
    """Collects what a gateway says of itself."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        pipeline: Pipeline,
        assembler: FrameAssembler,
        outbox: Outbox,
        reports: Reports,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._pipeline = pipeline
        self._assembler = assembler
        self._outbox = outbox
        self._reports = reports
        self._forecast = Forecast()

    async def tell(self, quality: ClockQuality) -> Health:
        """The state now."""
        outbox = self._outbox
        free_bytes = shutil.disk_usage(self._folder).free
        self._forecast.observe(self._clock.monotonic_ns(), outbox.offered_bytes, outbox.size)
        room_bytes = max(min(outbox.settings.max_bytes - outbox.size, free_bytes), 0)
        return Health(
            at_ns=self._clock.now_ns(),
            version=__version__,
            backlog_frames=outbox.frames,
            backlog_bytes=outbox.size,
            oldest_ns=await outbox.oldest_ns(),
            produced=self._assembler.sequence,
            acknowledged=outbox.acknowledged,
            rejected=outbox.rejected,
            dropped=outbox.dropped,
            damaged=outbox.damaged,
            hours_left=self._forecast.hours_left(room_bytes),
            outage_hours=self._forecast.outage_hours(room_bytes),
            disk_free_bytes=free_bytes,
            rss_bytes=rss_bytes(),
            clock_quality=int(quality),
            inputs=self._pipeline.health(),
            errors=self._reports.errors(),
        )


def rss_bytes() -> int:
    """Resident memory of this process; 0 where the system does not tell."""
    try:
        return int(STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0

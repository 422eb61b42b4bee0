"""The health message of an agent."""

from __future__ import annotations

import os
import shutil
from collections import deque
from pathlib import Path

from edge_agent.frame.assemble import FrameAssembler
from edge_agent.outbox.box import Outbox
from edge_agent.reports import Reports
from edge_agent.window.pipeline import Pipeline
from telltale import __version__
from telltale.clock import NS_PER_HOUR, NS_PER_S, Clock
from telltale.health import Health
from telltale.readings import ClockQuality

STATM = Path("/proc/self/statm")
GROWTH_POINTS = 60
GROWTH_MIN_NS = 30 * NS_PER_S


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
        self._sizes: deque[tuple[int, int]] = deque(maxlen=GROWTH_POINTS)

    async def tell(self, quality: ClockQuality) -> Health:
        """The state now."""
        outbox = self._outbox
        self._sizes.append((self._clock.monotonic_ns(), outbox.size))
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
            hours_left=self._hours_left(),
            disk_free_bytes=shutil.disk_usage(self._folder).free,
            rss_bytes=rss_bytes(),
            clock_quality=int(quality),
            inputs=self._pipeline.health(),
            errors=self._reports.errors(),
        )

    def _hours_left(self) -> float | None:
        """Hours until the outbox is full at the growth of the last minutes; None while it does not grow."""
        (first_ns, first), (last_ns, last) = self._sizes[0], self._sizes[-1]
        if last_ns - first_ns < GROWTH_MIN_NS or last <= first:
            return None
        rate = (last - first) / (last_ns - first_ns)
        return max(self._outbox.settings.max_bytes - last, 0) / rate / NS_PER_HOUR


def rss_bytes() -> int:
    """Resident memory of this process; 0 where the system does not tell."""
    try:
        return int(STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0

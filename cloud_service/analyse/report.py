"""Telling the log what was left out: each cause once a process, for the counts are in `state.db` and the metrics."""

from __future__ import annotations

import structlog

from cloud_service.analyse.outcome import StepResult
from cloud_service.journal.reader import JournalReader
from telltale.errors import RejectReason

log = structlog.get_logger(__name__)

MAX_CAUSES = 10_000


class Reporter:
    """Logs causes not yet told, and keeps frames that could not be read as dead letters."""

    def __init__(self, reader: JournalReader) -> None:
        self._reader = reader
        self._told: set[tuple[str, ...]] = set()

    def report(self, result: StepResult) -> None:
        """What a batch left out."""
        for fault in result.faults:
            if self._is_news("fault", fault.channel, fault.detector, fault.error):
                log.error("detector failed", channel=fault.channel, detector=fault.detector, error=fault.error)
        for skip in result.skips:
            reason = skip.reason.value
            if self._is_news("skip", skip.gateway, skip.channel, reason):
                log.warning("skipped", gateway=skip.gateway, channel=skip.channel, reason=reason, why=skip.detail)
            for record in self._reader.read_at([skip.offset]) if skip.offset else ():
                known = skip.reason if isinstance(skip.reason, RejectReason) else RejectReason.BAD_BODY
                self._reader.bury(record, known, f"{reason}: {skip.detail}")

    def _is_news(self, *cause: str) -> bool:
        if cause in self._told or len(self._told) >= MAX_CAUSES:
            return False
        self._told.add(cause)
        return True

"""What the ingest process counts."""

from __future__ import annotations

from dataclasses import dataclass

from cloud_service.journal.batch import Committed


@dataclass(slots=True)
class IngestCounters:
    """Since the process started; see `cloud_service.process_stats`."""

    messages: int = 0
    surplus: int = 0  # of QoS 0, dropped because too much waited
    frames_stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    postponed: int = 0  # would have opened one gap too many; they come again
    retried: int = 0  # dead letters that were tried again
    stray_blocks: int = 0  # of channels that their gateway may not send
    commits: int = 0
    commit_retries: int = 0
    connects: int = 0

    def committed(self, committed: Committed) -> None:
        """Add what a commit did."""
        self.commits += 1
        self.frames_stored += committed.stored
        self.duplicates += committed.duplicates
        self.rejected += committed.rejected
        self.postponed += committed.postponed
        self.retried += committed.retried
        self.stray_blocks += committed.stray_blocks

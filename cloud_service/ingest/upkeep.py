"""Beside the stream: journal retention, and counters for `/metrics`."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from dataclasses import asdict

import structlog

from cloud_service.ingest.counters import IngestCounters
from cloud_service.ingest.settings import IngestConfig
from cloud_service.journal.retention import prune
from cloud_service.journal.writer import open_journal
from cloud_service.pause import pause
from cloud_service.process_stats import write_stats
from cloud_service.state import open_state

log = structlog.get_logger(__name__)

STATS_EVERY_S = 2.0
PRUNE_EVERY = 30  # stats periods


async def run_upkeep(config: IngestConfig, counters: IngestCounters) -> None:
    """Until stopped: write the counters, and now and then prune what analysis has passed."""
    rounds = 0
    while not config.stop.is_set():
        try:
            write_stats(config.data_dir, "ingest", asdict(counters))
            if rounds % PRUNE_EVERY == 0:
                await asyncio.to_thread(_prune, config)
        except (OSError, sqlite3.OperationalError) as error:
            log.warning("upkeep put off", error=str(error))
        rounds += 1
        await pause(STATS_EVERY_S, config.stop)
    with contextlib.suppress(OSError):  # a full disk must not turn a clean end into a crash
        write_stats(config.data_dir, "ingest", asdict(counters))


def _prune(config: IngestConfig) -> None:
    state, journal = open_state(config.data_dir), open_journal(config.data_dir)
    try:
        row = state.execute("SELECT value FROM meta WHERE key='offset'").fetchone()
        if row is None:
            return
        deleted = prune(
            journal,
            passed_offset=int(row[0]),
            now_ns=config.clock.now_ns(),
            keep_days=config.settings.keep_days,
            keep_bytes=config.settings.keep_bytes,
        )
        if deleted:
            log.info("journal pruned", frames=deleted)
    finally:
        state.close()
        journal.close()

"""The ingest process.

broker ─ session ─ screen ─ waiting ─ committer ─ journal
           ▲                              │
           └──────────── acks ────────────┘
"""

from __future__ import annotations

import asyncio

from cloud_service.heartbeat import beat_with_loop
from cloud_service.ingest.acks import Acks
from cloud_service.ingest.committer import Committer
from cloud_service.ingest.counters import IngestCounters
from cloud_service.ingest.retries import run_retries
from cloud_service.ingest.session import Session
from cloud_service.ingest.settings import IngestConfig
from cloud_service.ingest.upkeep import run_upkeep
from cloud_service.ingest.waiting import Waiting
from cloud_service.journal.writer import JournalWriter, open_journal


async def run(config: IngestConfig) -> None:
    """Take in frames until `config.stop` is set.

    Raises:
        SettingsError: the broker's TLS files cannot be used.
        FatalError: the journal cannot be used.
    """
    settings = config.settings
    writer = JournalWriter(
        open_journal(config.data_dir),
        max_bytes=settings.max_bytes,
        dead_letter_rows=settings.dead_letter_rows,
        dead_letter_bytes=settings.dead_letter_bytes,
        dead_letter_total_bytes=settings.dead_letter_total_bytes,
    )
    config.clock.observe(writer.newest_ns())  # a data clock goes on where it stood
    waiting = Waiting(settings.queue_frames, settings.queue_bytes)
    acks, counters, committed = Acks(), IngestCounters(), asyncio.Event()
    committer = Committer(config, writer, waiting, acks, counters)
    session = Session(config, waiting, acks, committed, counters)

    async def commit() -> None:
        try:
            await committer.run()
        finally:
            committed.set()

    def beat() -> None:
        if committer.has_moved():  # the loop turns, and no commit hangs in its thread
            config.beat()

    parts = (
        session.run(),
        commit(),
        run_upkeep(config, counters),
        run_retries(config, waiting),
        beat_with_loop(config.stop, beat),
    )
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        config.stop.set()
        await _wind_down(tasks)
        writer.close()


async def _wind_down(tasks: list[asyncio.Task[None]]) -> None:
    """Let the parts end by themselves, so that no commit is cut off, and only then insist."""
    _, late = await asyncio.wait(tasks, timeout=15)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

"""Dead letters that an operator wants tried again: screened as if they had just come, and committed with the rest.

`telltale cloud dead-letter retry` leaves their ids in `journal.db`, where they outlive any crash; the commit that
settles one removes its id.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3

import structlog

from cloud_service.ingest.screen import Screen
from cloud_service.ingest.settings import IngestConfig
from cloud_service.ingest.waiting import Waiting
from cloud_service.journal.entries import FrameEntry, RejectedEntry, RetryEntry
from cloud_service.journal.writer import open_journal
from cloud_service.pause import pause
from telltale.topics import Verb, topic

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
AT_ONCE = 4  # each may be of the largest size

Letter = tuple[int, str, str, bytes]
"""id, gateway, book, payload."""


async def run_retries(config: IngestConfig, waiting: Waiting) -> None:
    """Until stopped."""
    screen = Screen(config.site, config.clock)
    with contextlib.closing(open_journal(config.data_dir)) as journal:
        handed: set[int] = set()
        while not config.stop.is_set():
            try:
                letters = await asyncio.to_thread(next_letters, journal, handed)
            except sqlite3.OperationalError as error:
                log.warning("retries put off", error=str(error))
                letters = []
            for letter, gateway, book, payload in letters:
                entry = screen.check(topic(gateway, Verb.FRAME), payload)
                if isinstance(entry, FrameEntry | RejectedEntry):
                    await waiting.put(RetryEntry(letter, book, entry))
            await pause(0 if letters else LOOK_EVERY_S, config.stop)


def next_letters(journal: sqlite3.Connection, handed: set[int]) -> list[Letter]:
    """The next letters; `handed` holds those that wait for their commit, and is brought up to date."""
    asked = {letter for (letter,) in journal.execute("SELECT letter FROM retries")}
    handed &= asked
    found = []
    for letter in sorted(asked - handed)[:AT_ONCE]:
        row = journal.execute("SELECT gateway, book, payload FROM dead_letter WHERE id = ?", (letter,)).fetchone()
        if row is None:  # let go of meanwhile, for newer ones
            journal.execute("DELETE FROM retries WHERE letter = ?", (letter,))
        else:
            found.append((letter, *row))
    handed.update(letter for letter, *_ in found)  # only now: a look that fails leaves them for the next one
    return found

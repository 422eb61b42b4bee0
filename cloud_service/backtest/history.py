"""Stored history as frames: from the store what the journal no longer holds, from the journal the rest. Read only."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from cloud_service.analyse.decode import Decoded
from cloud_service.backtest.journal_history import JournalHistory
from cloud_service.backtest.store_history import StoreHistory
from cloud_service.baseline_record import BaselineEvent, read
from cloud_service.journal.reader import JournalReader
from cloud_service.journal.writer import FILE as JOURNAL_FILE
from cloud_service.settings import CloudSettings
from cloud_service.store.sqlite import SqliteSettings
from telltale.errors import FatalError


@dataclass(slots=True)
class Seen:
    """What was read.

    Attributes:
        samples: of all channels.
        first_ns, last_ns: the span that they lie in; 0 and 0 where there is none.
        lost_windows: windows whose samples the store no longer holds: they cannot be judged again.
    """

    samples: int = 0
    first_ns: int = 0
    last_ns: int = 0
    lost_windows: int = 0


@dataclass(slots=True)
class History:
    """The frames of a span."""

    cloud: CloudSettings
    seen: Seen = field(default_factory=Seen)

    def frames(self, start_ns: int, end_ns: int) -> Iterator[Sequence[Decoded]]:
        """Batches of frames acquired in [start, end), in order of time.

        Raises:
            FatalError: a database that cannot be read.
            RetryError: the store does not answer.
        """
        journal = _open_to_read(self.cloud.data_dir / JOURNAL_FILE)
        if journal is None:
            yield from self._noted(self._stored(start_ns, end_ns))
            return
        with closing(JournalReader(journal)) as reader:
            recent = JournalHistory(reader, journal, self.cloud.file.clock)
            since_ns = min(max(start_ns, recent.complete_since_ns()), end_ns)
            yield from self._noted(self._stored(start_ns, since_ns))
            yield from self._noted(recent.frames(since_ns, end_ns))

    def acts(self) -> list[BaselineEvent]:
        """Where operators ended baselines."""
        state = _open_to_read(self.cloud.data_dir / "state.db")
        if state is None:
            return []
        with closing(state):
            known = state.execute("SELECT 1 FROM sqlite_schema WHERE name = 'baseline_events'").fetchone()
            return list(read(state)) if known else []  # none in a folder of an earlier version

    def _stored(self, start_ns: int, end_ns: int) -> Iterator[Sequence[Decoded]]:
        settings = self.cloud.store()
        kept = settings.settings
        if start_ns >= end_ns or (isinstance(kept, SqliteSettings) and not (self.cloud.data_dir / kept.file).is_file()):
            return
        with asyncio.Runner() as runner:
            store = runner.run(settings.open(self.cloud.site, self.cloud.data_dir))
            try:
                past = StoreHistory(store, self.cloud.site)
                for part in past.spans(start_ns, end_ns):
                    yield runner.run(past.frames(*part))
                self.seen.lost_windows += past.lost_windows
            finally:
                runner.run(store.close())

    def _noted(self, batches: Iterator[Sequence[Decoded]]) -> Iterator[Sequence[Decoded]]:
        seen = self.seen
        for frames in batches:
            for block in (block for frame in frames for block in frame.blocks):
                seen.samples += len(block)
                seen.first_ns = min(seen.first_ns or block.t0_ns, block.t0_ns)
                seen.last_ns = max(seen.last_ns, block.end_ns())
            if frames:
                yield frames


def _open_to_read(path: Path) -> sqlite3.Connection | None:
    """A database beside a running service, or None where there is none; nothing is ever written."""
    if not path.is_file():
        return None
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30.0)
        connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        raise FatalError(f"{path}: {error}") from error
    return connection

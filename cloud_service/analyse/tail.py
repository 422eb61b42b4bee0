"""Following the journal: reads what is new, and waits cheaply where nothing is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from cloud_service.analyse.settings import AnalyseSettings
from cloud_service.journal.reader import JournalReader, Record

Wait = Callable[[float], bool]
"""Waits up to so many seconds; True when the process is to stop."""


class JournalTail:
    """The end of the journal.

    Args:
        reader: reads frames.
        watch: another connection to the same file, for what changed since.
        settings: batch bounds and polling.
        offset: the last one read.
    """

    def __init__(
        self, reader: JournalReader, watch: sqlite3.Connection, settings: AnalyseSettings, offset: int
    ) -> None:
        self._reader = reader
        self._watch = watch
        self._settings = settings
        self._version = -1
        self.offset = offset

    def read(self, share: float = 1.0) -> list[Record]:
        """The next frames, at most `share` of a batch; empty where there are none yet. Looks at the file only when
        someone committed to it.
        """
        version = int(self._watch.execute("PRAGMA data_version").fetchone()[0])
        if version == self._version:
            return []
        found = self._reader.read(self.offset, self._most_frames(share), self._settings.batch_bytes)
        if found:
            self.offset = found[-1].offset
        else:
            # Asked before the read: a commit in between changes it again, and is found by the next call.
            self._version = version
        return found

    def is_near_end(self) -> bool:
        """Whether less than a batch is left to read: under load there is always something."""
        return self._reader.end() - self.offset < self._settings.batch_frames

    def _most_frames(self, share: float) -> int:
        return max(1, round(self._settings.batch_frames * share))

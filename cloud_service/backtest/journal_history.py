"""The journal's frames in the order in which they were acquired, as if each had come at that time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cloud_service.analyse.decode import Decoded, decode_records
from cloud_service.journal.reader import JournalReader
from telltale.clock import ClockMode
from telltale.errors import RejectedError
from telltale.wire.codec import parse_envelope

FRAMES_A_STEP = 200
NEVER_NS = 2**62


class JournalHistory:
    """The journal's frames of a span.

    Args:
        reader: of the journal.
        connection: the reader's own.
        mode: the service's clock: with "system" it tells which frames cannot be dated.
    """

    def __init__(self, reader: JournalReader, connection: sqlite3.Connection, mode: ClockMode) -> None:
        self._reader = reader
        self._connection = connection
        self._mode: ClockMode = mode

    def complete_since_ns(self) -> int:
        """All that was acquired since then is in the journal: it was received later, and that is kept."""
        row = self._connection.execute('SELECT received_ns FROM frames ORDER BY "offset" LIMIT 1').fetchone()
        return int(row[0]) if row else NEVER_NS

    def frames(self, start_ns: int, end_ns: int) -> Iterator[Sequence[Decoded]]:
        """Frames acquired in [start, end), in that order; damaged ones are left out."""
        if start_ns >= end_ns:
            return
        found = sorted(self._acquired(start_ns, end_ns))
        for first in range(0, len(found), FRAMES_A_STEP):
            part = found[first : first + FRAMES_A_STEP]
            records = self._reader.read_at([offset for _, offset in part])
            acquired_ns = {offset: at_ns for at_ns, offset in part}
            yield [replace(frame, heard_ns=acquired_ns[frame.offset]) for frame in decode_records(records, self._mode)]

    def _acquired(self, start_ns: int, end_ns: int) -> Iterator[tuple[int, int]]:
        """(acquired_ns, offset) of each good frame of the span."""
        after = 0
        while records := self._reader.read(after):
            after = records[-1].offset
            for record in records:
                try:
                    acquired_ns = parse_envelope(record.payload, record.gateway).acquired_ns if record.intact else -1
                except RejectedError:
                    continue
                if start_ns <= acquired_ns < end_ns:
                    yield acquired_ns, record.offset

"""The journal's reader: frames in the order in which they were accepted. Any process may hold one beside the writer."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from cloud_service.journal import dead_letter
from cloud_service.journal.ranges import Ranges, decode_covered
from telltale.errors import FatalError, RejectReason


@dataclass(frozen=True, slots=True)
class Record:
    """One journaled frame.

    Attributes:
        offset: its place in the journal; ascending, never used twice.
        gateway, run_id, sequence, received_ns: as journaled.
        payload: the wire frame.
        intact: the checksum agrees. If not, do not analyse the payload: hand the record to `JournalReader.bury`.
    """

    offset: int
    gateway: str
    run_id: bytes
    sequence: int
    received_ns: int
    payload: bytes
    intact: bool


MAX_BOUND = 500  # parameters of one statement


class JournalReader:
    """Reads frames after an offset.

    Args:
        connection: from `open_journal`; owned by the reader from now on.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def read(self, after_offset: int, max_frames: int = 1_000, max_bytes: int = 16 * 1024 * 1024) -> list[Record]:
        """Frames after `after_offset`, oldest first: at most `max_frames`, and no more than `max_bytes` of payload
        except that one frame is always returned where there is one.

        Raises:
            FatalError: the file is corrupt beyond single rows.
        """
        records: list[Record] = []
        size = 0
        try:
            rows = self._connection.execute(
                'SELECT "offset", gateway, run_id, sequence, received_ns, payload, crc FROM frames'
                ' WHERE "offset" > ? ORDER BY "offset" LIMIT ?',
                (after_offset, max_frames),
            )
            for offset, gateway, run_id, sequence, received_ns, payload, crc in rows:
                size += len(payload)
                if records and size > max_bytes:
                    break
                records.append(_record(offset, gateway, run_id, sequence, received_ns, payload, crc))
            rows.close()
        except sqlite3.DatabaseError as error:
            raise FatalError(f"journal: {error}") from error
        return records

    def read_at(self, offsets: Sequence[int]) -> list[Record]:
        """The frames at `offsets`, in that order; those that are gone are left out.

        Raises:
            FatalError: as `read`.
        """
        found: dict[int, Record] = {}
        try:
            for start in range(0, len(offsets), MAX_BOUND):
                some = offsets[start : start + MAX_BOUND]
                rows = self._connection.execute(
                    'SELECT "offset", gateway, run_id, sequence, received_ns, payload, crc FROM frames'  # noqa: S608
                    f' WHERE "offset" IN ({", ".join("?" * len(some))})',
                    some,
                )
                found.update((row[0], _record(*row)) for row in rows)
        except sqlite3.DatabaseError as error:
            raise FatalError(f"journal: {error}") from error
        return [found[offset] for offset in offsets if offset in found]

    def covered(self, gateway: str, run_id: bytes) -> tuple[Ranges, int]:
        """Which sequences of a run are stored, dropped or rejected, and the newest offset of the journal then."""
        row = self._connection.execute(
            "SELECT cumulative, above, (SELECT seq FROM sqlite_sequence WHERE name='frames') FROM runs"
            " WHERE gateway=? AND run_id=?",
            (gateway, run_id),
        ).fetchone()
        if row is None:
            return Ranges(), 0
        cumulative, above, end = row
        return decode_covered(cumulative, above), int(end or 0)

    def end(self) -> int:
        """The newest offset; 0 where the journal is empty and always was."""
        row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name='frames'").fetchone()
        return int(row[0]) if row else 0

    def bury(self, record: Record, reason: RejectReason, detail: str) -> bool:
        """Keep a frame that turned out bad after it was accepted (a flipped bit) as a dead letter.

        Returns:
            False where the disk did not take it: the frame stays in the journal until retention, so nothing is lost.
        """
        letter = dead_letter.DeadLetter(
            record.gateway,
            record.run_id,
            record.sequence,
            record.received_ns,
            reason.value,
            f"journal offset {record.offset}: {detail}",
            record.payload,
            book="stored" if record.intact else "damaged",
        )
        try:
            dead_letter.keep(self._connection, [letter])
        except sqlite3.OperationalError:
            return False
        return True

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._connection.close()


def _record(  # noqa: PLR0917 - the columns of `frames`
    offset: int, gateway: str, run_id: bytes, sequence: int, received_ns: int, payload: bytes, crc: int
) -> Record:
    return Record(offset, gateway, run_id, sequence, received_ns, payload, zlib.crc32(payload) == crc)

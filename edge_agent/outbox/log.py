"""The outbox's segments as one append-only log: what is appended is on the disk after a sync, and what nothing needs
any more is deleted by whole files.

A write or sync that failed ends its segment: what the disk has of it is not known, so it is written again elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from edge_agent.outbox.record import Kind, header_for
from edge_agent.outbox.segment import Segment, new_segment, old_segments

OPEN_FILES = 8  # for reading, at a time


class SegmentLog:
    """Segments of one folder; used from one thread.

    Args:
        folder: exists.
        segment_bytes: from this size on a segment is closed and the next one begins.
        checkpoint: makes the payload of a checkpoint; called between appends.
    """

    def __init__(self, folder: Path, segment_bytes: int, checkpoint: Callable[[], bytes]) -> None:
        self.segments = {segment.number: segment for segment in old_segments(folder)}
        self.segment_bytes = segment_bytes
        self._folder = folder
        self._checkpoint = checkpoint
        self._active: Segment | None = None
        self._newest = max(self.segments, default=0)
        self._reading: list[Segment] = []

    @property
    def disk_bytes(self) -> int:
        """What all segments take on disk."""
        return sum(segment.disk_bytes for segment in list(self.segments.values()))

    def append(self, buffers: Sequence[bytes], *, sync: bool) -> tuple[Segment, int]:
        """Append records, all into one segment; returns it and where they begin.

        Raises:
            OSError: nothing can be relied on; append again.
        """
        segment = self._with_room()
        begin = segment.size
        try:
            segment.append(buffers)
            if sync:
                segment.sync()
        except OSError:
            self._active = None
            with suppress(OSError):
                segment.cut(begin)
            segment.close()
            raise
        return segment, begin

    def _with_room(self) -> Segment:
        if self._active is None or self._active.size >= self.segment_bytes:
            self.begin_segment()
        assert self._active is not None
        return self._active

    def begin_segment(self) -> None:
        """Begin a segment, with a checkpoint; the one before it is on the disk from now on.

        Raises:
            OSError: it could not be created; nothing is left of it.
        """
        last, self._active = self._active, None
        if last is not None:
            try:
                last.sync()
            finally:
                last.close()
        self._newest += 1
        segment = new_segment(self._folder, self._newest)
        try:
            segment.append(self._checkpoint_records())
        except OSError:
            with suppress(OSError):
                segment.delete()
            raise
        self.segments[segment.number] = self._active = segment

    def write_checkpoint(self) -> None:
        """Return once all that is known is on the disk.

        Raises:
            OSError: as `append`.
        """
        if self._active is not None and self._active.size < self.segment_bytes:
            self.append(self._checkpoint_records(), sync=True)
        else:
            self.append([], sync=True)  # a new segment begins with one

    def _checkpoint_records(self) -> list[bytes]:
        """Twice: what one flipped bit can cost is one of the two."""
        payload = self._checkpoint()
        return [header_for(Kind.CHECKPOINT, payload), payload] * 2

    def reclaim(self) -> None:
        """Delete the segments in which no frame is needed. Works on a full disk."""
        dead = [segment for segment in self.segments.values() if not segment.frames and segment is not self._active]
        if dead and not self._is_known_gone():
            # No room even to say so. Should the power fail before there is, frames that the service has stored are
            # reported as damaged: it keeps what it has.
            self._delete(dead.pop(0))
            self._is_known_gone()
        for segment in dead:
            if not segment.frames and segment is not self._active:
                self._delete(segment)

    def _is_known_gone(self) -> bool:
        """Write the checkpoint that says what is gone; without it, what is missing at the next start is damage."""
        try:
            self.write_checkpoint()
        except OSError:
            return False
        return True

    def _delete(self, segment: Segment) -> None:
        del self.segments[segment.number]
        with suppress(OSError):
            segment.delete()

    def wasteful(self) -> Segment | None:
        """The segment whose compaction frees most, if that is worth it."""
        segments = [segment for segment in self.segments.values() if segment is not self._active]
        worst = max(segments, key=lambda segment: segment.waste_bytes, default=None)
        return worst if worst is not None and 4 * worst.waste_bytes >= worst.size else None

    def read(self, number: int, offset: int, size: int) -> bytes:
        """Bytes of a segment; fewer where the disk does not give them."""
        segment = self.segments[number]
        if segment is not self._active and segment not in self._reading:
            self._reading.append(segment)
            if len(self._reading) > OPEN_FILES and (oldest := self._reading.pop(0)) is not self._active:
                oldest.close()
        try:
            return segment.read(offset, size)
        except OSError:
            return b""

    def close(self) -> None:
        """Sync and close."""
        if self._active is not None:
            with suppress(OSError):
                self._active.sync()
        for segment in self.segments.values():
            segment.close()

"""What is in an outbox's folder, read as another process would: nothing is opened for writing."""

from __future__ import annotations

from pathlib import Path

from edge_agent.outbox.record import HEADER_BYTES, Kind
from edge_agent.outbox.scan import Found, walk
from edge_agent.outbox.segment import Segment, old_segments


def frames_on_disk(folder: Path) -> dict[tuple[int, int], bytes]:
    """(ordinal, sequence) → payload of all whole frames in the files, acknowledged ones included."""
    found = {}
    for segment in old_segments(folder):
        found.update(_frames(segment))
        segment.close()
    return found


def _frames(segment: Segment) -> dict[tuple[int, int], bytes]:
    found = {}
    for item in walk(segment):
        if isinstance(item, Found) and item.header.kind == Kind.FRAME:
            payload = segment.read(item.offset + HEADER_BYTES, item.header.length)
            if item.header.fits(payload):
                found[item.header.ordinal, item.header.sequence] = payload
    return found


def bytes_on_disk(folder: Path) -> int:
    """What the segments really take, in blocks that the file system gave out."""
    return sum(path.stat().st_blocks * 512 for path in folder.glob("*.segment"))

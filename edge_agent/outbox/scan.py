"""Walking a segment from record to record, over whatever is damaged in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.outbox.record import HEADER_BYTES, MAGIC, MAX_PAYLOAD_BYTES, Header, find_header, read_header
from edge_agent.outbox.segment import Segment

CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Found:
    """A record whose header is good; its payload was not looked at. `is_mended`: one bit of the header was wrong."""

    header: Header
    offset: int
    is_mended: bool = False


@dataclass(frozen=True, slots=True)
class Damaged:
    """Bytes that are no record."""

    offset: int
    end: int


def walk(segment: Segment) -> Iterator[Found | Damaged]:
    """What is in a segment, in order; only headers are read."""
    offset = 0
    while offset < segment.size:
        found = _record_at(segment, offset)
        if found is None:
            end = _next_record(segment, offset + 1)
            yield Damaged(offset, end)
            offset = end
        else:
            yield found
            offset += HEADER_BYTES + found.header.length


def _record_at(segment: Segment, offset: int) -> Found | None:
    raw = segment.read(offset, HEADER_BYTES)
    header = read_header(raw)
    is_mended = header is None and (header := find_header(raw)) is not None
    if header is None or header.length > MAX_PAYLOAD_BYTES or offset + HEADER_BYTES + header.length > segment.size:
        return None
    return Found(header, offset, is_mended)


def _next_record(segment: Segment, offset: int) -> int:
    """Where the next record begins, or the end of the segment."""
    while offset < segment.size:
        chunk = segment.read(offset, CHUNK_BYTES)
        at = chunk.find(MAGIC)
        while at >= 0:
            if _is_record(segment, offset + at):
                return offset + at
            at = chunk.find(MAGIC, at + 1)
        if len(chunk) < CHUNK_BYTES:
            break
        offset += len(chunk) - len(MAGIC) + 1
    return segment.size


def _is_record(segment: Segment, offset: int) -> bool:
    return read_header(segment.read(offset, HEADER_BYTES)) is not None

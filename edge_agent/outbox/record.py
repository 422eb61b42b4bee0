"""Records of the outbox's segment files: a header that names the record and checks itself, then a payload.

A damaged header is found by its own CRC and costs no other record: reading resynchronises at the next magic. A header
with one flipped bit is mended, since only one header within one bit of it carries its CRC (CRC-32 keeps at least four
bits between messages of this length).
"""

from __future__ import annotations

import operator
import zlib
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

MAGIC = b"\xf5TOB"
_FIELDS = Struct("<4sBBHIQq16sII")
_CRC = Struct("<I")
HEADER_BYTES = _FIELDS.size + _CRC.size
MAX_PAYLOAD_BYTES = (1 << 24) - 1


class Kind(IntEnum):
    """What a record says.

    FRAME: a frame in its wire form. SETTLED: sequences that the service has stored or rejected. DROPPED: sequences
    that were let go. REPORTED: which of them the frame `sequence` reports. CHECKPOINT: all that is known.
    """

    FRAME = 1
    SETTLED = 2
    DROPPED = 3
    REPORTED = 4
    CHECKPOINT = 5


class Header(NamedTuple):
    """What stands before a payload.

    Attributes:
        kind: one of `Kind`.
        rank: of a frame.
        ordinal, run_id: the run's number in this outbox and its id.
        sequence: of a frame, or of the frame that a REPORTED record is about; else 0.
        acquired_ns: of a frame; else 0.
        length, crc: of the payload.
    """

    kind: int
    rank: int
    ordinal: int
    sequence: int
    acquired_ns: int
    run_id: bytes
    length: int
    crc: int

    def packed(self) -> bytes:
        """As it is written."""
        fields = _FIELDS.pack(MAGIC, self.kind, self.rank, 0, *self[2:])
        return fields + _CRC.pack(zlib.crc32(fields))

    def fits(self, payload: bytes) -> bool:
        """Whether this is the payload that was written."""
        return len(payload) == self.length and zlib.crc32(payload) == self.crc


def header_for(
    kind: Kind,
    payload: bytes,
    *,
    ordinal: int = 0,
    run_id: bytes = bytes(16),
    sequence: int = 0,
    rank: int = 0,
    acquired_ns: int = 0,
) -> bytes:
    """The header to write before `payload`."""
    crc = zlib.crc32(payload)
    return Header(kind, rank, ordinal, sequence, acquired_ns, run_id, len(payload), crc).packed()


def read_header(raw: bytes) -> Header | None:
    """The header in `raw`; None where it is none or damaged."""
    if len(raw) != HEADER_BYTES or raw[:4] != MAGIC or zlib.crc32(raw[:-4]) != _CRC.unpack(raw[-4:])[0]:
        return None
    _, kind, rank, _, ordinal, sequence, acquired_ns, run_id, length, crc = _FIELDS.unpack(raw[:-4])
    return Header(kind, rank, ordinal, sequence, acquired_ns, run_id, length, crc)


def find_header(raw: bytes) -> Header | None:
    """The header in `raw`, or the one that it was before one of its bits flipped; None where more is wrong."""
    found = read_header(raw)
    if found is not None or len(raw) != HEADER_BYTES or sum(map(operator.ne, raw, MAGIC)) > 1:
        return found
    for bit in range(HEADER_BYTES * 8):
        tried = bytearray(raw)
        tried[bit >> 3] ^= 1 << (bit & 7)
        if (found := read_header(bytes(tried))) is not None:
            break
    return found

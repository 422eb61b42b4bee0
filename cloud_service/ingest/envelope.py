"""Who sent this? The identity at the head of a frame that is too large or too broken to be parsed.

A frame that can never be stored must be answered by (run id, sequence), else the edge sends it for ever. Encoders
write fields in order, so run id and sequence (fields 3 and 4 of `frame.proto`) stand in the first bytes; only those
are looked at.
"""

from __future__ import annotations

from telltale.wire.codec import MAX_INT64, RUN_ID_BYTES

HEAD_BYTES = 256
_VARINT, _BYTES = 0, 2  # protobuf wire types
_RUN_ID, _SEQUENCE = 3, 4  # field numbers


def identify(payload: bytes) -> tuple[bytes, int] | None:
    """Run id and sequence of a frame, or None where its head does not hold them; never raises."""
    head = payload[:HEAD_BYTES]
    at, run_id = 0, None
    try:
        while at < len(head):
            tag, at = _varint(head, at)
            if tag & 7 == _BYTES:
                size, at = _varint(head, at)
                if tag >> 3 == _RUN_ID and size == RUN_ID_BYTES:
                    run_id = head[at : at + size]
                at += size
            elif tag & 7 == _VARINT:
                value, at = _varint(head, at)
                if tag >> 3 == _SEQUENCE:
                    return _checked(run_id, value)
            else:
                return None
    except IndexError:
        pass
    return None


def _checked(run_id: bytes | None, sequence: int) -> tuple[bytes, int] | None:
    if run_id is None or len(run_id) != RUN_ID_BYTES or not 1 <= sequence <= MAX_INT64:
        return None
    return run_id, sequence


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise IndexError("varint of more than ten bytes")

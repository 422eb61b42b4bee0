"""The store-ack, as the edge takes it from the broker."""

from __future__ import annotations

from telltale.errors import RejectedError
from telltale.wire.ack import decode_stored, encode_stored


def target(data: bytes) -> None:
    try:
        ack = decode_stored(data)
    except RejectedError:
        return
    again = decode_stored(encode_stored(ack))
    assert (again.run_id, again.cumulative, again.above) == (ack.run_id, ack.cumulative, ack.above)
    assert [item[:2] for item in again.rejected] == [item[:2] for item in ack.rejected]

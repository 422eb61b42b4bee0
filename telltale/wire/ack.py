"""Store-acks ↔ bytes: what the service has committed of one run."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from telltale.errors import RejectedError, RejectReason
from telltale.wire import frame_pb2 as pb
from telltale.wire.codec import MAX_PACKET_BYTES, RUN_ID_BYTES, VERSION


@dataclass(frozen=True, slots=True)
class StoredAck:
    """What the service has committed of one run.

    Attributes:
        run_id: the run.
        cumulative: every sequence up to this one is stored or rejected.
        above: stored (first, last) ranges above `cumulative`.
        rejected: sequence → (reason, detail) of frames that can never be stored.
        refused: (channel, reason) of blocks that were left out of frames that are stored.
    """

    run_id: bytes
    cumulative: int
    above: tuple[tuple[int, int], ...] = ()
    rejected: tuple[tuple[int, str, str], ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


def encode_stored(ack: StoredAck) -> bytes:
    """The wire bytes of a store-ack."""
    message = pb.Stored(version=VERSION, run_id=ack.run_id, cumulative=ack.cumulative)
    for first, last in ack.above:
        message.above.add(first=first, last=last)
    for sequence, reason, detail in ack.rejected:
        message.rejected.add(sequence=sequence, reason=reason, detail=detail[:200])
    for channel, reason in ack.refused:
        message.refused.add(channel=channel, reason=reason)
    return message.SerializeToString()


def decode_stored(payload: bytes) -> StoredAck:
    """The store-ack in `payload`.

    Raises:
        RejectedError: not a store-ack.
    """
    if len(payload) > MAX_PACKET_BYTES:
        raise RejectedError(RejectReason.TOO_LARGE, f"{len(payload)} bytes, at most {MAX_PACKET_BYTES}")
    message = pb.Stored()
    try:
        message.ParseFromString(payload)
    except DecodeError as error:
        raise RejectedError(RejectReason.NOT_A_FRAME, str(error)[:200]) from None
    if message.version != VERSION or len(message.run_id) != RUN_ID_BYTES:
        raise RejectedError(RejectReason.UNKNOWN_VERSION, "not a store-ack of version 1")
    return StoredAck(
        run_id=message.run_id,
        cumulative=message.cumulative,
        above=tuple((item.first, item.last) for item in message.above),
        rejected=tuple((item.sequence, item.reason, item.detail) for item in message.rejected),
        refused=tuple((item.channel, item.reason) for item in message.refused),
    )

"""What a gateway says of itself: `status` (retained, last will) and `health` (every few seconds), as JSON."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec

from telltale.errors import RejectedError, RejectReason

MAX_HEALTH_BYTES = 262_144

T = TypeVar("T")
# JSON knows no largest integer; the databases do.
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class InputHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One channel as the agent sees it: alive, how old, last value."""

    channel: str
    alive: bool
    last_ns: Int64
    last_value: float | None = None
    samples: Int64 = 0


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The health message of an agent.

    Attributes:
        at_ns: the agent's clock.
        version: of the agent.
        backlog_frames, backlog_bytes, oldest_ns: frames committed and not yet store-acked.
        produced, acknowledged, rejected, dropped: counts of this run.
        damaged: places in the outbox's files that this run found torn or flipped; frames lost by it are in `dropped`.
        hours_left: until the outbox or the disk is full at the present rate; None when it is not filling.
        outage_hours: how long an outage that began now could be bridged, at the present rate of production; None where
            nothing is produced, or for the first half minute.
        disk_free_bytes, rss_bytes: of the gateway.
        clock_quality: 0 unknown, 1 free running, 2 synchronised.
        inputs: every configured channel.
        errors: the newest errors, newest last.
    """

    at_ns: Int64
    version: str
    backlog_frames: Int64 = 0
    backlog_bytes: Int64 = 0
    oldest_ns: Int64 | None = None
    produced: Int64 = 0
    acknowledged: Int64 = 0
    rejected: Int64 = 0
    dropped: Int64 = 0
    damaged: Int64 = 0
    hours_left: float | None = None
    outage_hours: float | None = None
    disk_free_bytes: Int64 = 0
    rss_bytes: Int64 = 0
    clock_quality: Int64 = 0
    inputs: tuple[InputHealth, ...] = ()
    errors: tuple[str, ...] = ()


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The retained status of a gateway; the last will says offline."""

    state: Literal["online", "offline"]
    at_ns: Int64 = 0
    run_id: str = ""


def decode_health(payload: bytes) -> Health:
    """A health message from outside.

    Raises:
        RejectedError: too large or not a health message.
    """
    return _decode(payload, Health)


def decode_status(payload: bytes) -> Status:
    """A status message from outside.

    Raises:
        RejectedError: too large or not a status message.
    """
    return _decode(payload, Status)


def _decode(payload: bytes, into: type[T]) -> T:
    if len(payload) > MAX_HEALTH_BYTES:
        raise RejectedError(RejectReason.TOO_LARGE, f"{len(payload)} bytes, at most {MAX_HEALTH_BYTES}")
    try:
        return msgspec.json.decode(payload, type=into)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RejectedError(RejectReason.NOT_A_FRAME, str(error)[:200]) from None

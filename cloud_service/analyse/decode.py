"""Journal entries → frames. What cannot be decoded is skipped, named and counted; it never stops the stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cloud_service.journal.reader import Record
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_YEAR, ClockMode
from telltale.errors import RejectedError, RejectReason
from telltale.readings import Block, ClockQuality, DropRecord, Frame, RunEnd
from telltale.wire.codec import decode_good_blocks


class SkipReason(StrEnum):
    """Why something in the journal was not analysed; beside `telltale.errors.RejectReason`."""

    DAMAGED = "damaged"  # the journal's checksum does not match: a flipped bit on the service's disk
    OTHER_GATEWAY = "other_gateway"  # the site gives this channel to another gateway
    FUTURE = "future"  # acquired more than a day ahead of the run's clock: stored, not judged


AHEAD_NS = NS_PER_DAY
DATED_WITHIN_NS = NS_PER_HOUR  # trends are judged by the day
UNSET_BEFORE_NS = 50 * NS_PER_YEAR  # a service that says 1970 has not been told the time yet


@dataclass(frozen=True, slots=True)
class Skip:
    """What was left out.

    Attributes:
        gateway, channel: whose; channel is empty for a whole frame.
        reason, detail: why.
        at_ns: the run's clock.
        samples: how many samples.
        offset: of the journal record where the whole frame was left out, for the dead letter; else 0.
    """

    gateway: str
    channel: str
    reason: RejectReason | SkipReason
    detail: str
    at_ns: int
    samples: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class ClockWords:
    """What a frame says of its gateway's clock, and when the service had it by its own.

    Attributes:
        acquired_ns, monotonic_ns, quality, error_ns: as `telltale.readings.Frame`; `monotonic_ns` 0 where unknown.
        received_ns: the service's clock.
    """

    acquired_ns: int
    monotonic_ns: int
    received_ns: int
    quality: ClockQuality
    error_ns: int = 0


@dataclass(frozen=True, slots=True)
class Decoded:
    """One journal record as analysis sees it.

    Attributes:
        offset: in the journal.
        gateway: who sent it.
        heard_ns: the run's clock at this frame: when the service received it, or, where the run follows the data's
            time, when the agent acquired it.
        blocks: the good ones; none for a frame that cannot be decoded.
        skips: the rest.
        run_id, sequence, size: as journaled; the payload's bytes.
        drops, after: as the frame says.
        trusted_ns: the agent's clock, where it is to be trusted more than the service's: it was synchronised, or the
            service's was never set. Else 0.
        is_dated: the readings' times can be relied on. Not where the agent's clock was neither synchronised nor known
            to be near, and the frame did not come at about the time that it says; nor where the clock is known to be
            wrong (`cloud_service.analyse.clock_watch`).
        clock: None where the run follows the data's time: there is no other to doubt it by.
    """

    offset: int
    gateway: str
    heard_ns: int
    blocks: tuple[Block, ...] = ()
    skips: tuple[Skip, ...] = ()
    run_id: bytes = b""
    sequence: int = 0
    size: int = 0
    drops: tuple[DropRecord, ...] = ()
    after: tuple[RunEnd, ...] = ()
    trusted_ns: int = 0
    is_dated: bool = True
    clock: ClockWords | None = None


def decode_records(records: Sequence[Record], mode: ClockMode) -> list[Decoded]:
    """Every record, in order; damaged ones come without blocks."""
    return [_decode(record, mode) for record in records]


def _decode(record: Record, mode: ClockMode) -> Decoded:
    if not record.intact:
        return _unusable(record, SkipReason.DAMAGED, f"checksum of journal entry {record.offset} does not match")
    try:
        frame, bad = decode_good_blocks(record.payload, record.gateway)
    except RejectedError as error:
        return _unusable(record, error.reason, error.detail)
    heard_ns = record.received_ns if mode == "system" else frame.acquired_ns
    skips = tuple(
        Skip(record.gateway, block.channel, block.error.reason, block.error.detail, heard_ns, block.count)
        for block in bad
    )
    return Decoded(
        record.offset,
        record.gateway,
        heard_ns,
        frame.blocks,
        skips,
        record.run_id,
        record.sequence,
        len(record.payload),
        frame.drops,
        frame.after,
        _trusted_ns(frame, record),
        mode == "data" or _is_dated(frame, record),
        None if mode == "data" else _clock_words(frame, record),
    )


def _clock_words(frame: Frame, record: Record) -> ClockWords:
    return ClockWords(
        frame.acquired_ns, frame.monotonic_ns, record.received_ns, frame.clock_quality, frame.clock_error_ns
    )


def _trusted_ns(frame: Frame, record: Record) -> int:
    synchronised = frame.clock_quality is ClockQuality.SYNCHRONISED
    return frame.acquired_ns if synchronised or record.received_ns < UNSET_BEFORE_NS else 0


def _is_dated(frame: Frame, record: Record) -> bool:
    match frame.clock_quality:
        case ClockQuality.SYNCHRONISED:
            return True
        case ClockQuality.FREE_RUNNING if 0 < frame.clock_error_ns <= DATED_WITHIN_NS:
            return True
    return abs(record.received_ns - frame.acquired_ns) <= DATED_WITHIN_NS


def _unusable(record: Record, reason: RejectReason | SkipReason, detail: str) -> Decoded:
    # Its own times cannot be read: it moves no clock.
    skip = Skip(record.gateway, "", reason, detail, record.received_ns, offset=record.offset)
    return Decoded(
        record.offset,
        record.gateway,
        0,
        skips=(skip,),
        run_id=record.run_id,
        sequence=record.sequence,
        size=len(record.payload),
    )

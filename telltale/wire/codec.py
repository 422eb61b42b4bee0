"""Frames ↔ bytes.

Decoding is defensive: the packet's size is checked before it is parsed, every declared count before anything of that
size is allocated, the payload's identity against the topic's. What cannot be accepted raises `RejectedError` with a
named reason; nothing else is ever raised for bytes from outside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from google.protobuf.message import DecodeError

from telltale.clock import NS_PER_S
from telltale.errors import RejectedError, RejectReason
from telltale.readings import SAMPLE_DTYPES, Block, ClockQuality, DropRecord, Flag, FlagSpan, Frame, RunEnd, SampleArray
from telltale.topics import is_name
from telltale.wire import body
from telltale.wire import frame_pb2 as pb

VERSION = 1
RUN_ID_BYTES = 16
MAX_PACKET_BYTES = 4 * 1024 * 1024
MAX_BLOCKS = 4_096
MAX_FRAME_SAMPLES = 4_194_304
MAX_FLAG_SPANS = 4_096
MAX_DROPS = 1_024
MAX_AFTER = 64
MAX_TEXT = 64
MAX_INT64 = 2**63 - 1


def encode_frame(frame: Frame) -> bytes:
    """The wire bytes of a frame."""
    message = pb.Frame(
        version=VERSION,
        gateway=frame.gateway,
        run_id=frame.run_id,
        sequence=frame.sequence,
        acquired_ns=frame.acquired_ns,
        monotonic_ns=frame.monotonic_ns,
        clock_quality=int(frame.clock_quality),  # type: ignore[arg-type]
        clock_error_ns=frame.clock_error_ns,
    )
    for block in frame.blocks:
        message.blocks.append(_encode_block(block))
    for drop in frame.drops:
        message.drops.add(first=drop.first, last=drop.last, reason=drop.reason)
    for run in frame.after:
        message.after.add(run_id=run.run_id, last_sequence=run.last_sequence)
    return message.SerializeToString()


def _encode_block(block: Block) -> pb.Block:
    message = pb.Block(
        channel=block.channel,
        t0_ns=block.t0_ns,
        rate_hz=block.rate_hz,
        calibration_id=block.calibration_id,
        scale=block.scale,
        offset=block.offset,
        type=SAMPLE_DTYPES.index(block.samples.dtype.name),  # type: ignore[arg-type]
        count=len(block),
        body=body.encode(block.samples),
    )
    for span in block.flags:
        message.flags.add(start=span.start, count=span.count, flag=int(span.flag))
    if block.dt_ns is not None:
        message.dt_ns.extend(np.diff(block.dt_ns, prepend=0).tolist())
    return message


def decode_frame(payload: bytes, gateway: str) -> Frame:
    """The frame in `payload`, which came on the topic of `gateway`.

    Raises:
        RejectedError: with the reason; never anything else, whatever the bytes.
    """
    frame, bad = decode_good_blocks(payload, gateway)
    if bad:
        raise bad[0].error
    return frame


@dataclass(frozen=True, slots=True)
class BadBlock:
    """A block that cannot be decoded, in a frame that otherwise can."""

    channel: str
    count: int
    error: RejectedError


def decode_good_blocks(payload: bytes, gateway: str) -> tuple[Frame, tuple[BadBlock, ...]]:
    """The frame in `payload` without the blocks whose body is bad, and those.

    Raises:
        RejectedError: the envelope cannot be accepted.
    """
    message = parse_envelope(payload, gateway)
    blocks, bad = _decode_blocks(message)
    return _frame(message, tuple(blocks)), tuple(bad)


def screen_frame(payload: bytes, gateway: str) -> tuple[Frame, list[str]]:
    """The frame in `payload` without its blocks, and their channels, once it is known that `decode_frame` accepts it: a
    third of the cost.

    Raises:
        RejectedError: exactly where `decode_frame` raises it.
    """
    message = parse_envelope(payload, gateway)
    for block in message.blocks:
        name = SAMPLE_DTYPES[block.type]
        unpacked = body.unpack(block.body, name, block.count)
        if name.startswith("float"):  # integers cannot be wrong once they are complete
            _check_floats(body.restore([unpacked], name, block.count)[0], _flags(block), block.channel)
    return _frame(message, ()), [block.channel for block in message.blocks]


def _frame(message: pb.Frame, blocks: tuple[Block, ...]) -> Frame:
    return Frame(
        gateway=message.gateway,
        run_id=message.run_id,
        sequence=message.sequence,
        acquired_ns=message.acquired_ns,
        monotonic_ns=message.monotonic_ns,
        clock_quality=ClockQuality(message.clock_quality),
        clock_error_ns=min(message.clock_error_ns, MAX_INT64),
        blocks=blocks,
        drops=tuple(DropRecord(drop.first, drop.last, drop.reason) for drop in message.drops),
        after=tuple(RunEnd(run.run_id, run.last_sequence) for run in message.after),
    )


def parse_envelope(payload: bytes, gateway: str) -> pb.Frame:
    """The envelope, checked for everything but the bodies: what ingest needs before it acknowledges.

    Raises:
        RejectedError: with the reason.
    """
    if len(payload) > MAX_PACKET_BYTES:
        raise RejectedError(RejectReason.TOO_LARGE, f"{len(payload)} bytes, at most {MAX_PACKET_BYTES}")
    message = pb.Frame()
    try:
        message.ParseFromString(payload)
    except DecodeError as error:
        raise RejectedError(RejectReason.NOT_A_FRAME, str(error)[:200]) from None
    _check_identity(message, gateway)
    _check_sizes(message)
    for block in message.blocks:
        _check_block(block)
    return message


def _check_identity(message: pb.Frame, gateway: str) -> None:
    if message.version != VERSION:
        raise RejectedError(RejectReason.UNKNOWN_VERSION, f"version {message.version}, expected {VERSION}")
    if message.gateway != gateway:
        raise RejectedError(
            RejectReason.IDENTITY_MISMATCH, f"frame of {message.gateway[:64]!r} on topic of {gateway!r}"
        )
    if len(message.run_id) != RUN_ID_BYTES:
        raise RejectedError(RejectReason.NOT_A_FRAME, f"run id of {len(message.run_id)} bytes, expected {RUN_ID_BYTES}")
    if not 1 <= message.sequence <= MAX_INT64:
        raise RejectedError(RejectReason.BAD_VALUE, f"sequence {message.sequence}, expected 1 or more")
    if message.clock_quality not in (0, 1, 2):
        raise RejectedError(RejectReason.BAD_VALUE, f"clock quality {message.clock_quality}")


def _check_sizes(message: pb.Frame) -> None:
    if len(message.blocks) > MAX_BLOCKS:
        raise RejectedError(RejectReason.TOO_LARGE, f"{len(message.blocks)} blocks, at most {MAX_BLOCKS}")
    if len(message.drops) > MAX_DROPS:
        raise RejectedError(RejectReason.TOO_LARGE, f"{len(message.drops)} drop records, at most {MAX_DROPS}")
    total = sum(block.count for block in message.blocks)
    if total > MAX_FRAME_SAMPLES:
        raise RejectedError(RejectReason.TOO_LARGE, f"{total} samples, at most {MAX_FRAME_SAMPLES}")
    for drop in message.drops:
        if not 1 <= drop.first <= drop.last <= MAX_INT64 or len(drop.reason) > MAX_TEXT:
            raise RejectedError(RejectReason.BAD_VALUE, f"drop record {drop.first}-{drop.last}")
    _check_after(message)


def _check_after(message: pb.Frame) -> None:
    if len(message.after) > MAX_AFTER:
        raise RejectedError(RejectReason.TOO_LARGE, f"{len(message.after)} earlier runs, at most {MAX_AFTER}")
    for run in message.after:
        if len(run.run_id) != RUN_ID_BYTES or run.run_id == message.run_id or run.last_sequence > MAX_INT64:
            raise RejectedError(RejectReason.BAD_VALUE, f"earlier run that ended at {run.last_sequence}")


def _check_block(block: pb.Block) -> None:
    channel, count, dt_ns, rate_hz = block.channel, block.count, block.dt_ns, block.rate_hz  # each access is a call
    if len(channel) > MAX_TEXT or not _is_known_name(channel):
        raise RejectedError(RejectReason.BAD_NAME, f"channel {channel[:64]!r}")
    where = f"channel {channel!r}"
    if not 1 <= count <= body.MAX_SAMPLES_PER_BLOCK:
        raise RejectedError(RejectReason.COUNT_MISMATCH, f"{where}: {count} samples")
    if not 0 <= block.type < len(SAMPLE_DTYPES):
        raise RejectedError(RejectReason.BAD_VALUE, f"{where}: sample type {block.type}")
    if not all(map(math.isfinite, (rate_hz, block.scale, block.offset))) or rate_hz < 0:
        raise RejectedError(RejectReason.BAD_VALUE, f"{where}: rate, scale or offset is not a finite number")
    if len(block.calibration_id) > MAX_TEXT:
        raise RejectedError(RejectReason.TOO_LARGE, f"{where}: calibration id longer than {MAX_TEXT}")
    if dt_ns and len(dt_ns) != count:
        raise RejectedError(RejectReason.COUNT_MISMATCH, f"{where}: {len(dt_ns)} times, {count} samples")
    if not dt_ns and rate_hz == 0 and count > 1:
        raise RejectedError(RejectReason.BAD_VALUE, f"{where}: neither a rate nor times for {count} samples")
    if block.flags:
        _check_flags(block, where)
    _check_times(block, where)


@lru_cache(maxsize=2 * MAX_BLOCKS)
def _is_known_name(channel: str) -> bool:
    """`is_name`; a gateway sends the same names again and again."""
    return is_name(channel)


def _check_flags(block: pb.Block, where: str) -> None:
    if len(block.flags) > MAX_FLAG_SPANS:
        raise RejectedError(RejectReason.TOO_LARGE, f"{where}: {len(block.flags)} flag spans, at most {MAX_FLAG_SPANS}")
    for span in block.flags:
        if span.count < 1 or span.start + span.count > block.count or span.flag > 15:
            raise RejectedError(RejectReason.COUNT_MISMATCH, f"{where}: flags for samples beyond the block")


def _check_times(block: pb.Block, where: str) -> None:
    # Python integers: a hostile sum cannot wrap around. A float may be infinite: compared, never converted.
    span_ns: float = 0
    if block.dt_ns:
        at = 0
        for step in block.dt_ns:
            at += step
            span_ns = max(span_ns, abs(at))
    elif block.count > 1:
        span_ns = (block.count - 1) * (NS_PER_S / block.rate_hz)
    if abs(block.t0_ns) + span_ns > MAX_INT64:
        raise RejectedError(RejectReason.BAD_VALUE, f"{where}: times beyond the range of 64-bit nanoseconds")


def _decode_blocks(message: pb.Frame) -> tuple[list[Block], list[BadBlock]]:
    """The good blocks and the bad ones, each in their order; blocks of one type and size are restored together."""
    bad: list[BadBlock] = []
    alike: dict[tuple[int, int], list[tuple[int, bytes, bytes]]] = {}
    for index, block in enumerate(message.blocks):
        packed = block.body  # a copy each time it is asked for
        try:
            unpacked = body.unpack(packed, SAMPLE_DTYPES[block.type], block.count)
        except RejectedError as error:
            bad.append(BadBlock(block.channel, block.count, error))
        else:
            alike.setdefault((block.type, block.count), []).append((index, packed, unpacked))
    good: dict[int, Block] = {}
    for (kind, count), members in alike.items():
        rows = body.restore([unpacked for _, _, unpacked in members], SAMPLE_DTYPES[kind], count)
        for (index, packed, _), samples in zip(members, rows, strict=True):
            try:
                good[index] = _block(message.blocks[index], packed, samples)
            except RejectedError as error:
                bad.append(BadBlock(message.blocks[index].channel, count, error))
    return [good[index] for index in sorted(good)], bad


def _block(message: pb.Block, packed: bytes, samples: SampleArray) -> Block:
    flags = _flags(message) if message.flags else ()
    if samples.dtype.kind == "f":
        _check_floats(samples, flags, message.channel)
    return Block(
        channel=message.channel,
        t0_ns=message.t0_ns,
        rate_hz=message.rate_hz,
        samples=samples,
        scale=message.scale,
        offset=message.offset,
        calibration_id=message.calibration_id,
        flags=flags,
        dt_ns=np.cumsum(np.array(message.dt_ns, dtype=np.int64)) if message.dt_ns else None,
        body=packed,
    )


def _flags(message: pb.Block) -> tuple[FlagSpan, ...]:
    return tuple(FlagSpan(span.start, span.count, Flag(span.flag)) for span in message.flags)


def _check_floats(samples: SampleArray, flags: tuple[FlagSpan, ...], channel: str) -> None:
    """NaN policy: infinities never; a NaN only where the sample is flagged missing."""
    if np.isinf(samples).any():
        raise RejectedError(RejectReason.BAD_VALUE, f"channel {channel!r}: infinite sample")
    bad = np.isnan(samples)
    for span in flags:
        if span.flag & Flag.MISSING:
            bad[span.start : span.start + span.count] = False
    if bad.any():
        raise RejectedError(RejectReason.BAD_VALUE, f"channel {channel!r}: NaN that is not flagged missing")

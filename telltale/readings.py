"""Blocks and frames: what a gateway acquires and sends.

A *block* is a run of samples of one channel. A *frame* is what crosses the wire and is stored and acknowledged as
one: the blocks of many channels that were committed together, identified by (gateway, run id, sequence).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telltale.clock import NS_PER_S

SampleArray = NDArray[Any]  # int16, int32, float32 or float64, one dimension
SAMPLE_DTYPES = ("int16", "int32", "float32", "float64")


class Flag(IntFlag):
    """What is known about a sample beside its value. Bits, so that several can hold."""

    GOOD = 0
    MISSING = 1  # the source had no value: the sample is NaN (float) or 0 (counts) and must not be used
    CLIPPED = 2  # at the end of the converter's range
    SUSPECT = 4  # the source itself doubts the value (its own status word, a spike filter)
    RESTAMPED = 8  # taken before the first time sync, time corrected since


class ClockQuality(IntEnum):
    """How far the gateway's clock can be trusted when the frame was made."""

    UNKNOWN = 0
    FREE_RUNNING = 1
    SYNCHRONISED = 2


@dataclass(frozen=True, slots=True)
class FlagSpan:
    """Samples `start` up to (not including) `start + count` carry `flag`."""

    start: int
    count: int
    flag: Flag


@dataclass(frozen=True, slots=True)
class Block:
    """A run of samples of one channel.

    Attributes:
        channel: channel id.
        t0_ns: UTC of the first sample, ns since 1970-01-01.
        rate_hz: samples a second; 0 where `dt_ns` gives the times.
        samples: shape (n,), counts (int16/int32) or values (float32/float64) as the source gave them.
        scale, offset: engineering value = samples · scale + offset, in the channel's unit.
        calibration_id: which calibration the scale and offset come from; empty where none is known.
        flags: spans of samples that are not plainly good.
        dt_ns: shape (n,), time of each sample after `t0_ns` where sampling is irregular; else None.
        body: `samples` as they crossed the wire (`telltale.wire.body`), where they did; else empty.
    """

    channel: str
    t0_ns: int
    rate_hz: float
    samples: SampleArray
    scale: float = 1.0
    offset: float = 0.0
    calibration_id: str = ""
    flags: tuple[FlagSpan, ...] = ()
    dt_ns: NDArray[np.int64] | None = None
    body: bytes = field(default=b"", repr=False, compare=False)

    def __len__(self) -> int:
        return int(self.samples.size)

    def times_ns(self) -> NDArray[np.int64]:
        """UTC of each sample, shape (n,), ns. Regular samples are rounded one by one, so no error builds up."""
        if self.dt_ns is not None:
            return self.t0_ns + self.dt_ns
        if len(self) == 1:
            return np.array([self.t0_ns], dtype=np.int64)
        steps = np.arange(len(self), dtype=np.float64) * (NS_PER_S / self.rate_hz)
        return self.t0_ns + np.rint(steps).astype(np.int64)

    def values(self) -> NDArray[np.float64]:
        """Engineering values, shape (n,), in the channel's unit; NaN where a sample is missing."""
        values: NDArray[np.float64] = self.samples.astype(np.float64)
        values *= self.scale
        values += self.offset
        for span in self.flags:
            if span.flag & Flag.MISSING:
                values[span.start : span.start + span.count] = np.nan
        return values

    def flag_array(self) -> NDArray[np.uint8]:
        """The flags of each sample as bits, shape (n,)."""
        bits = np.zeros(len(self), dtype=np.uint8)
        for span in self.flags:
            bits[span.start : span.start + span.count] |= int(span.flag)
        return bits

    def end_ns(self) -> int:
        """UTC of the last sample, ns."""
        return int(self.times_ns()[-1]) if self.dt_ns is not None else self._regular_end_ns()

    def _regular_end_ns(self) -> int:
        if len(self) < 2:
            return self.t0_ns
        return self.t0_ns + round((len(self) - 1) * NS_PER_S / self.rate_hz)


@dataclass(frozen=True, slots=True)
class DropRecord:
    """Sequences `first` to `last` of this run were dropped at the edge, and why: counted, never silent."""

    first: int
    last: int
    reason: str


@dataclass(frozen=True, slots=True)
class RunEnd:
    """An earlier run of the gateway and the last sequence that it reached."""

    run_id: bytes
    last_sequence: int


@dataclass(frozen=True, slots=True)
class Frame:
    """Blocks that were committed together at the edge.

    Attributes:
        gateway: gateway id; equal to the one in the topic.
        run_id: 16 random bytes drawn at each agent start.
        sequence: 1, 2, 3, … within the run.
        acquired_ns: the agent's clock (UTC ns) when the frame was committed.
        monotonic_ns: the agent's monotonic time then, ns.
        clock_quality, clock_error_ns: how far `acquired_ns` can be trusted.
        blocks: the readings.
        drops: sequences that this run dropped since the last frame.
        after: earlier runs of which the gateway still held frames when it sealed this one, oldest first: what the
            service has not had of them comes before this frame in the order of acquisition.
    """

    gateway: str
    run_id: bytes
    sequence: int
    acquired_ns: int
    monotonic_ns: int = 0
    clock_quality: ClockQuality = ClockQuality.UNKNOWN
    clock_error_ns: int = 0
    blocks: tuple[Block, ...] = ()
    drops: tuple[DropRecord, ...] = field(default=())
    after: tuple[RunEnd, ...] = ()


def missing_spans(values: SampleArray) -> tuple[FlagSpan, ...]:
    """Spans flagged MISSING for the NaN runs in `values`, shape (n,)."""
    return spans_of(np.isnan(values), Flag.MISSING)


def spans_of(mask: NDArray[np.bool_], flag: Flag) -> tuple[FlagSpan, ...]:
    """Spans carrying `flag` where `mask` (shape (n,)) is true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return tuple(
        FlagSpan(int(start), int(stop - start), flag) for start, stop in zip(edges[::2], edges[1::2], strict=True)
    )

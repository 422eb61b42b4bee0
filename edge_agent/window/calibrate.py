"""Calibration: a chunk of a source becomes a block of a channel.

A linear calibration travels as scale and offset beside the untouched counts, so that a wrong one can be corrected
years later. Only a polynomial is applied here, as float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from telltale.errors import UserError
from telltale.readings import SAMPLE_DTYPES, Block, Flag, FlagSpan, SampleArray, spans_of
from telltale.settings import Settings
from telltale.source import Chunk
from telltale.wire.codec import MAX_TEXT


class Calibration(Settings, frozen=True):
    """How samples become engineering values: `samples · scale + offset`, or a polynomial.

    Attributes:
        id: names the calibration; travels with every block.
        date: of the calibration certificate.
        scale, offset: in the channel's unit a count, and in the channel's unit.
        polynomial: c0, c1, c2, … of c0 + c1·x + c2·x² + …; instead of scale and offset.
    """

    id: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
    date: date | None = None
    scale: float = 1.0
    offset: float = 0.0
    polynomial: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.polynomial and (self.scale, self.offset) != (1.0, 0.0):
            raise ValueError("both a polynomial and scale or offset: give one of them")
        if not np.isfinite((self.scale, self.offset, *self.polynomial)).all():
            raise ValueError("a coefficient is not a finite number")


MAX_T_NS = 1 << 62
UNCALIBRATED = Calibration(id="")


def calibrate(chunk: Chunk, channel: str, calibration: Calibration) -> Block:
    """The block of `channel` for `chunk`.

    Raises:
        UserError: the chunk breaks the source contract (sample type, times, an unflagged NaN is flagged instead).
    """
    samples, flags = _storable(chunk)
    if calibration.polynomial:
        samples = _polynomial(samples.astype(np.float64), calibration.polynomial)
    return Block(
        channel=channel,
        t0_ns=int(chunk.t0_ns),
        rate_hz=0.0 if chunk.dt_ns is not None else float(chunk.rate_hz),
        samples=samples,
        scale=1.0 if calibration.polynomial else calibration.scale,
        offset=0.0 if calibration.polynomial else calibration.offset,
        calibration_id=calibration.id,
        flags=flags,
        dt_ns=chunk.dt_ns,
    )


def _polynomial(x: NDArray[np.float64], coefficients: Sequence[float]) -> NDArray[np.float64]:
    """c0 + c1·x + c2·x² + … by Horner's rule; here because `numpy.polynomial` would cost the gateway memory."""
    value = np.zeros_like(x)
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value


def _storable(chunk: Chunk) -> tuple[SampleArray, tuple[FlagSpan, ...]]:
    """Samples that the service will not refuse: a known type; what is not finite is NaN and flagged missing."""
    samples = np.ascontiguousarray(chunk.samples).reshape(-1)
    if samples.dtype.name not in SAMPLE_DTYPES:
        raise UserError(f"input {chunk.input!r}: samples are {samples.dtype.name}", f"expected {SAMPLE_DTYPES}")
    if not 0 <= chunk.rate_hz < np.inf or abs(int(chunk.t0_ns)) > MAX_T_NS:
        raise UserError(f"input {chunk.input!r}: {chunk.t0_ns} ns at {chunk.rate_hz} Hz is no time and rate")
    if chunk.dt_ns is None and chunk.rate_hz == 0 and samples.size > 1:
        raise UserError(f"input {chunk.input!r}: {samples.size} samples with neither rate nor times")
    if chunk.dt_ns is not None and chunk.dt_ns.size != samples.size:
        raise UserError(f"input {chunk.input!r}: {chunk.dt_ns.size} times for {samples.size} samples")
    if samples.dtype.kind != "f":
        return samples, chunk.flags
    bad = ~np.isfinite(samples)
    if not bad.any():
        return samples, chunk.flags
    unflagged = bad.copy()
    for span in chunk.flags:
        if span.flag & Flag.MISSING:
            unflagged[span.start : span.start + span.count] = False
    clean = np.where(bad, np.asarray(np.nan, samples.dtype), samples)
    return clean, (*chunk.flags, *spans_of(unflagged, Flag.MISSING))

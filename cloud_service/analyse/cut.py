"""Blocks → pieces: base units, flags as bits, waveforms cut into windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.piece import Piece
from telltale.clock import NS_PER_S
from telltale.readings import Block, Flag
from telltale.site import Place

USELESS = int(Flag.MISSING)


def cut(frame: int, place: Place, block: Block) -> Iterator[Piece]:
    """The pieces of one block: one for scalars; for waveforms one of whole windows and one of the rest, if any.

    A gateway sends whole windows; the rest at the end of a recording is a window of its own length, so that every
    sample is in exactly one window.
    """
    values = block.values()
    values *= place.channel.to_base_unit
    if not place.channel.is_waveform:
        flags = block.flag_array()
        flags[np.isnan(values)] |= USELESS
        yield Piece(place, frame, block.times_ns(), values, flags)
        return
    samples = _Samples(place, frame, block, values.astype(np.float32), _rate_hz(block, place))
    length = place.channel.window_samples
    whole = len(block) - len(block) % length
    if whole:
        yield _windows(samples, slice(0, whole), length)
    if whole < len(block):
        yield _windows(samples, slice(whole, len(block)), len(block) - whole)


@dataclass(frozen=True, slots=True)
class _Samples:
    """A waveform block in the base unit."""

    place: Place
    frame: int
    block: Block
    values: NDArray[np.float32]
    rate_hz: float


def _windows(samples: _Samples, span: slice, size: int) -> Piece:
    """The piece of those windows of `size` that lie in `span`; the transform gives them values and features."""
    windows = samples.values[span].reshape(-1, size)
    count = len(windows)
    flags, flagged, unknown = _calm(count)
    blocks = [_as_it_came(samples.block) if size == len(samples.block) else None] * count
    if samples.block.flags:
        bits = samples.block.flag_array()[span].reshape(-1, size)
        flags, flagged = np.bitwise_or.reduce(bits, axis=1), np.count_nonzero(bits, axis=1)
    starts_ns = _starts_ns(samples.block, span, size, samples.rate_hz)
    return Piece(samples.place, samples.frame, starts_ns, unknown, flags, samples.rate_hz, windows, flagged, blocks)


@lru_cache(maxsize=8)
def _calm(count: int) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float64]]:
    """Flags, flagged samples and values (before the transform) of windows that are plainly good: shared, read only."""
    shared = np.zeros(count, dtype=np.uint8), np.zeros(count, dtype=np.int64), np.zeros(count)
    for column in shared:
        column.setflags(write=False)
    return shared


def _as_it_came(block: Block) -> Block | None:
    """The block, if its samples are counts and none is missing."""
    if block.samples.dtype.kind != "i":
        return None
    return None if block.flags and any(span.flag & Flag.MISSING for span in block.flags) else block


def _starts_ns(block: Block, span: slice, size: int, rate_hz: float) -> NDArray[np.int64]:
    if span.stop == size:  # by far the most frequent: one window a block
        return np.array([block.t0_ns], dtype=np.int64)
    return block.t0_ns + np.rint(np.arange(span.start, span.stop, size) * (NS_PER_S / rate_hz)).astype(np.int64)


def _rate_hz(block: Block, place: Place) -> float:
    """The block's rate; for a waveform that came with single times, the mean rate that they tell."""
    if block.rate_hz > 0:
        return block.rate_hz
    if block.dt_ns is None or len(block) < 2 or block.dt_ns[-1] <= block.dt_ns[0]:
        return place.channel.rate_hz
    return float((len(block) - 1) * NS_PER_S / int(block.dt_ns[-1] - block.dt_ns[0]))

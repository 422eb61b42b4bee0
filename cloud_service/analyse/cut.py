"""Blocks → pieces: base units, flags as bits, waveforms cut into windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

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
    flags = block.flag_array()
    if not place.channel.is_waveform:
        flags[np.isnan(values)] |= USELESS
        yield Piece(place, frame, block.times_ns(), values, flags)
        return
    length = place.channel.window_samples
    whole = len(block) - len(block) % length
    rate_hz = _rate_hz(block, place)
    for span, size in ((slice(0, whole), length), (slice(whole, len(block)), len(block) - whole)):
        if span.stop > span.start:
            starts_ns = _starts_ns(block, span, size, rate_hz)
            yield _windows(Piece(place, frame, starts_ns, values[span], flags[span], rate_hz), size)


def _starts_ns(block: Block, span: slice, size: int, rate_hz: float) -> NDArray[np.int64]:
    return block.t0_ns + np.rint(np.arange(span.start, span.stop, size) * (NS_PER_S / rate_hz)).astype(np.int64)


def _windows(samples: Piece, size: int) -> Piece:
    """A piece whose values and flags are those of the samples → one whose rows are windows of `size`."""
    flags = samples.flags.reshape(-1, size)
    features = {
        "samples": np.full(len(flags), float(size)),
        "flagged": (flags != 0).sum(axis=1).astype(np.float64),
    }
    return replace(
        samples,
        values=np.full(len(flags), np.nan),
        flags=np.bitwise_or.reduce(flags, axis=1),
        windows=samples.values.astype(np.float32).reshape(-1, size),
        features=features,
    )


def _rate_hz(block: Block, place: Place) -> float:
    """The block's rate; for a waveform that came with single times, the mean rate that they tell."""
    if block.rate_hz > 0:
        return block.rate_hz
    if block.dt_ns is None or len(block) < 2 or block.dt_ns[-1] <= block.dt_ns[0]:
        return place.channel.rate_hz
    return float((len(block) - 1) * NS_PER_S / int(block.dt_ns[-1] - block.dt_ns[0]))

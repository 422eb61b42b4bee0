"""Cutting blocks into pieces and joining them, sample for sample and flag for flag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from telltale.clock import NS_PER_S
from telltale.readings import Block, FlagSpan
from telltale.wire.body import MAX_SAMPLES_PER_BLOCK
from telltale.wire.codec import MAX_FLAG_SPANS


def sample_ns(block: Block, index: int) -> int:
    """UTC of sample `index`, ns; as `Block.times_ns` rounds it."""
    if block.dt_ns is not None:
        return block.t0_ns + int(block.dt_ns[index])
    return block.t0_ns + (round(index * NS_PER_S / block.rate_hz) if index else 0)


def cut(block: Block, start: int, stop: int) -> Block:
    """Samples `start` up to (not including) `stop`, with their times and flags."""
    if (start, stop) == (0, len(block)):
        return block
    t0_ns = sample_ns(block, start)
    return replace(
        block,
        t0_ns=t0_ns,
        samples=block.samples[start:stop],
        flags=tuple(_clip(block.flags, start, stop)),
        dt_ns=None if block.dt_ns is None else block.dt_ns[start:stop] + (block.t0_ns - t0_ns),
    )


def _clip(flags: Sequence[FlagSpan], start: int, stop: int) -> Iterator[FlagSpan]:
    for span in flags:
        first, last = max(span.start, start), min(span.start + span.count, stop)
        if first < last:
            yield FlagSpan(first - start, last - first, span.flag)


def join(parts: Sequence[Block]) -> Block:
    """One block of parts that follow each other at their common rate; the first part's time counts."""
    if len(parts) == 1:
        return parts[0]
    return replace(parts[0], samples=np.concatenate([part.samples for part in parts]), flags=_shifted(parts))


def join_irregular(parts: Sequence[Block]) -> Block:
    """One block of parts with a time for each sample; parts may lie anywhere in time."""
    if len(parts) == 1:
        return parts[0]
    t0_ns = parts[0].t0_ns
    return replace(
        parts[0],
        rate_hz=0.0,
        samples=np.concatenate([part.samples for part in parts]),
        flags=_shifted(parts),
        dt_ns=np.concatenate([part.times_ns() for part in parts]) - t0_ns,
    )


def _shifted(parts: Sequence[Block]) -> tuple[FlagSpan, ...]:
    spans, before = [], 0
    for part in parts:
        spans += [FlagSpan(span.start + before, span.count, span.flag) for span in part.flags]
        before += len(part)
    return tuple(spans)


def within_limits(block: Block, max_samples: int = MAX_SAMPLES_PER_BLOCK) -> Iterator[Block]:
    """The block in pieces that the wire allows: bounded samples, bounded flag spans."""
    if len(block) == 0:
        return
    if len(block) <= max_samples and len(block.flags) <= MAX_FLAG_SPANS:
        yield block
        return
    middle = min(max_samples, (len(block) + 1) // 2)
    if middle == len(block):  # one sample under more spans than the wire takes: the spans repeat each other
        yield replace(block, flags=tuple(set(block.flags)))
        return
    yield from within_limits(cut(block, 0, middle), max_samples)
    yield from within_limits(cut(block, middle, len(block)), max_samples)

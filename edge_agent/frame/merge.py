"""Scalar readings of one channel in one frame become one block: one body instead of hundreds of one sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge_agent.window.slicing import join_irregular
from telltale.readings import Block


def merge_scalars(blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks, those of one channel, calibration and sample type joined; in order of first appearance."""
    groups: dict[tuple[object, ...], list[Block]] = {}
    for block in blocks:
        key = (block.channel, block.samples.dtype.name, block.scale, block.offset, block.calibration_id)
        groups.setdefault(key, []).append(block)
    return map(join_irregular, groups.values())

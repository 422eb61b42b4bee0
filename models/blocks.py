"""Windows averaged into blocks, of half an hour where they are continuous: a row a block, whatever the batches were."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BLOCK_NS = 1_800_000_000_000


class Pending(msgspec.Struct):
    """The block that is still open.

    Attributes:
        block: its number since 1970.
        last_ns: its newest row.
        total, count: (columns,) sum and number of finite values.
    """

    block: int
    last_ns: int
    total: Array
    count: Array


def no_block(columns: int) -> Pending:
    """Before any row."""
    return Pending(-(2**62), -(2**62), np.zeros(columns), np.zeros(columns))


def fold(pending: Pending, t_ns: NDArray[np.int64], values: Array) -> tuple[NDArray[np.int64], Array]:
    """Take rows in (`pending` is changed) and return the half-hour blocks that they closed.

    Args:
        pending: the open block.
        t_ns: (k,) ascending, after the newest row so far.
        values: (k, columns), NaN where absent.

    Returns:
        time of each closed block's newest row (n,), and means of its finite values (n, columns), NaN without any.
    """
    closed_ns, means, _ = fold_counted(pending, t_ns, values, BLOCK_NS)
    return closed_ns, means


def fold_counted(
    pending: Pending, t_ns: NDArray[np.int64], values: Array, block_ns: int
) -> tuple[NDArray[np.int64], Array, Array]:
    """As `fold`, for blocks of `block_ns`; also how many finite values each mean is of (n, columns)."""
    closed_ns: list[int] = []
    means: list[Array] = []
    counts: list[Array] = []
    number = t_ns // block_ns
    for block in np.unique(number):
        rows = number == block
        if block != pending.block:
            if pending.count.any():
                closed_ns.append(pending.last_ns)
                means.append(_mean(pending))
                counts.append(pending.count)
            pending.block = int(block)
            pending.total = np.zeros_like(pending.total)
            pending.count = np.zeros_like(pending.count)
        finite = np.isfinite(values[rows])
        # Accumulated, which adds one by one: the sum must not depend on where batches are cut.
        added = np.concatenate([pending.total[None], np.where(finite, values[rows], 0.0)])
        pending.total = np.add.accumulate(added, axis=0)[-1].copy()
        pending.count += np.count_nonzero(finite, axis=0)
        pending.last_ns = int(t_ns[rows][-1])
    shape = (-1, pending.total.size)
    return np.array(closed_ns, dtype=np.int64), np.array(means).reshape(shape), np.array(counts).reshape(shape)


def _mean(pending: Pending) -> Array:
    mean: Array = np.where(pending.count > 0, pending.total / np.maximum(pending.count, 1), np.nan)
    return mean

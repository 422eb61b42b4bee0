"""The samples of a window as the columns of measurement `waveform`, and back.

Counts stay as the gateway packed them: a third of the size of values, and nothing to compress again.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from telltale.errors import RejectedError, RejectReason
from telltale.readings import SAMPLE_DTYPES, Block
from telltale.wire import body

FIELDS = ("samples", "rate_hz", "body", "dtype", "scale", "offset")

Packed = tuple[str, float, float, bytes]
"""dtype, scale, offset, body: value in the base unit = sample · scale + offset."""


_NAMES = {np.dtype(name): name for name in SAMPLE_DTYPES}  # to ask a type for its name takes longer than all the rest


def pack(window: NDArray[np.float32], block: Block | None, to_base_unit: float) -> Packed:
    """Pack samples (n,) in the base unit.

    Args:
        window: the samples.
        block: where the window is exactly one block of counts, none of them missing, that block; else None.
        to_base_unit: from the block's unit.
    """
    # A body longer than bare samples is no good packing of them; who knows what is in it.
    if block is not None and 0 < len(block.body) <= window.nbytes:
        scale, offset = block.scale * to_base_unit, block.offset * to_base_unit
        if math.isfinite(scale) and math.isfinite(offset):
            return _NAMES[block.samples.dtype], scale, offset, block.body
    return "float32", 1.0, 0.0, body.encode(window)


def unpack(packed: bytes, count: int, dtype: str | None, scale: float, offset: float) -> NDArray[np.float64]:
    """Samples (count,) in the base unit. Rows of older versions have no dtype: float32 in the base unit.

    Raises:
        RejectedError: not such a row.
    """
    if dtype is None:
        dtype, scale, offset = "float32", 1.0, 0.0
    if dtype not in SAMPLE_DTYPES:
        raise RejectedError(RejectReason.BAD_VALUE, f"waveform.dtype: {dtype!r:.64}")
    return np.asarray(body.decode(packed, dtype, count).astype(np.float64) * scale + offset)

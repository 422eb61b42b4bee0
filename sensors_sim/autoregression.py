"""What remembers: first-order autoregressions on an even grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def autoregression(rng: np.random.Generator, count: int, memory: float) -> Floats:
    """A path (count,) of unit standard deviation whose correlation falls to 1/e after `memory` samples."""
    keep = float(np.exp(-1 / memory))
    shocks = rng.standard_normal(count)
    shocks[1:] *= np.sqrt(1 - keep**2) / (1 - keep)
    return lagged(shocks, keep)


def lagged(values: Floats, keep: float) -> Floats:
    """First-order lag y ← keep·y + (1 - keep)·x of values (n,), from the first value on."""
    out, state = np.empty(values.size), float(values[0])
    for index, value in enumerate(values.tolist()):
        state = keep * state + (1 - keep) * value
        out[index] = state
    return out

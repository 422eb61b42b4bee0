"""A path that wanders and comes back: what weather, water levels and moisture do to a structure."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def wander(count: int, deviation: float, memory: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """First-order autoregression of zero mean, shape (count,): its standard deviation, and its memory in steps."""
    keep = math.exp(-1.0 / memory)
    shocks = deviation * generator.standard_normal(count)
    shocks[1:] *= math.sqrt(1.0 - keep**2)
    state = 0.0
    path = np.empty(count)
    for index, shock in enumerate(shocks.tolist()):
        state = keep * state + shock
        path[index] = state
    return path

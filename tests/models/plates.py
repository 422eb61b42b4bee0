"""Cracks in plates that grow by Paris' law with a rate that wanders: seeded, for tests of steel cracks."""

from __future__ import annotations

import numpy as np

from models.crack_fleet import History
from models.stress_intensity import Loaded

PLATE = Loaded(48.28, 1.0, 152.4)
LENGTHS_MM = np.geomspace(9.0, 50.0, 200)


def plate(seed: int, *, log_c_sd: float = 0.1, walk: float = 0.05, scatter: float = 0.15) -> History:
    """One plate; C = 5e-12 in N/mm^1.5 and mm/cycle, m = 2.9."""
    rng = np.random.default_rng(seed)
    middle = np.sqrt(LENGTHS_MM[1:] * LENGTHS_MM[:-1])
    steps = np.diff(np.log(LENGTHS_MM))
    level = np.cumsum(rng.normal(0, np.sqrt(walk * steps))) + rng.normal(0, log_c_sd)
    rate = 5e-12 * PLATE.range_at(middle) ** 2.9 * np.exp(level + rng.normal(0, scatter, middle.size))
    return History(LENGTHS_MM, np.concatenate(([0.0], np.cumsum(np.diff(LENGTHS_MM) / rate))))


def until(whole: History, index: int) -> History:
    return History(whole.length_mm[: index + 1], whole.cycles[: index + 1])

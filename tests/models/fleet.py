"""A fleet of assets that wear out exponentially, seen through noisy indicators."""

from __future__ import annotations

import numpy as np

from models.remaining_life_training import Histories

LEVEL = np.array([640.0, 1590.0, -3.0, 47.0])
PER_WEAR = np.array([1.0, 12.0, -0.4, 0.6])


def fleet(seed: int, assets: int = 16, *, shortest: int = 60, longest: int = 110, regimes: int = 1) -> Histories:
    """Rows of `assets` that run to failure, four indicators; with regimes, indicators shift and stretch with them."""
    rng = np.random.default_rng(seed)
    parts = [_asset(rng, number, int(rng.integers(shortest, longest)), regimes) for number in range(assets)]
    return Histories(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _asset(rng: np.random.Generator, number: int, rows: int, regimes: int):
    age = np.arange(1, rows + 1, dtype=float)
    wear = rng.normal(0, 0.05) + np.exp((age - rows) / (0.2 * rows))
    regime = rng.integers(0, regimes, rows)
    values = LEVEL + PER_WEAR * (wear[:, None] + 0.15 * rng.standard_normal((rows, LEVEL.size)))
    values = values * (1 + regime[:, None]) + 50.0 * regime[:, None]
    conditions = (10.0 * regime + 0.01 * rng.standard_normal(rows))[:, None]
    return np.full(rows, number), age, rows - age, values, conditions[:, : 0 if regimes == 1 else 1]

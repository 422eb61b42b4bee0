"""Intervals from the errors that a method made on assets it had not seen, near the value that it predicts now.

Split-conformal prediction localised by a kernel (Guan 2023, "Localized conformal prediction", Biometrika 110(1)), with
every asset weighing the same, however many rows it has: rows of one asset are no independent evidence.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GRID = 65


class Errors(msgspec.Struct, frozen=True):
    """Quantiles of truth minus prediction, by prediction.

    Attributes:
        at: (g,) predictions, ascending.
        quantiles: (g, q) of the errors there, ascending along q.
    """

    at: Floats
    quantiles: Floats

    def around(self, predicted: Floats) -> Floats:
        """(n, q) quantiles of the truth for predictions (n,), ascending; linear between grid points."""
        columns = [predicted + np.interp(predicted, self.at, column) for column in self.quantiles.T]
        return np.maximum.accumulate(np.stack(columns, axis=1), axis=1)


def learn(predicted: Floats, truth: Floats, asset: NDArray[np.int64], levels: Floats, width: float) -> Errors:
    """Errors by prediction, for `levels` (q,).

    Args:
        predicted: (n,) of assets that the method had not seen.
        truth: (n,) what came true.
        asset: (n,) whose row it was.
        levels: ascending, in (0, 1).
        width: standard deviation of the Gaussian kernel over predictions.
    """
    at = np.linspace(predicted.min(), predicted.max(), GRID)
    _, index, rows = np.unique(asset, return_inverse=True, return_counts=True)
    errors = truth - predicted
    order = np.argsort(errors)
    closeness = np.exp(-0.5 * ((predicted[order] - at[:, None]) / width) ** 2) / rows[index[order]]
    outer = _outer(levels, closeness, index[order])
    ranks = np.cumsum(closeness, axis=1) / closeness.sum(axis=1)[:, None]
    quantiles = [np.interp(outer[row], ranks[row], errors[order]) for row in range(GRID)]
    return Errors(at, np.stack(quantiles))


def _outer(levels: Floats, closeness: Floats, index: NDArray[np.int64]) -> Floats:
    """(g, q) levels moved outwards from the median by (k + 1) / k, at most to all: k assets bound the next one.

    k is the effective number of assets, (Σw)² / Σw² over the assets' total weights at each grid point (Kish 1965).
    """
    weights = np.stack([np.bincount(index, weights=row) for row in closeness])
    assets = weights.sum(axis=1) ** 2 / (weights**2).sum(axis=1)
    outer: Floats = np.clip(0.5 + (levels - 0.5) * (1 + 1 / assets)[:, None], 0.0, 1.0)
    return outer

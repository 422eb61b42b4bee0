"""Exponential averages of rows (regressors and features) over several time scales.

Averaging regressors beside features, not residuals, keeps the averages valid when the regression is renewed, and gives
the model's own uncertainty exactly: a wrong coefficient does not average out, and the averaged regressors say how much
of it is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.environment import COLUMNS, Fit

Array = NDArray[np.float64]

SCALES_H = (6.0, 48.0, 240.0)
_BLIND, _WEIGHT = COLUMNS, COLUMNS + 1


class Averages(msgspec.Struct):
    """Running averages; `rows` carries the regressors, the share of unknown temperatures and the weight so far.

    Attributes:
        rows: (scales, groups, COLUMNS + 2).
        features: (scales, features).
    """

    rows: Array
    features: Array


@dataclass(frozen=True)
class Inputs:
    """k rows as the regression sees them.

    Attributes:
        x: (k, COLUMNS) regressors, finite.
        y: (k, features), read where the feature's group is present.
        blind: (k,) temperature unknown.
        present: (k, groups).
    """

    x: Array
    y: Array
    blind: NDArray[np.bool_]
    present: NDArray[np.bool_]


@dataclass(frozen=True)
class Residuals:
    """Averaged residuals, k rows.

    Attributes:
        natural: (k, scales, features) in the feature's own unit; NaN before its first row.
        standard: the same over the residual deviation.
        model: (k, scales, features) variance of `standard` that the model's own uncertainty contributes.
        weight: (k, scales, features) share of the time scale that data has filled, 0 … 1.
    """

    natural: Array
    standard: Array
    model: Array
    weight: Array


def empty_averages(groups: int, features: int) -> Averages:
    """Averages of nothing."""
    scales = len(SCALES_H)
    return Averages(np.zeros((scales, groups, COLUMNS + 2)), np.zeros((scales, features)))


def forgetting(step_h: Array | float) -> Array:
    """Weight of a new row after `step_h` hours (k,) or scalar, per scale: 1 − exp(−Δt/τ), shape (…, scales)."""
    return np.asarray(-np.expm1(-np.asarray(step_h, dtype=np.float64)[..., None] / np.array(SCALES_H)))


def follow(averages: Averages, rows: Inputs, group: NDArray[np.int64], step_h: Array) -> tuple[Array, Array]:
    """Pass k rows through the averages, in place.

    Args:
        averages: changed.
        rows: what to average; a group that is absent from a row keeps its average.
        group: (features,) the group of each feature.
        step_h: (k,) hours since the row before.

    Returns:
        the averages after each row: (k, scales, groups, COLUMNS + 2) and (k, scales, features).
    """
    count = len(rows.x)
    gain = forgetting(step_h)[:, :, None] * rows.present[:, None, :]
    feature_gain = gain[:, :, group]
    inputs = np.concatenate([rows.x, rows.blind[:, None], np.ones((count, 1))], axis=1)
    value = np.where(rows.present[:, group], rows.y, 0.0)
    kept = np.empty((count, *averages.rows.shape))
    features = np.empty((count, *averages.features.shape))
    for i in range(count):
        averages.rows += gain[i, :, :, None] * (inputs[i] - averages.rows)
        averages.features += feature_gain[i] * (value[i] - averages.features)
        kept[i], features[i] = averages.rows, averages.features
    return kept, features


def residuals(rows: Array, features: Array, fit: Fit, group: NDArray[np.int64]) -> Residuals:
    """What the regression leaves of averages that `follow` gave.

    The model's variance is x̄ᵀ A⁻¹ x̄ (leverage of the averaged regressors) plus, for the share of rows whose
    temperature was unknown, the whole variance that temperature explains.
    """
    weight = rows[..., _WEIGHT][..., group]
    safe = np.where(weight > 0, weight, np.nan)
    mean = rows[..., :COLUMNS] / np.where(rows[..., _WEIGHT] > 0, rows[..., _WEIGHT], np.nan)[..., None]
    share = (rows[..., _BLIND][..., group]) / safe
    expected = np.einsum("ksfi,fi->ksf", mean[..., group, :], fit.coefficients)
    natural = features / safe - expected
    leverage = np.einsum("ksgi,ksgi->ksg", (mean[..., None, :] @ fit.inverse)[..., 0, :], mean)
    return Residuals(
        natural, natural / fit.deviation, leverage[..., group] + share**2 * fit.blind, np.nan_to_num(weight)
    )

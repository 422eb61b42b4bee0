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

from models.environment import COLUMNS

Array = NDArray[np.float64]

SCALES_H = (6.0, 48.0, 240.0)
BLIND, WEIGHT = COLUMNS, COLUMNS + 1  # columns of `Averages.rows` behind the regressors


class Averages(msgspec.Struct):
    """Running averages; `rows` carries the regressors, the share of unknown temperatures and the weight so far.

    Attributes:
        rows: (scales, groups, COLUMNS + 2).
        features: (scales, features).
    """

    rows: Array
    features: Array


@dataclass(frozen=True, slots=True)
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


def empty_averages(groups: int, features: int) -> Averages:
    """Averages of nothing."""
    scales = len(SCALES_H)
    return Averages(np.zeros((scales, groups, COLUMNS + 2)), np.zeros((scales, features)))


def forgetting(step_h: Array | float) -> Array:
    """Weight of a new row after `step_h` hours (k,) or scalar, per scale: 1 − exp(−Δt/τ), shape (…, scales)."""
    return np.asarray(-np.expm1(-np.asarray(step_h, dtype=np.float64)[..., None] / np.array(SCALES_H)))


def running(start: Array, gain: Array, values: Array) -> Array:
    """Exponential averages of many channels after each of k rows.

    Args:
        start: (channels, …) averages before the first row.
        gain: (channels, k, …) weight of each row; 0 where it brings nothing.
        values: (channels, k, …) what to average, finite.

    Returns:
        (channels, k, …) averages after each row. Row by row and number by number: they depend neither on what is
        stacked nor on how rows are cut into batches.
    """
    current = start
    kept = np.empty((len(start), gain.shape[1], *start.shape[1:]))
    for row in range(kept.shape[1]):
        current = current + gain[:, row] * (values[:, row] - current)
        kept[:, row] = current
    return kept


def follow(averages: Averages, rows: Inputs, group: NDArray[np.int64], step_h: Array) -> None:
    """Pass k rows of one channel through its averages, in place.

    Args:
        averages: changed.
        rows: what to average; a group that is absent from a row keeps its average.
        group: (features,) the group of each feature.
        step_h: (k,) hours since the row before.
    """
    if not len(rows.x):
        return
    gain = forgetting(step_h)[:, :, None] * rows.present[:, None, :]
    value = np.where(rows.present[:, group], rows.y, 0.0)
    regressors = weighted(rows.x, rows.blind)
    averages.rows[...] = running(averages.rows[None], gain[None, ..., None], regressors[None, :, None, None])[0, -1]
    averages.features[...] = running(averages.features[None], gain[None, ..., group], value[None, :, None])[0, -1]


def weighted(x: Array, blind: NDArray[np.bool_]) -> Array:
    """What `Averages.rows` averages, (…, COLUMNS + 2): regressors, share of unknown temperatures, weight."""
    joined = np.ones((*x.shape[:-1], COLUMNS + 2))
    joined[..., :COLUMNS] = x
    joined[..., BLIND] = blind
    return joined

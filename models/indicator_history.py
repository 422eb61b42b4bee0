"""What a history of indicators says at each of its rows, causally: smoothed towards failure at several spans, and age.

Indicators are standardised within the operating condition they were measured in (Peel 2008, "Data driven prognostics
using a Kalman filter ensemble of neural network models", PHM), smoothed exponentially, and projected on few directions
that lead to failure. Differences between spans are the slopes. The memory is one small array, whatever the age.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Conditions(msgspec.Struct, frozen=True):
    """Operating conditions and what indicators look like in each.

    Attributes:
        centres: (k, c) of the regimes, in standard deviations of the condition columns.
        mean, sd: (c,) of those columns; c = 0 (and k = 1) where there is one regime.
        reach: a row farther from every centre than this lies outside the model's range.
        indicator_mean, indicator_sd: (k, p) of each indicator within each regime.
    """

    centres: Floats
    mean: Floats
    sd: Floats
    reach: float
    indicator_mean: Floats
    indicator_sd: Floats

    def regime(self, conditions: Floats) -> tuple[NDArray[np.int64], Floats]:
        """(n,) the nearest regime of each row of conditions (n, c), and its distance."""
        scaled = (conditions - self.mean) / self.sd
        apart = np.sqrt(((scaled[:, None, :] - self.centres) ** 2).sum(axis=2))
        nearest = apart.argmin(axis=1)
        return nearest, np.take_along_axis(apart, nearest[:, None], axis=1)[:, 0]

    def standardised(self, values: Floats, conditions: Floats) -> Floats:
        """(n, p) indicators in standard deviations from their mean in the regime of each row."""
        regime, _ = self.regime(conditions)
        scaled: Floats = (values - self.indicator_mean[regime]) / self.indicator_sd[regime]
        return scaled


class Memory(msgspec.Struct):
    """What is remembered of a history.

    Attributes:
        sums: (s, p) exponentially weighted sums of standardised indicators.
        rows: how many rows it has seen.
    """

    sums: Floats
    rows: int = 0


def empty_memory(spans: int, indicators: int) -> Memory:
    """Before the first row."""
    return Memory(np.zeros((spans, indicators)))


def remember(memory: Memory, standardised: Floats, spans: Floats) -> Floats:
    """Take one row (p,) into `memory`; returns the (s, p) exponential means, the first rows weighted alike.

    Args:
        memory: changed in place.
        standardised: one row.
        spans: (s,) in rows; a row's weight is 2 / (span + 1), as in pandas' `ewm(span, adjust=True)`.
    """
    gain = (2 / (spans + 1))[:, None]
    memory.sums += gain * (standardised - memory.sums)
    memory.rows += 1
    means: Floats = memory.sums / (1 - (1 - gain) ** memory.rows)
    return means


def smoothed(standardised: Floats, asset: NDArray[np.int64], spans: Floats) -> Floats:
    """(n, s, p) exponential means at each row; a new asset begins a new memory.

    Args:
        standardised: (n, p) rows, an asset's together and ascending in time.
        asset: (n,) whose row it is.
        spans: (s,).
    """
    means = np.empty((len(standardised), spans.size, standardised.shape[1]))
    memory = empty_memory(spans.size, standardised.shape[1])
    for row, values in enumerate(standardised):
        if row and asset[row] != asset[row - 1]:
            memory = empty_memory(spans.size, standardised.shape[1])
        means[row] = remember(memory, values, spans)
    return means


def features(means: Floats, directions: Floats, age: Floats) -> Floats:
    """(n, f) rows for the trees: projected means, their differences between neighbouring spans, and ln age.

    Args:
        means: (n, s, p) of `smoothed`.
        directions: (p, d) towards failure.
        age: (n,) > 0, since the asset was new.
    """
    level = means @ directions
    slope = level[:, :-1] - level[:, 1:]
    rows = len(means)
    return np.concatenate((level.reshape(rows, -1), slope.reshape(rows, -1), np.log(age)[:, None]), axis=1)


def feature_count(spans: int, directions: int) -> int:
    """Columns of `features`."""
    return (2 * spans - 1) * directions + 1

"""What temperature and level explain of a feature, learned as sums that only grow.

Each feature is regressed on hat functions every 5 °C of the structure's temperature, on the differences between its
lags (any mixture of the lags is a straight line in them), on the same differences of what lies below freezing (so that
a structure whose own lag is none of ours may stiffen as it freezes, not as the air does), and on hat functions of the
level (log rms). A ridge with a
smoothness prior joins the hats, so that the model is defined everywhere and says by its leverage where it has not been:
Bayesian linear regression, Bishop, Pattern Recognition and Machine Learning (2006), section 3.3; P-splines, Eilers and
Marx, Stat. Sci. 11 (1996) 89. All prior deviations are in units of the feature's own residual deviation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

KNOTS_C = np.arange(-30.0, 51.0, 5.0)
LEVEL_KNOTS = np.arange(-2.0, 2.1, 1.0)  # in ln(rms / reference): a factor e a step
CURVED_LAG = 1  # which lag of temperature carries the hats; the others come in by differences
LAG_COUNT = 4
_HATS = len(KNOTS_C)
_STEPS = LAG_COUNT - 1
THERMAL = _HATS + 2 * _STEPS  # columns that temperature fills
COLUMNS = THERMAL + len(LEVEL_KNOTS)
_UPPER = np.triu_indices(COLUMNS)
_LAG_UNIT_C = 5.0  # lag differences are counted in hat steps

BEND_SD = 2.0  # prior deviation of the change of slope from one hat to the next (the kink at freezing is 1-3 of these)
SLOPE_SD = 3.0  # of the slope itself, per 5 °C or per factor e of level
LAG_SD = 3.0
MIN_FREEDOM = 30.0  # residual degrees of freedom below which a feature is not judged
FLOOR_SD = 1e-4  # no logarithm of a measured feature is steadier than 0.01 %
# Least allowance for an unknown temperature, of a feature's log: seasons move natural frequencies by several percent
# (Z24 bridge: 14-18 % in all within ten months; Peeters and De Roeck, Earthquake Engng Struct. Dyn. 30, 2001).
BLIND_SD = 0.03


class Sums(msgspec.Struct):
    """Sufficient statistics. Features that are missing together (a group) share one Gram matrix.

    Attributes:
        gram: (groups, COLUMNS · (COLUMNS + 1) / 2) the upper triangle of Σ x xᵀ, row by row.
        moment: (features, COLUMNS) Σ x y.
        square: (features,) Σ y².
        count: (groups,) rows.
    """

    gram: Array
    moment: Array
    square: Array
    count: Array


@dataclass(frozen=True)
class Fit:
    """A solved regression.

    Attributes:
        coefficients: (features, COLUMNS).
        deviation: (features,) residual standard deviation; infinite where a feature cannot be judged yet.
        inverse: (groups, COLUMNS, COLUMNS) posterior covariance over residual variance.
        blind: (features,) variance, over residual variance, that an unknown temperature leaves.
        usual: (THERMAL,) mean of the temperature columns, which stands in for an unknown temperature.
    """

    coefficients: Array
    deviation: Array
    inverse: Array
    blind: Array
    usual: Array


def empty_sums(groups: int, features: int) -> Sums:
    """Statistics before any row."""
    return Sums(
        np.zeros((groups, len(_UPPER[0]))),
        np.zeros((features, COLUMNS)),
        np.zeros(features),
        np.zeros(groups),
    )


def design(temperature_c: Array, log_level: Array) -> Array:
    """The regressors of each row.

    Args:
        temperature_c: (k, LAG_COUNT) lagged temperatures; where any is NaN, the temperature columns are NaN.
        log_level: (k,) ln(rms / reference).

    Returns:
        (k, COLUMNS): temperature hats, lag differences, those below 0 °C, level hats. Beyond the outer knots the hats
        hold their value.
    """
    known: NDArray[np.bool_] = np.asarray(np.isfinite(temperature_c).all(axis=1))
    temperature = np.where(known[:, None], temperature_c, 0.0)
    lagging = -np.diff(temperature, axis=1) / _LAG_UNIT_C
    freezing = -np.diff(np.minimum(temperature, 0.0), axis=1) / _LAG_UNIT_C
    thermal = np.concatenate([_hats(temperature[:, CURVED_LAG], KNOTS_C), lagging, freezing], axis=1)
    thermal[~known] = np.nan
    return np.concatenate([thermal, _hats(log_level, LEVEL_KNOTS)], axis=1)


def add(sums: Sums, x: Array, y: Array, present: NDArray[np.bool_], group: NDArray[np.int64]) -> None:
    """Take rows into the statistics, in place.

    Args:
        sums: changed.
        x: (k, COLUMNS), finite.
        y: (k, features); read only where its group is present.
        present: (k, groups).
        group: (features,) the group of each feature.
    """
    weights = present.astype(np.float64)
    sums.gram += weights.T @ (x[:, _UPPER[0]] * x[:, _UPPER[1]])
    value = np.where(present[:, group], y, 0.0)
    sums.moment += value.T @ x
    sums.square += (value**2).sum(axis=0)
    sums.count += weights.sum(axis=0)


def solve(sums: Sums, group: NDArray[np.int64]) -> Fit:
    """The regression that the statistics support (`group` as in `add`)."""
    gram = _square(sums.gram)
    inverse: Array = np.linalg.inv(gram + _precision()).astype(np.float64)
    coefficients = np.einsum("fij,fj->fi", inverse[group], sums.moment)
    used = np.einsum("gij,gji->g", gram, inverse)
    left = np.einsum("fi,fij,fj->f", coefficients, gram[group], coefficients)
    left += sums.square - 2 * np.einsum("fi,fi->f", coefficients, sums.moment)
    freedom = (sums.count - used)[group]
    judged = freedom >= MIN_FREEDOM
    variance = np.maximum(left, 0.0) / np.where(judged, freedom, 1.0)
    deviation = np.where(judged, np.sqrt(np.maximum(variance, FLOOR_SD**2)), np.inf)
    usual, spread = _thermal_moments(gram[0], float(sums.count[0]))
    thermal = coefficients[:, :THERMAL]
    blind = np.einsum("fi,ij,fj->f", thermal, spread, thermal) / deviation**2
    return Fit(coefficients, deviation, inverse, np.maximum(blind, (BLIND_SD / deviation) ** 2), usual)


def complete(x: Array, usual: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Rows with `usual`, (THERMAL,) or (k, THERMAL), for unknown temperature columns; where that is so, (k,)."""
    blind = np.isnan(x[:, 0])
    filled = x.copy()
    filled[:, :THERMAL] = np.where(blind[:, None], usual, x[:, :THERMAL])
    return filled, blind


def no_temperature() -> Array:
    """The temperature columns (THERMAL,) of a structure without a thermometer: always the same hat."""
    columns = np.zeros(THERMAL)
    columns[_HATS // 2] = 1.0
    return columns


def _hats(values: Array, knots: Array) -> Array:
    """Linear B-splines at `values` (k,), shape (k, knots); each row sums to 1."""
    step = knots[1] - knots[0]
    clipped = np.clip(values, knots[0], knots[-1])
    return np.asarray(np.maximum(0.0, 1.0 - np.abs(clipped[:, None] - knots) / step))


def _square(gram: Array) -> Array:
    """The symmetric matrices (groups, COLUMNS, COLUMNS) of their upper triangles."""
    full = np.zeros((len(gram), COLUMNS, COLUMNS))
    full[:, _UPPER[0], _UPPER[1]] = gram
    full[:, _UPPER[1], _UPPER[0]] = gram
    return full


def _thermal_moments(gram: Array, count: float) -> tuple[Array, Array]:
    """Mean and covariance of the temperature columns over the learned rows (the hats of a row sum to 1)."""
    square = gram[:THERMAL, :THERMAL]
    if count == 0:
        return no_temperature(), np.zeros_like(square)
    mean = square[:, :_HATS].sum(axis=1) / count
    return mean, square / count - np.outer(mean, mean)


@lru_cache(maxsize=1)
def _precision() -> Array:
    """Prior precision of the coefficients, shape (COLUMNS, COLUMNS)."""
    precision = 1e-6 * np.eye(COLUMNS)
    precision[:_HATS, :_HATS] += _smoothness(_HATS)
    precision[_HATS:THERMAL, _HATS:THERMAL] += np.eye(2 * _STEPS) / LAG_SD**2
    # Both sets of hats can carry the constant; a mild pull to zero leaves it to temperature's.
    precision[THERMAL:, THERMAL:] += _smoothness(len(LEVEL_KNOTS)) + 0.1 * np.eye(len(LEVEL_KNOTS))
    return precision


def _smoothness(hats: int) -> Array:
    slope = np.diff(np.eye(hats), axis=0)
    bend = np.diff(np.eye(hats), n=2, axis=0)
    penalty: Array = slope.T @ slope / SLOPE_SD**2 + bend.T @ bend / BEND_SD**2
    return penalty

"""Regression of channels on their environment that odd rows cannot pull away, with the leverage of each row.

Huber's M-estimate by iteratively reweighted least squares (Huber & Ronchetti, Robust Statistics, 2nd ed. 2009,
chapter 7) with gross errors rejected (their section 4.8), each channel by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TUNING = 2.0  # deviations beyond which a row's pull is bounded
REJECTED = 8.0  # and beyond which a row does not pull at all
_ROUNDS = 8
_MAD_TO_SD = 1.4826


@dataclass(frozen=True, slots=True)
class Regression:
    """Attributes:
    coefficients: (channels, regressors).
    inverse: (regressors, regressors) of the rows' sum of squares.
    """

    coefficients: Array
    inverse: Array

    def residuals(self, x: Array, y: Array) -> Array:
        """What x (k, regressors) does not explain of y (k, channels)."""
        return y - x @ self.coefficients.T

    def leverage(self, x: Array) -> Array:
        """(k,) of each row."""
        return np.asarray(np.einsum("ij,jk,ik->i", x, self.inverse, x))


def regress(x: Array, y: Array) -> Regression:
    """Fit y (n, channels) on x (n, regressors); rows where either is NaN count for nothing."""
    ridge = 1e-9 * len(x) * np.eye(x.shape[1])
    known_x = np.asarray(np.isfinite(x).all(axis=1), dtype=np.bool_)
    whole = np.where(known_x[:, None], x, 0.0)
    inverse = np.asarray(np.linalg.inv(whole.T @ whole + ridge), dtype=np.float64)
    found = [_channel(whole, y[:, at], known_x, ridge) for at in range(y.shape[1])]
    return Regression(np.array(found), inverse)


def _channel(x: Array, y: Array, known_x: NDArray[np.bool_], ridge: Array) -> Array:
    known = known_x & np.isfinite(y)
    x, y = x[known], y[known]
    if not y.size:
        return np.zeros(x.shape[1])
    weight = np.ones(y.size)
    found: Array = np.zeros(x.shape[1])
    for _ in range(_ROUNDS):
        weighted = x * weight[:, None]
        found = np.asarray(np.linalg.solve(weighted.T @ x + ridge, weighted.T @ y), dtype=np.float64)
        error = y - x @ found
        spread = robust_deviation(error - np.median(error))
        far = np.abs(error) / spread if spread > 0 else np.zeros(error.size)
        weight = np.where(far < REJECTED, TUNING / np.maximum(far, TUNING), 0.0)
    return found


def robust_deviation(errors: Array) -> float:
    """From the median of |error|; the plain one where more than half are equal (a coarse scale), 0 where all are."""
    if not errors.size:
        return 0.0
    plain = float(errors.std())
    robust = float(np.median(np.abs(errors))) * _MAD_TO_SD
    return robust if robust > 0.05 * plain else plain

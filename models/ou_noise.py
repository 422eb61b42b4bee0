"""Least squares under noise that remembers: a continuous first-order autoregression (Ornstein-Uhlenbeck process).

Its value at t + Δ is exp(-Δ/memory) times that at t plus fresh noise, for any Δ, so uneven spacing is exact. Memory and
variance are chosen by restricted likelihood (Patterson & Thompson 1971, Biometrika 58) on a grid of memories.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OuNoise:
    """The process at times `t` (n,), ascending; memory in the unit of t, variance in that of the values squared."""

    t: Floats
    memory: float
    variance: float = 1.0

    def whiten(self, columns: Floats) -> Floats:
        """Rows (n, …) that the process leaves independent, with unit variance."""
        phi = np.exp(-np.diff(self.t) / self.memory)
        shape = (-1,) + (1,) * (columns.ndim - 1)
        rest = (columns[1:] - phi.reshape(shape) * columns[:-1]) / np.sqrt(1 - phi**2).reshape(shape)
        out: Floats = np.concatenate((columns[:1], rest)) / np.sqrt(self.variance)
        return out

    def log_volume(self) -> float:
        """Logarithm of the determinant of the correlation matrix."""
        return float(np.sum(np.log1p(-np.exp(-2 * np.diff(self.t) / self.memory))))


def choose_noise(t: Floats, design: Floats, values: Floats, memories: Sequence[float]) -> OuNoise:
    """The most likely noise of values (n,) about a design (n, p), its coefficients integrated out."""
    scaled = design / np.maximum(np.linalg.norm(design, axis=0), 1e-12)
    fits = [(*_restricted_likelihood(OuNoise(t, memory), scaled, values), memory) for memory in memories]
    _, variance, memory = max(fits)
    return OuNoise(t, memory, max(variance, 1e-12))


def _restricted_likelihood(noise: OuNoise, design: Floats, values: Floats) -> tuple[float, float]:
    """Log likelihood, up to a constant, and variance."""
    rows, target = noise.whiten(design), noise.whiten(values - values.mean())
    coef, _, rank, singular = np.linalg.lstsq(rows, target, rcond=1e-9)
    free = max(values.size - int(rank), 1)
    variance = float(np.sum((target - rows @ coef) ** 2)) / free
    log_x = 2 * float(np.sum(np.log(singular[: int(rank)])))
    return -0.5 * (free * np.log(max(variance, 1e-30)) + noise.log_volume() + log_x), variance


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients (p,) with covariance (p, p); `misfit` is the sum of weighted squares, the priors' included."""

    coef: Floats
    cov: Floats
    misfit: float


class Solver:
    """Fits of many subsets of columns to the same values: one QR, then small solves."""

    def __init__(self, noise: OuNoise, columns: Floats, values: Floats, inverse_prior_sd: Floats) -> None:
        """Take columns (n, p), values (n,), and 1/sd of each coefficient's zero-mean normal prior (p,), 0 for none."""
        rows = np.concatenate((noise.whiten(columns), np.diag(inverse_prior_sd)))
        target = np.concatenate((noise.whiten(values), np.zeros(inverse_prior_sd.size)))
        self._size = np.maximum(np.linalg.norm(rows, axis=0), 1e-12)
        self._root: Floats = np.asarray(np.linalg.qr(np.column_stack((rows / self._size, target)), mode="r"))

    def fit(self, chosen: Sequence[int]) -> Fit:
        """The fit of the columns `chosen`."""
        at = list(chosen)
        rows, target, size = self._root[:, at], self._root[:, -1], self._size[at]
        coef, *_ = np.linalg.lstsq(rows, target, rcond=1e-10)
        cov = np.linalg.pinv(rows.T @ rows, hermitian=True) / np.outer(size, size)
        return Fit(coef / size, cov, float(np.sum((target - rows @ coef) ** 2)))

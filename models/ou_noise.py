"""Least squares under noise that remembers: a continuous first-order autoregression (Ornstein-Uhlenbeck process).

Its value at t + Δ is exp(-Δ/memory) times that at t plus fresh noise, for any Δ, so uneven spacing is exact. Memory and
variance are chosen by restricted likelihood (Patterson & Thompson 1971, Biometrika 58) on a grid of memories.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SINGULAR = 1e-15  # of the largest eigenvalue: directions of less are not determined


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
    noises = [OuNoise(t, memory) for memory in memories]
    columns = np.column_stack((scaled, values - values.mean()))
    likelihood, variance = _restricted_likelihoods(np.stack([noise.whiten(columns) for noise in noises]), noises)
    best = max(range(len(noises)), key=lambda at: (likelihood[at], variance[at], memories[at]))
    return OuNoise(t, memories[best], max(variance[best], 1e-12))


def _restricted_likelihoods(whitened: Floats, noises: Sequence[OuNoise]) -> tuple[list[float], list[float]]:
    """Log likelihood, up to a constant, and variance for each noise; of a design and values, whitened (m, n, p + 1)."""
    rows, target = whitened[..., :-1], whitened[..., -1:]
    across = rows.swapaxes(1, 2)
    values, vectors = np.linalg.eigh(across @ rows)
    kept = values > _SINGULAR * values.shape[1] * values[:, -1:]
    inverse = _product(np.where(kept, values, np.inf), vectors)
    coef = inverse @ (across @ target)
    left = target - rows @ coef
    left = left - rows @ (inverse @ (across @ left))  # what normal equations lose is won back
    free = np.maximum(rows.shape[1] - kept.sum(axis=1), 1)
    variance = (left**2).sum(axis=(1, 2)) / free
    log_x = np.log(np.where(kept, values, 1.0)).sum(axis=1)
    volume = np.array([noise.log_volume() for noise in noises])
    likelihood = -0.5 * (free * np.log(np.maximum(variance, 1e-30)) + volume + log_x)
    return likelihood.tolist(), variance.tolist()


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
        return self.fits([chosen])[0]

    def fits(self, choices: Sequence[Sequence[int]]) -> list[Fit]:
        """The fit of each choice of columns; those of as many columns are solved together."""
        by_count: dict[int, list[int]] = {}
        for index, chosen in enumerate(choices):
            by_count.setdefault(len(chosen), []).append(index)
        found: dict[int, Fit] = {}
        for indices in by_count.values():
            fits = self._fits_of_one_count(np.array([choices[index] for index in indices]))
            found |= zip(indices, fits, strict=True)
        return [found[index] for index in range(len(choices))]

    def _fits_of_one_count(self, chosen: NDArray[np.int64]) -> Iterator[Fit]:
        """Columns `chosen` (fits, p). Normal equations, refined once: what they lose to a QR solve is won back."""
        rows, size = np.moveaxis(self._root[:, chosen], 0, 1), self._size[chosen]
        across, target = rows.swapaxes(1, 2), self._root[:, -1, None]
        inverse = _inverse(across @ rows)
        coef = inverse @ (across @ target)
        coef += inverse @ (across @ (target - rows @ coef))
        misfit = ((target - rows @ coef) ** 2).sum(axis=(1, 2)).tolist()
        cov = inverse / (size[:, :, None] * size[:, None])
        return map(Fit, coef[..., 0] / size, cov, misfit)


def _inverse(gram: Floats) -> Floats:
    """Pseudo-inverses of symmetric matrices (m, p, p)."""
    values, vectors = np.linalg.eigh(gram)
    return _product(np.where(values > _SINGULAR * values[:, -1:], values, np.inf), vectors)


def _product(values: Floats, vectors: Floats) -> Floats:
    """V diag(1 / values) Vᵀ of each, (m, p, p)."""
    inverse: Floats = (vectors / values[:, None]) @ vectors.swapaxes(1, 2)
    return inverse

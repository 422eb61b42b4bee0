"""Life of one crack in metal from its own history: a Kalman filter on the logarithm of its Paris rate.

    ln(da/dN) = level(a) + m·ln(ΔK/ΔK_now) + local(a) + e,    m ~ N(3, 0.25)

`level` walks randomly with ln a (the material and what the stress range is not known to do), `local` is a stretch of
easier or harder material (Ornstein-Uhlenbeck in ln a, after the random resistance of Ortiz & Kiremidjian 1988,
Eng. Fract. Mech. 29), e the scatter of one growth step. The slope's mean is that of BS 7910:2019 8.2.3. How rough the
material is, is not assumed: every combination of a grid is filtered and weighted by its likelihood, so that the
forecast carries the doubt. Nothing depends on where counting of cycles began, or on the unit of length.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from models.life import DRAWS
from models.paris import M_STEEL_IN_AIR
from models.stress_intensity import Loaded

Floats = NDArray[np.float64]

SLOPE_SD = 0.25
WALK = (0.07,)  # variance of the level a unit of ln a: see docs/decisions/034
STEP_VARIANCES = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16)
LOCAL_VARIANCES = (0.0, 0.01, 0.03, 0.06)
LOCAL_LENGTHS = (0.03, 0.06, 0.12)  # in ln a
NOISES = np.array(
    [(*noise, 1.0) for noise in product(WALK, STEP_VARIANCES, (0.0,))]
    + list(product(WALK, STEP_VARIANCES, LOCAL_VARIANCES[1:], LOCAL_LENGTHS))
)
PRIOR = np.where(NOISES[:, 2] > 0, 1 / np.sum(NOISES[:, 2] > 0), 1 / np.sum(NOISES[:, 2] == 0))  # either is as likely
MIN_STEPS = 6  # growth steps, for level, slope and noise
UNKNOWN_LEVEL = 100.0  # variance: nothing is known of the level before the first step
FORECAST_STEPS = 40


@dataclass(frozen=True, slots=True)
class RateFit:
    """What a history says of the rate at its newest length, for each of g noises.

    Attributes:
        weight: (g,) probability of each noise.
        mean, cov: (g, 3), (g, 3, 3) of level, slope m and local.
        length_mm: the newest length, that ΔK_now belongs to.
    """

    weight: Floats
    mean: Floats
    cov: Floats
    length_mm: float

    def log_rate(self) -> float:
        """ln(da/dN) now, mm/cycle."""
        return float(self.weight @ (self.mean[:, 0] + self.mean[:, 2]))

    def slope(self) -> float:
        """Exponent m of Paris' law."""
        return float(self.weight @ self.mean[:, 1])


def fit_rate(length_mm: Floats, cycles: Floats, loaded: Loaded) -> RateFit:
    """Filter a history.

    Args:
        length_mm: (n,) strictly ascending lengths.
        cycles: (n,) strictly ascending counts at which they were reached, any origin.
        loaded: what drives the crack.

    Raises:
        ValueError: fewer than MIN_STEPS growth steps, or not ascending.
    """
    if length_mm.size <= MIN_STEPS:
        raise ValueError(f"{length_mm.size - 1} growth steps, at least {MIN_STEPS} are needed")
    grown, taken = np.diff(length_mm), np.diff(cycles)
    if grown.min() <= 0 or taken.min() <= 0:
        raise ValueError("lengths and cycles must ascend strictly")
    middle = np.sqrt(length_mm[1:] * length_mm[:-1])
    at = np.log(loaded.range_at(middle) / loaded.range_at(length_mm[-1:]))
    return _filter(np.log(grown / taken), at, np.log(middle), float(length_mm[-1]))


def _filter(log_rate: Floats, at: Floats, where: Floats, newest_mm: float) -> RateFit:
    """The filter of all noises side by side; `at` is ln(ΔK/ΔK_now), `where` ln a of each step (n,)."""
    step_variance = NOISES[:, 1]
    mean, cov = _start(log_rate[0], at[0])
    score = np.zeros(len(NOISES))
    steps = np.diff(where, prepend=where[0], append=np.log(newest_mm))
    for index, (rate, ratio) in enumerate(zip(log_rate.tolist(), at.tolist(), strict=True)):
        mean, cov = _moved(mean, cov, float(steps[index]))
        seen = np.array([1.0, ratio, 1.0])
        covered = cov @ seen
        variance = covered @ seen + step_variance
        surprise = rate - mean @ seen
        gain = covered / variance[:, None]
        mean = mean + gain * surprise[:, None]
        cov = cov - gain[:, :, None] * covered[:, None, :]
        if index:  # the first step only sets the level
            score -= 0.5 * (np.log(variance) + surprise**2 / variance)
    mean, cov = _moved(mean, cov, float(steps[-1]))
    weight = PRIOR * np.exp(score - score.max())
    return RateFit(weight / weight.sum(), mean, cov, newest_mm)


def _start(log_rate: float, at: float) -> tuple[Floats, Floats]:
    mean = np.zeros((len(NOISES), 3))
    mean[:, 0], mean[:, 1] = log_rate - M_STEEL_IN_AIR * at, M_STEEL_IN_AIR
    cov = np.zeros((len(NOISES), 3, 3))
    cov[:, 0, 0], cov[:, 1, 1], cov[:, 2, 2] = UNKNOWN_LEVEL, SLOPE_SD**2, NOISES[:, 2]
    return mean, cov


def _moved(mean: Floats, cov: Floats, step: float) -> tuple[Floats, Floats]:
    """State after growth by `step` in ln a."""
    walk, _, local, length = NOISES.T
    kept = np.exp(-step / length)
    keep = np.stack((np.ones_like(kept), np.ones_like(kept), kept), axis=1)
    moved = cov * keep[:, :, None] * keep[:, None, :]
    moved[:, 0, 0] += walk * step
    moved[:, 2, 2] += local * (1 - kept**2)
    return mean * keep, moved


def cycles_to(fit: RateFit, limit_mm: float, loaded: Loaded) -> Floats:
    """Draws (DRAWS,) of the cycles until the crack is `limit_mm` long, from the newest length; the same for the same
    history, whatever its name. Infinite ΔK on the way takes no cycles.
    """
    rng = np.random.default_rng(0)
    edges = np.geomspace(fit.length_mm, limit_mm, FORECAST_STEPS + 1)
    middle = np.sqrt(edges[1:] * edges[:-1])
    ratio = np.log(loaded.range_at(middle) / loaded.range_at(np.array([fit.length_mm])))
    which = np.tile(rng.choice(len(NOISES), DRAWS // 2, p=fit.weight), 2)
    roots = np.linalg.cholesky(fit.cov + 1e-12 * np.eye(3))
    state = fit.mean[which] + np.einsum("nij,nj->ni", roots[which], _mirrored(rng, 3))
    step = float(np.log(edges[1] / edges[0]))
    walk = np.cumsum(_mirrored(rng, FORECAST_STEPS), axis=1) * np.sqrt(step * NOISES[which, 0])[:, None]
    local = _local_path(state[:, 2], NOISES[which], step, rng)
    log_rate = state[:, :1] + state[:, 1:2] * ratio + walk + local
    return np.asarray(np.sum(np.diff(edges) * np.exp(-log_rate), axis=1))


def _mirrored(rng: np.random.Generator, columns: int) -> Floats:
    """Standard normal draws (DRAWS, columns) with their opposites: antithetic, so that medians do not wander."""
    half = rng.normal(size=(DRAWS // 2, columns))
    return np.asarray(np.concatenate((half, -half)))


def _local_path(now: Floats, noise: Floats, step: float, rng: np.random.Generator) -> Floats:
    """(n, FORECAST_STEPS) the stretches ahead."""
    kept = np.exp(-step / noise[:, 3])
    fresh = np.sqrt(noise[:, 2] * (1 - kept**2))[:, None] * _mirrored(rng, FORECAST_STEPS)
    path: Floats = np.empty(fresh.shape)
    for index in range(FORECAST_STEPS):
        now = kept * now + fresh[:, index]
        path[:, index] = now
    return path

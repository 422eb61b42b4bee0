"""Frequency and damping of one mode from an averaged spectrum, each with its standard error.

The band's spectrum is taken as one resonance over level noise, seen through the taper's window:

    E(f) = ∫ W(f − g) [a D(g) + b] dg,    D(g) = 1 / ((1 − (f₀/g)²)² + (2ζ f₀/g)²)

(acceleration under a broad force: Au, J. Eng. Mech. 137 (2011) 214, the Bayesian FFT model of separated modes, for one
sensor), W the power of the Hann window's transform. Because W is in the model, the window's resolution does not
widen the peak into false damping, as it does with the half-power method, where a Hann window adds 1.44 lines to the
width. Parameters are the maximum of Whittle's likelihood (Whittle, Ark. Mat. 2 (1953) 423) by Fisher scoring; standard
errors come from the Fisher information, with the variance of tapered lines counted 35/18 times (Welch 1967; they are
not independent). For wide bands this is Au's uncertainty law, variance of ln ζ ≈ 1 / (2π ζ · cycles recorded).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MIN_AVERAGES = 8  # a single periodogram's peak says little, and its errors are far from Gaussian
MIN_LINES = 6  # four parameters need some more lines
MIN_WIDTH_LINES = 1.0  # half-power width 2ζf₀ in lines, below which the window's own shape hides the peak's
MIN_CONTRAST = 3.0  # the peak over the band's floor; below, there is no mode to speak of
MAX_RELATIVE_ERROR = 0.5  # a damping known no better than by half of itself is not told
_FINE = 8  # points a line at which the model is integrated
_REACH = 3  # lines to either side over which the Hann window spreads (beyond: below 1e-4)
_HANN_VARIANCE = 35.0 / 18.0
# Where the peak fills the band, the data do not know the noise below it: ln b ~ N(start, 2²) keeps it in sight.
_PRIOR = np.diag([0.0, 0.0, 0.0, 0.25])
_STEPS = 60
_CONVERGED = 1e-4


class NoEstimate(StrEnum):
    """Why a number is not there."""

    TOO_FEW_WINDOWS = "too few windows"
    BAND_TOO_NARROW = "band of too few spectral lines"
    NO_PEAK = "no clear peak in the band"
    RESOLUTION = "window too short to resolve the width"
    UNCERTAIN = "damping too uncertain"


@dataclass(frozen=True, slots=True)
class ModeFit:
    """What is known of a mode; NaN where it is not.

    Attributes:
        frequency_hz, frequency_se_hz: natural frequency and its standard error.
        damping, damping_se: share of critical damping, and its standard error.
        refused: why there is no frequency, or no damping; None where both are there.
    """

    frequency_hz: float = np.nan
    frequency_se_hz: float = np.nan
    damping: float = np.nan
    damping_se: float = np.nan
    refused: NoEstimate | None = None


def fit_mode(power: Array, first_line: int, spacing_hz: float, averages: int) -> ModeFit:
    """Fit one mode.

    Args:
        power: (lines,) mean of `averages` Hann-tapered periodograms at lines `first_line` … of spacing `spacing_hz`.
        first_line: ≥ 1.
        spacing_hz: sample rate over window length.
        averages: independent windows in the mean.
    """
    if averages < MIN_AVERAGES:
        return ModeFit(refused=NoEstimate.TOO_FEW_WINDOWS)
    if power.size < MIN_LINES:
        return ModeFit(refused=NoEstimate.BAND_TOO_NARROW)
    peak = int(power.argmax())
    floor = float(np.sort(power)[: max(2, power.size // 4)].mean())
    if not (0 < peak < power.size - 1) or not power[peak] > MIN_CONTRAST * floor > 0:
        return ModeFit(refused=NoEstimate.NO_PEAK)
    theta, covariance = _maximise(power, first_line, averages, _start(power, first_line, peak, floor))
    return _told(theta, covariance, first_line, power.size, spacing_hz)


def _told(theta: Array, covariance: Array | None, first_line: int, lines: int, spacing_hz: float) -> ModeFit:
    if covariance is None or not first_line <= theta[0] <= first_line + lines - 1:
        return ModeFit(refused=NoEstimate.NO_PEAK)
    errors = np.sqrt(np.diag(covariance))
    damping, width_lines = float(np.exp(theta[1])), float(2 * np.exp(theta[1]) * theta[0])
    refused = None
    if width_lines < MIN_WIDTH_LINES:
        refused = NoEstimate.RESOLUTION
    elif not errors[1] <= MAX_RELATIVE_ERROR:
        refused = NoEstimate.UNCERTAIN
    known = (damping, damping * float(errors[1])) if refused is None else (np.nan, np.nan)
    return ModeFit(float(theta[0]) * spacing_hz, float(errors[0]) * spacing_hz, *known, refused)


def _start(power: Array, first_line: int, peak: int, floor: float) -> Array:
    """(f₀ in lines, ln ζ, ln a, ln b): the highest line, and the width at half of it."""
    line = first_line + peak
    half = np.count_nonzero(power > 0.5 * power[peak])
    damping = max(half - 1.0, 1.0) / (2.0 * line)
    return np.array([line, np.log(damping), np.log(power[peak] * 4 * damping**2), np.log(0.5 * floor)])


def _maximise(power: Array, first_line: int, averages: int, theta: Array) -> tuple[Array, Array | None]:
    """The parameters of highest likelihood and their covariance; None where the search did not end at a maximum."""
    narrowest = np.log(0.25 * MIN_WIDTH_LINES / (2.0 * theta[0]))
    start = theta
    likelihood = _posterior(power, first_line, theta, start, averages)
    damper = 1e-3
    for _ in range(_STEPS):
        expected, slope = _model(first_line, power.size, theta)
        log_slope = slope / expected
        weight = averages / _HANN_VARIANCE
        gradient = weight * log_slope @ (power / expected - 1.0) - _PRIOR @ (theta - start)
        information = weight * log_slope @ log_slope.T + _PRIOR
        step = np.linalg.solve(information + damper * np.diag(np.diag(information)), gradient)
        trial = theta + np.clip(step, -1.0, 1.0)
        trial[1] = np.clip(trial[1], narrowest, 0.0)
        if np.abs(trial - theta).max() < _CONVERGED:
            break
        better = _posterior(power, first_line, trial, start, averages)
        if not better >= likelihood:
            damper = min(max(10.0 * damper, 1e-3), 1e8)
            continue
        theta, likelihood, damper = trial, better, 0.1 * damper
    return theta, _covariance(first_line, power.size, theta, averages)


def _covariance(first_line: int, lines: int, theta: Array, averages: int) -> Array | None:
    expected, slope = _model(first_line, lines, theta)
    log_slope = slope / expected
    information = log_slope @ log_slope.T * (averages / _HANN_VARIANCE) + _PRIOR
    try:
        covariance: Array = np.asarray(np.linalg.inv(information), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    return covariance if (np.diag(covariance) > 0).all() else None


def _posterior(power: Array, first_line: int, theta: Array, start: Array, averages: int) -> float:
    """Whittle's log likelihood, −Σ (ln E + I/E) a window, and the prior."""
    expected, _ = _model(first_line, power.size, theta)
    if not (expected > 0).all():
        return -np.inf
    away = theta - start
    fit = -np.sum(np.log(expected) + power / expected)
    return float(averages / _HANN_VARIANCE * fit - 0.5 * away @ _PRIOR @ away)


def _model(first_line: int, lines: int, theta: Array) -> tuple[Array, Array]:
    """E (lines,) and its derivatives (4, lines) by theta."""
    spread, offsets = _spread(lines)
    line = np.maximum(first_line + offsets, 0.05)
    f0, damping, a, b = theta[0], *np.exp(theta[1:])
    ratio = f0 / line
    off, wide = 1.0 - ratio**2, (2.0 * damping * ratio) ** 2
    resonance = 1.0 / (off**2 + wide)
    by_f0 = -(resonance**2) * (2.0 * off * (-2.0 * ratio / line) + 2.0 * wide / f0)
    by_log_damping = -(resonance**2) * 2.0 * wide
    shapes = np.stack([a * by_f0, a * by_log_damping, a * resonance]) @ spread
    return shapes[2] + b, np.concatenate([shapes, np.full((1, lines), b)])


@lru_cache(maxsize=64)
def _spread(lines: int) -> tuple[Array, Array]:
    """(fine points, lines) weights with which a line sees each point through a Hann window, and the points' offsets."""
    offsets = (np.arange((lines - 1 + 2 * _REACH) * _FINE + 1) / _FINE) - _REACH
    away = offsets[:, None] - np.arange(lines)
    # Transform of the Hann window, normalised: sinc(x) / (1 − x²), which is 1/2 at x = ±1.
    safe = np.where(np.isclose(np.abs(away), 1.0), 0.0, away)
    window = np.where(np.isclose(np.abs(away), 1.0), 0.5, np.sinc(safe) / (1.0 - safe**2))
    power = np.where(np.abs(away) <= _REACH, window**2, 0.0)
    return power / power.sum(axis=0), offsets

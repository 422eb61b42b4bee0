"""Frequency and damping of simulated resonances: unbiased within their own standard errors, or refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from models.mode_fit import NoEstimate, fit_mode
from models.spectra import psd

RATE_HZ = 100.0


def fitted(frequency_hz, damping, length, averages, seed):
    """A fit to the acceleration of an oscillator under white noise."""
    omega = 2 * np.pi * frequency_hz
    pole = np.exp(omega * (-damping + 1j * np.sqrt(1 - damping**2)) / RATE_HZ)
    rng = np.random.default_rng(seed)
    force = rng.standard_normal(length * averages + 20_000)
    motion = scipy.signal.lfilter([1, -2, 1], [1, -2 * pole.real, abs(pole) ** 2], force)[20_000:]
    motion += 0.1 * motion.std() * rng.standard_normal(motion.size)
    _, density = psd(motion.reshape(averages, length).astype(np.float32), RATE_HZ)
    spacing_hz = RATE_HZ / length
    first = int(0.8 * frequency_hz / spacing_hz)
    last = int(np.ceil(1.2 * frequency_hz / spacing_hz))
    return fit_mode(density.mean(axis=0)[first : last + 1], first, spacing_hz, averages)


@pytest.mark.parametrize(
    ("frequency_hz", "damping", "length", "averages"),
    [(4.0, 0.02, 1024, 64), (4.0, 0.01, 4096, 32), (12.0, 0.01, 1024, 175)],
)
def test_standard_errors_are_what_repetition_shows(frequency_hz, damping, length, averages):
    fits = [fitted(frequency_hz, damping, length, averages, seed) for seed in range(25)]
    assert all(fit.refused is None for fit in fits)
    frequency_z = np.array([(fit.frequency_hz - frequency_hz) / fit.frequency_se_hz for fit in fits])
    damping_z = np.array([(fit.damping - damping) / fit.damping_se for fit in fits])
    for z in (frequency_z, damping_z):
        assert abs(z.mean()) < 0.9  # bias below one standard error of a single estimate
        assert 0.5 < z.std() < 1.6
    assert np.mean([fit.damping for fit in fits]) == pytest.approx(damping, rel=0.07)


def test_the_error_shrinks_as_the_uncertainty_law_says():
    """Four times the recording, half the error (Au 2014: variance inversely with the cycles recorded)."""
    short = np.mean([fitted(4.0, 0.02, 2048, 24, seed).damping_se for seed in range(8)])
    long = np.mean([fitted(4.0, 0.02, 2048, 96, seed).damping_se for seed in range(8)])
    assert long / short == pytest.approx(0.5, rel=0.15)


def test_a_width_that_the_window_cannot_resolve_is_refused_and_its_frequency_is_not():
    fit = fitted(4.0, 0.005, 1024, 175, seed=1)
    assert fit.refused is NoEstimate.RESOLUTION
    assert np.isnan(fit.damping)
    assert fit.frequency_hz == pytest.approx(4.0, abs=4 * fit.frequency_se_hz)


def test_the_half_power_method_would_have_been_misled():
    """The window's own shape adds to the width of a peak that is 1.6 lines wide: our fit knows it."""
    fits = [fitted(4.0, 0.02, 1024, 175, seed).damping for seed in range(5)]
    assert np.mean(fits) == pytest.approx(0.02, rel=0.06)


@pytest.mark.parametrize(
    ("power", "averages", "why"),
    [
        (np.ones(20), 100, NoEstimate.NO_PEAK),
        (np.zeros(20), 100, NoEstimate.NO_PEAK),
        (np.full(20, np.nan), 100, NoEstimate.NO_PEAK),
        (np.arange(1.0, 21.0), 100, NoEstimate.NO_PEAK),
        (np.ones(5), 100, NoEstimate.BAND_TOO_NARROW),
        (np.ones(20), 7, NoEstimate.TOO_FEW_WINDOWS),
    ],
)
def test_refusals_have_names(power, averages, why):
    fit = fit_mode(power, 30, 0.1, averages)
    assert fit.refused is why
    assert np.isnan([fit.frequency_hz, fit.damping]).all()


def test_units_and_level_do_not_matter():
    one, other = (fitted(4.0, 0.02, 1024, 64, 3), fitted(4.0, 0.02, 1024, 64, 3))
    assert one == other
    line = np.arange(30, 53)
    power = 1.0 / ((1 - (41.3 / line) ** 2) ** 2 + (0.06 * 41.3 / line) ** 2) + 5.0
    small, large = fit_mode(power, 30, 0.1, 50), fit_mode(1e12 * power, 30, 0.1, 50)
    assert large.damping == pytest.approx(small.damping, rel=1e-3)
    assert large.frequency_hz == pytest.approx(small.frequency_hz, rel=1e-5)

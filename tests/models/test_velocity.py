"""Velocity by integration against analytic sines, its band, and its refusals."""

from __future__ import annotations

import typing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.velocity import band_limit, refusal, velocities_mm_s, velocity_peaks
from models.vibration_limits import GUIDE_CURVES
from telltale.channel_details import GuideName


def sine(amplitude_mm_s, frequency_hz, phase, rate_hz, seconds):
    """Acceleration (m/s²) whose velocity has that amplitude."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    omega = 2 * np.pi * frequency_hz
    return (omega * amplitude_mm_s * 1e-3 * np.cos(omega * time_s + phase)).astype(np.float32)[None]


@settings(max_examples=150, deadline=None)
@given(
    st.floats(0.01, 200.0),
    st.floats(1.0, 80.0),
    st.floats(0.0, 2 * np.pi),
    st.sampled_from([200.0, 250.0, 500.0, 1000.0]),
    st.floats(4.0, 12.0),
)
def test_a_sine_has_the_velocity_that_calculus_gives_it(amplitude, frequency, phase, rate_hz, seconds):
    peak, found_hz = velocity_peaks(sine(amplitude, frequency, phase, rate_hz, seconds), rate_hz)
    assert peak[0] == pytest.approx(amplitude * band_limit(np.array(frequency)), rel=0.05)
    assert found_hz[0] == pytest.approx(frequency, rel=0.04)


def test_gravity_is_no_velocity_and_a_slow_tilt_as_little_as_the_high_pass_says():
    rate_hz = 250.0
    time_s = np.arange(2500) / rate_hz
    tilt = (9.81 + 0.5 * np.sin(2 * np.pi * 0.1 * time_s)).astype(np.float32)[None]
    unlimited = 500.0 / (2 * np.pi * 0.1)
    assert velocity_peaks(tilt, rate_hz)[0][0] == pytest.approx(unlimited * band_limit(np.array(0.1)), rel=0.1)
    both = sine(10.0, 12.0, 0.3, rate_hz, 10.0) + 9.81
    assert velocity_peaks(both, rate_hz)[0][0] == pytest.approx(10.0, rel=0.03)


def test_the_frequency_is_that_of_the_peak_not_of_the_longest_hum():
    hum = sine(2.0, 50.0, 0.0, 500.0, 8.0)
    time_s = np.arange(4000) / 500.0
    blast = sine(20.0, 8.0, 0.0, 500.0, 8.0) * np.exp(-((time_s - 4.0) ** 2) / (2 * 0.12**2))
    peak, found_hz = velocity_peaks((hum + blast).astype(np.float32), 500.0)
    assert peak[0] == pytest.approx(21.0, rel=0.08)
    assert 7.0 < found_hz[0] < 12.0


def test_peaks_between_samples_are_read():
    """Three samples a period would show no more than 87 % of the peak."""
    velocity, fine_hz = velocities_mm_s(sine(5.0, 200.0 / 3, 0.5 * np.pi, 200.0, 6.0), 200.0)
    assert fine_hz >= 800.0
    assert velocity.shape == (1, round(6.0 * fine_hz))
    assert np.abs(velocity).max() == pytest.approx(5.0 * band_limit(np.array(200.0 / 3)), rel=0.02)


def test_missing_samples_are_bridged_or_refused_and_stillness_has_no_frequency():
    window = sine(5.0, 6.0, 0.0, 250.0, 8.0)
    few, many = window.copy(), window.copy()
    few[0, 700:705] = np.nan
    many[0, ::3] = np.nan
    peak, found_hz = velocity_peaks(np.concatenate([few, many, np.zeros_like(window)]), 250.0)
    assert peak[0] == pytest.approx(5.0, rel=0.05)
    assert np.isnan(peak[1:]).all()
    assert np.isnan(found_hz[1:]).all()


@pytest.mark.parametrize(("length", "rate_hz", "why"), [(4096, 100.0, "80 Hz"), (512, 250.0, "4 s")])
def test_windows_that_cannot_tell_are_refused_by_name(length, rate_hz, why):
    assert why in refusal(length, rate_hz)
    with pytest.raises(ValueError, match=why):
        velocity_peaks(np.zeros((1, length), dtype=np.float32), rate_hz)


def test_every_guide_of_the_settings_has_its_curve():
    assert set(typing.get_args(GuideName)) == set(GUIDE_CURVES)

"""Spectral features against closed forms, the ugly cases, and independence from the batch."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from models.spectra import BAND_NAMES, FEATURE_NAMES, psd, usable_bands, window_features

RATE_HZ = 100.0
T = np.arange(1024) / RATE_HZ
# float32 sums of a thousand terms
CLOSE = {"rtol": 2e-5, "atol": 1e-6}


def noise(count, length=1024, seed=0):
    return np.random.default_rng(seed).standard_normal((count, length)).astype(np.float32)


def test_moments_equal_the_textbook():
    windows = 3.0 * noise(130) + 0.5
    found = window_features(windows, RATE_HZ)
    about = windows.astype(np.float64) - windows.mean(axis=1, dtype=np.float64, keepdims=True)
    np.testing.assert_allclose(found["mean"], windows.mean(axis=1, dtype=np.float64), **CLOSE)
    np.testing.assert_allclose(found["rms"], about.std(axis=1), **CLOSE)
    np.testing.assert_allclose(found["peak"], np.abs(about).max(axis=1), **CLOSE)
    np.testing.assert_allclose(found["crest"], np.abs(about).max(axis=1) / about.std(axis=1), **CLOSE)
    np.testing.assert_allclose(found["kurtosis"], (about**4).mean(axis=1) / about.var(axis=1) ** 2, **CLOSE)


def test_a_small_vibration_on_a_large_offset_keeps_its_rms():
    windows = (9.80665 + 0.01 * np.sin(2 * np.pi * 5 * T)).astype(np.float32)[None]
    assert window_features(windows, RATE_HZ)["rms"][0] == pytest.approx(0.01 / np.sqrt(2), rel=1e-2)


@pytest.mark.parametrize("offset", [0.0, 0.13, 0.37, 0.5, 0.81])
def test_a_tone_between_two_lines_is_found_within_a_twentieth_of_a_line(offset):
    spacing = RATE_HZ / 1024
    frequency = (50 + offset) * spacing
    windows = np.sin(2 * np.pi * frequency * T).astype(np.float32)[None] + 1e-3 * noise(1)
    found = window_features(windows, RATE_HZ, [(4.0, 6.0)])
    assert found["mode1_hz"][0] == pytest.approx(frequency, abs=0.05 * spacing)


def test_a_mode_follows_a_one_percent_drop():
    def mode(frequency_hz, seed):
        pole = np.exp((-0.01 + 1j) * 2 * np.pi * frequency_hz / RATE_HZ)
        force = np.random.default_rng(seed).standard_normal(1024 * 400)
        response = scipy.signal.lfilter([1], [1, -2 * pole.real, abs(pole) ** 2], force)
        windows = response.reshape(-1, 1024)[1:].astype(np.float32)
        return np.nanmean(window_features(windows, RATE_HZ, [(3.0, 5.0)])["mode1_hz"])

    assert mode(4.0, 1) == pytest.approx(4.0, rel=0.004)
    assert mode(3.96, 1) / mode(4.0, 1) == pytest.approx(0.99, abs=0.003)


def test_no_frequency_is_invented_where_no_peak_stands_out():
    found = window_features(noise(500), RATE_HZ, [(2.0, 3.0)])["mode1_hz"]
    assert np.isnan(found).mean() > 0.9


def test_white_noise_fills_the_octaves_in_proportion_to_their_width():
    shares = window_features(noise(400), RATE_HZ)
    total = np.array([np.exp(shares[name]).mean() for name in BAND_NAMES])
    assert total.sum() == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(total[-3:], [0.125, 0.25, 0.5], rtol=0.02)


def test_band_shares_know_neither_level_nor_rate():
    windows = noise(10)
    reference = window_features(windows, RATE_HZ)
    louder = window_features(250.0 * windows, 12_000.0)
    for name in (*BAND_NAMES, "crest", "kurtosis"):
        np.testing.assert_allclose(louder[name], reference[name], rtol=1e-4, atol=1e-5)


def test_a_trend_does_not_leak_into_the_bands():
    windows = noise(5)
    ramp = np.linspace(-200, 200, 1024, dtype=np.float32)
    with_trend = window_features(windows + ramp, RATE_HZ)["band7"]
    np.testing.assert_allclose(with_trend, window_features(windows, RATE_HZ)["band7"], atol=0.05)


def test_features_do_not_depend_on_the_company():
    """A batch cut elsewhere gives the same results (stated tolerance 1e-6)."""
    windows = noise(200) + 1.0
    modes = [(2.0, 3.0), (10.0, 20.0)]
    together = window_features(windows, RATE_HZ, modes)
    for start, stop in [(0, 1), (5, 12), (63, 65), (17, 150), (199, 200)]:
        alone = window_features(windows[start:stop], RATE_HZ, modes)
        for name in FEATURE_NAMES:
            np.testing.assert_allclose(alone[name], together[name][start:stop], rtol=0, atol=1e-6)


def test_a_few_missing_samples_are_counted_and_bridged():
    windows = noise(3)
    tone = np.sin(2 * np.pi * 5 * T).astype(np.float32)
    windows[1] = tone
    windows[1, 100:120] = np.nan
    windows[1, 500] = np.inf
    found = window_features(windows, RATE_HZ, [(4.0, 6.0)])
    assert found["flagged"].tolist() == [0, 21, 0]
    assert found["rms"][1] == pytest.approx(np.delete(tone, [*range(100, 120), 500]).std(), rel=1e-3)
    assert found["mode1_hz"][1] == pytest.approx(5.0, abs=0.01)
    whole = window_features(windows[[0, 2]], RATE_HZ)
    np.testing.assert_array_equal(found["band3"][[0, 2]], whole["band3"])


def test_many_missing_samples_leave_moments_but_no_spectrum():
    windows = noise(1)
    windows[0, ::3] = np.nan
    found = window_features(windows, RATE_HZ, [(4.0, 6.0)])
    assert np.isfinite(found["rms"][0])
    assert np.isnan(found["band4"][0])
    assert np.isnan(found["mode1_hz"][0])


def test_nothing_but_gaps_and_constant_windows_give_no_features_and_no_warnings():
    windows = np.stack([np.full(1024, np.nan), np.full(1024, 7.25), np.full(1024, 3e38)]).astype(np.float32)
    found = window_features(windows, RATE_HZ, [(4.0, 6.0)])
    assert found["flagged"].tolist() == [1024, 0, 1024]
    assert np.isnan(found["mean"][[0, 2]]).all()
    assert found["mean"][1] == 7.25
    assert found["rms"][1] == 0.0
    for name in ("crest", "kurtosis", "band0", "band7", "mode1_hz"):
        assert np.isnan(found[name]).all()


def test_tiny_and_large_amplitudes_neither_overflow_nor_vanish():
    windows = noise(2) * np.array([[1e-15], [1e15]], dtype=np.float32)
    found = window_features(windows, RATE_HZ)
    np.testing.assert_allclose(found["rms"] / [1e-15, 1e15], noise(2).std(axis=1), rtol=1e-4)
    assert np.isfinite(found["kurtosis"]).all()


def test_short_windows_lack_the_low_octaves():
    found = window_features(noise(2, 16), RATE_HZ)
    present = tuple(name for name in BAND_NAMES if np.isfinite(found[name]).all())
    assert present == usable_bands(16)
    assert 0 < len(present) < len(BAND_NAMES)
    assert usable_bands(1024) == BAND_NAMES


def test_no_windows_give_no_rows():
    found = window_features(np.empty((0, 1024), dtype=np.float32), RATE_HZ)
    assert all(column.shape == (0,) for column in found.values())


def test_a_wrong_shape_is_named():
    with pytest.raises(ValueError, match=r"\(1024,\)"):
        window_features(np.zeros(1024, dtype=np.float32), RATE_HZ)


@pytest.mark.parametrize("length", [64, 255, 1_000])
def test_a_psd_does_not_depend_on_the_windows_beside_it(length):
    windows = 37.0 * noise(7, length) + np.float32(5.0)
    together = psd(windows, RATE_HZ)[1]
    for count in (1, 2, 3):
        apart = [psd(windows[first : first + count], RATE_HZ)[1] for first in range(0, 7, count)]
        np.testing.assert_array_equal(np.concatenate(apart), together)


@pytest.mark.parametrize("length", [1024, 1023])
def test_psd_equals_scipy_and_integrates_to_the_variance(length):
    windows = 2.0 * noise(50, length)
    frequencies, density = psd(windows, RATE_HZ)
    expected_f, expected = scipy.signal.welch(windows.astype(np.float64), RATE_HZ, "hann", length, detrend="linear")
    np.testing.assert_allclose(frequencies, expected_f)
    np.testing.assert_allclose(density, expected, rtol=1e-4, atol=1e-7)
    assert density.mean(axis=0).sum() * RATE_HZ / length == pytest.approx(4.0, rel=0.02)

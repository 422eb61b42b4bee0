"""Vibration velocity from acceleration windows: its peak, and the frequency at which the peak stands.

In the frequency domain: V(f) = A(f) H(f) / (i 2π f). H limits the band to 1-80 Hz as the instruments for DIN 4150-3 do:
a high-pass at 0.8 Hz and a low-pass at 100 Hz, both Butterworth of second order (DIN 45669-1:2020-06, formula 3, as
transcribed in open sources; ISO 8041-1 limits W_m by the same two corners), here without their phase. So the standard's
own band limits, 1 and 80 Hz, are read 16 % low, and what is slower than 1 Hz (tilt, drift, the doubled error of an
integrated offset) does not appear as velocity.

A window is no period: its first and last `TAPER_S` are faded in and out, or the jump between its ends would swamp the
low frequencies. A peak that lies there is under-read, never over-read by more than the tests state. Where windows
follow each other without a gap, the caller puts the last `OVERLAP_S` of the one before in front: no moment is lost.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from models.spectra import MAX_MISSING_SHARE, detrended, filled
from telltale.site_checks import VELOCITY_RATE_HZ, VELOCITY_WINDOW_S

Array = NDArray[np.float64]

LOW_HZ, HIGH_HZ = 1.0, 80.0  # measuring range of DIN 4150-3 (DIN 45669-1)
_CORNER_LOW_HZ, _CORNER_HIGH_HZ = 0.8, 100.0
MIN_RATE_HZ = VELOCITY_RATE_HZ
MIN_WINDOW_S = VELOCITY_WINDOW_S  # four periods of the lowest frequency, two of them unfaded
TAPER_S = 1.0
OVERLAP_S = 2 * TAPER_S
_PAD_S = 2.0  # of zeros, in which the high-pass rings out instead of at the window's beginning
_FINE_HZ = 10 * HIGH_HZ  # peaks are read from at least so many points a second


def refusal(length: int, rate_hz: float) -> str:
    """Why windows of `length` samples at `rate_hz` cannot tell velocities from 1 to 80 Hz; empty where they can."""
    if rate_hz < MIN_RATE_HZ:
        return f"{HIGH_HZ:g} Hz needs at least {MIN_RATE_HZ:g} samples a second, there are {rate_hz:g}"
    if length < MIN_WINDOW_S * rate_hz:
        return f"{LOW_HZ:g} Hz needs windows of at least {MIN_WINDOW_S:g} s, they are {length / rate_hz:.3g} s"
    return ""


def velocities_mm_s(windows: NDArray[np.float32], rate_hz: float) -> tuple[Array, float]:
    """Velocity of each window.

    Args:
        windows: (k, n) acceleration in m/s², NaN where missing (interpolated).
        rate_hz: sample rate.

    Returns:
        (k, n · u) in mm/s, and its rate u · `rate_hz`: points between the samples are the band-limited signal's own.

    Raises:
        ValueError: the windows are refused (see `refusal`).
    """
    length = windows.shape[1]
    why = refusal(length, rate_hz)
    if why:
        raise ValueError(why)
    finer = int(np.ceil(_FINE_HZ / rate_hz))
    padded = scipy.fft.next_fast_len(length + round(_PAD_S * rate_hz), real=True)
    flat = detrended(filled(np.asarray(windows, dtype=np.float64))[0]) * _taper(length, rate_hz)
    lines = scipy.fft.rfft(flat, padded, axis=1) * _response(padded, rate_hz)
    velocity = scipy.fft.irfft(lines, padded * finer, axis=1) * (1000.0 * finer)
    return np.asarray(velocity[:, : length * finer]), rate_hz * finer


def velocity_peaks(windows: NDArray[np.float32], rate_hz: float) -> tuple[Array, Array]:
    """The largest velocity of each window, and its frequency.

    The frequency is that of the half wave that holds the peak: 1 / (2 · time between its two zero crossings), an
    evaluation in the time domain as DIN 4150-3 allows beside the spectrum. A steady hum beside it does not matter.

    Args:
        windows: (k, n) acceleration in m/s², NaN where missing.
        rate_hz: sample rate.

    Returns:
        peaks (k,) in mm/s and frequencies (k,) in Hz; NaN where more than 5 % is missing or nothing moves. A half wave
        that the window cuts off counts as one of 1 Hz, where guide values are lowest.

    Raises:
        ValueError: the windows are refused (see `refusal`).
    """
    velocity, fine_hz = velocities_mm_s(windows, rate_hz)
    at = np.abs(velocity).argmax(axis=1)
    peak = np.abs(velocity[np.arange(at.size), at])
    frequency_hz = np.array([_half_wave_hz(row, i, fine_hz) for row, i in zip(velocity, at.tolist(), strict=True)])
    missing = filled(np.asarray(windows, dtype=np.float64))[1]
    void = (missing > MAX_MISSING_SHARE * windows.shape[1]) | ~(peak > 0)
    return np.where(void, np.nan, peak), np.where(void, np.nan, frequency_hz)


def _half_wave_hz(velocity: Array, at: int, rate_hz: float) -> float:
    crossings = np.flatnonzero(np.diff(velocity > 0))
    after = int(np.searchsorted(crossings, at))
    if after in (0, crossings.size):
        return LOW_HZ
    ends = crossings[after - 1 : after + 1]
    before, beyond = velocity[ends], velocity[ends + 1]
    left, right = ends + before / (before - beyond)
    return float(rate_hz / (2.0 * (right - left)))


@lru_cache(maxsize=16)
def _taper(length: int, rate_hz: float) -> Array:
    """Tukey's cosine taper, `TAPER_S` at either end (Harris, Proc. IEEE 66 (1978) 51)."""
    fade = round(TAPER_S * rate_hz)
    taper = np.ones(length)
    taper[:fade] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)
    taper[-fade:] = taper[:fade][::-1]
    return taper


@lru_cache(maxsize=16)
def _response(length: int, rate_hz: float) -> NDArray[np.complex128]:
    """H(f) / (i 2π f), from acceleration to velocity."""
    hz: Array = np.arange(1, length // 2 + 1, dtype=np.float64) * (rate_hz / length)
    gain = band_limit(hz) / (2j * np.pi * hz)
    return np.concatenate([[0.0], gain])


def band_limit(frequency_hz: Array) -> Array:
    """|H(f)|: what part of a velocity at each frequency (> 0) is read."""
    high_pass = 1.0 / np.sqrt(1.0 + (_CORNER_LOW_HZ / frequency_hz) ** 4)
    low_pass = 1.0 / np.sqrt(1.0 + (frequency_hz / _CORNER_HIGH_HZ) ** 4)
    return np.asarray(high_pass * low_pass)

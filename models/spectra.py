"""Waveform windows to features: batched, float32, in fixed chunks.

Every product runs on chunks of exactly `CHUNK` windows, the last one padded, so that a window's features do not depend
on how many others arrived with it: a restart that cuts the stream elsewhere gives the same results.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from models.modes import ModeBands, mode_bands, mode_frequencies

CHUNK = 64
BANDS = 8
MODES = 4
MAX_MISSING_SHARE = 0.05  # above it an interpolated spectrum says more about the gaps than about the structure
_HUGE = 1e18  # beyond any acceleration or strain; float32 squares of it overflow
_TINY = 1e-12  # floor of a band's share of the energy (-120 dB): below float32 round-off

Features = dict[str, NDArray[np.float64]]
MOMENT_NAMES = ("mean", "rms", "peak", "crest", "kurtosis")
BAND_NAMES = tuple(f"band{i}" for i in range(BANDS))
MODE_NAMES = tuple(f"mode{i}_hz" for i in range(1, MODES + 1))
FEATURE_NAMES = (*MOMENT_NAMES, *MODE_NAMES, *BAND_NAMES)


def window_features(
    windows: NDArray[np.float32], rate_hz: float, modes_hz: Sequence[tuple[float, float]] = ()
) -> Features:
    """Features of windows of one length and one rate; channels with the same mode bands can share a call.

    Args:
        windows: (k, n) samples in the base unit, n ≥ 16; NaN or absurd (|x| > 1e18) where missing.
        rate_hz: sample rate.
        modes_hz: bands [low, high] in which a mode's frequency is searched; the first `MODES` are used.

    Returns:
        name → (k,) float64. `mean`; about the mean `rms`, `peak`, `crest` = peak / rms, `kurtosis` = m₄ / m₂² (3 for
        Gaussian noise); `band0` … `band7`: natural log of each octave's share of the energy, band 7 being the upper
        half of the range up to Nyquist, band 0 all below 1/128 of it (shares do not change with the level, nor octaves
        counted from Nyquist with the rate); `mode1_hz` …: see `models.modes`; `flagged`: samples missing. NaN where a
        feature does not exist: all samples missing, a constant window (no crest, kurtosis, bands), an octave without a
        line (short windows), no peak in a mode's band, more than 5 % missing (bands, modes).
    """
    if windows.ndim != 2 or windows.shape[1] < 16:
        raise ValueError(f"windows have shape {windows.shape}, expected (k, n) with n ≥ 16")
    count, length = windows.shape
    bands = mode_bands(tuple(modes_hz[:MODES]), length, rate_hz)
    out = np.full((len(FEATURE_NAMES) + 1, count), np.nan)
    for start, chunk in _chunks(windows):
        part = _chunk_features(chunk, bands)
        stop = min(start + CHUNK, count)
        out[:, start:stop] = part[:, : stop - start]
    return {name: out[i] for i, name in enumerate((*FEATURE_NAMES, "flagged"))}


def usable_bands(length: int) -> tuple[str, ...]:
    """The band names that exist for windows of `length` samples."""
    weights = _band_weights(length)
    return tuple(name for i, name in enumerate(BAND_NAMES) if weights[i].any())


def psd(windows: NDArray[np.float32], rate_hz: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One-sided power spectral density of each window, for people to look at.

    One Hann-tapered, linearly detrended segment a window: S(f) = 2 |X(f)|² / (f_s Σw²), not doubled at 0 and Nyquist,
    so that the integral over f is the variance (Welch 1967; Bendat & Piersol, Random Data, 4th ed., section 11.5).
    Averaging rows gives Welch's estimate without overlap.

    Args:
        windows: (k, n) samples, NaN where missing (interpolated).
        rate_hz: sample rate.

    Returns:
        frequencies (n // 2 + 1,) in Hz and densities (k, n // 2 + 1) in unit²/Hz; NaN where all samples are missing.
    """
    length = windows.shape[1]
    taper = _hann(length).astype(np.float64)
    flat = detrended(filled(np.asarray(windows, dtype=np.float64))[0])
    power = np.abs(scipy.fft.rfft(flat * taper, axis=1)) ** 2 / (rate_hz * np.sum(taper**2))
    power[:, 1 : (length + 1) // 2] *= 2.0
    return np.arange(length // 2 + 1) * (rate_hz / length), power


def filled(windows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Missing samples interpolated (ends held; zero where all are missing), and how many they were.

    Args:
        windows: (k, n), NaN or absurd (|x| > 1e18) where missing.

    Returns:
        (k, n) and (k,).
    """
    valid = np.abs(windows) < _HUGE
    whole = windows.copy()
    positions = np.arange(windows.shape[1])
    for row in np.flatnonzero(~valid.all(axis=1)):
        good = valid[row]
        whole[row] = np.interp(positions, positions[good], windows[row, good]) if good.any() else 0.0
    return whole, np.count_nonzero(~valid, axis=1)


def detrended(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Windows (k, n) less their mean and straight line."""
    ramp = _ramp(windows.shape[1]).astype(np.float64)
    centred = windows - windows.mean(axis=1, keepdims=True)
    # Summed row by row: a matrix product adds in an order that depends on how many windows come together.
    slope = (centred * ramp).sum(axis=1)
    return np.asarray(centred - slope[:, None] * ramp)


def _chunks(windows: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    for start in range(0, windows.shape[0], CHUNK):
        rows = windows[start : start + CHUNK]
        if rows.shape[0] < CHUNK or rows.dtype != np.float32:
            padded = np.zeros((CHUNK, windows.shape[1]), dtype=np.float32)
            padded[: rows.shape[0]] = rows
            rows = padded
        yield start, rows


def _chunk_features(rows: NDArray[np.float32], bands: ModeBands) -> NDArray[np.float64]:
    """All features of one chunk, shape (features + 1, CHUNK)."""
    given, missing = rows, np.zeros(CHUNK)
    broken = ~(np.maximum(rows.max(axis=1), -rows.min(axis=1)) < _HUGE)  # NaN compares false, so it is caught too
    if broken.any():
        rows = rows.copy()
        rows[broken], missing[broken] = filled(rows[broken].astype(np.float64))
    unit, mean, peak = _centre(rows)
    moments = np.stack([mean, *_moments(unit, peak)])
    for row in np.flatnonzero(broken):
        moments[:, row] = _moments_of_valid(given[row])
    power = _power(unit)
    spectral = np.full((MODES + BANDS, CHUNK), np.nan)
    spectral[: len(bands.slots)] = mode_frequencies(power, bands)
    spectral[MODES:] = _log_shares(power, rows.shape[1])
    spectral[:, missing > MAX_MISSING_SHARE * rows.shape[1]] = np.nan
    return np.vstack([moments, spectral, missing])


def _centre(rows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Windows about their mean and scaled to a peak of 1 (no overflow, no underflow), with mean and peak."""
    first = rows.mean(axis=1, keepdims=True)
    unit = rows - first
    left = unit.mean(axis=1, keepdims=True)  # what float32 lost in the first mean, where the offset is large
    unit -= left
    peak = np.maximum(unit.max(axis=1), -unit.min(axis=1))
    unit *= np.where(peak > 0, 1 / np.where(peak > 0, peak, 1), 0).astype(np.float32)[:, None]
    mean = first[:, 0].astype(np.float64) + left[:, 0]
    return unit, mean, peak.astype(np.float64)


def _moments(unit: NDArray[np.float32], peak: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """rms, peak, crest, kurtosis of windows with unit peak."""
    squares = unit * unit
    second = squares.mean(axis=1).astype(np.float64)
    fourth = np.einsum("ij,ij->i", squares, squares).astype(np.float64) / unit.shape[1]
    varying = np.where(second > 0, second, np.nan)
    yield peak * np.sqrt(second)
    yield peak
    yield 1.0 / np.sqrt(varying)
    yield fourth / varying**2


def _moments_of_valid(row: NDArray[np.float32]) -> NDArray[np.float64]:
    """mean, rms, peak, crest, kurtosis of the samples that are there."""
    values = row[np.abs(row) < _HUGE].astype(np.float64)[None]
    if not values.size:
        return np.full(len(MOMENT_NAMES), np.nan)
    mean = values.mean()
    peak = np.abs(values - mean).max(keepdims=True)[0]
    unit = (values - mean) / (peak if peak > 0 else 1.0)
    return np.stack([mean[None], *_moments(unit, peak)])[:, 0]


def _power(unit: NDArray[np.float32]) -> NDArray[np.float32]:
    """Hann-tapered, linearly detrended power, shape (CHUNK, n // 2 + 1), arbitrary scale."""
    length = unit.shape[1]
    ramp = _ramp(length)
    flat = unit - (unit @ ramp)[:, None] * ramp
    flat *= _hann(length)
    lines = scipy.fft.rfft(flat, axis=1, overwrite_x=True)
    power: NDArray[np.float32] = lines.real**2 + lines.imag**2
    return power


def _log_shares(power: NDArray[np.float32], length: int) -> NDArray[np.float64]:
    """Natural log of each band's share of the energy, shape (BANDS, CHUNK)."""
    weights = _band_weights(length)
    # Bands as rows: with windows as rows, BLAS adds in an order that depends on the window's place in the chunk.
    energy = (weights @ power.T).astype(np.float64)
    total = energy.sum(axis=0)
    shares = np.log(np.maximum(energy / np.where(total > 0, total, 1.0), _TINY))
    shares[:, ~(total > 0)] = np.nan
    shares[~weights.any(axis=1)] = np.nan
    return shares


@lru_cache(maxsize=32)
def _hann(length: int) -> NDArray[np.float32]:
    """The periodic Hann taper."""
    angle = 2 * np.pi * np.arange(length) / length
    taper: NDArray[np.float32] = (0.5 - 0.5 * np.cos(angle)).astype(np.float32)
    return taper


@lru_cache(maxsize=32)
def _ramp(length: int) -> NDArray[np.float32]:
    """A straight line of zero mean and unit energy: projecting it out removes a linear trend."""
    line = np.arange(length) - (length - 1) / 2
    ramp: NDArray[np.float32] = (line / np.sqrt(np.sum(line**2))).astype(np.float32)
    return ramp


@lru_cache(maxsize=32)
def _band_weights(length: int) -> NDArray[np.float32]:
    """Share of each spectral line that falls in each octave, shape (BANDS, n // 2 + 1).

    Line k stands for [k − ½, k + ½]; line 0 and the lower half of line 1 hold only what detrending left.
    """
    lines = np.arange(length // 2 + 1)
    top = length / 2
    edges = np.concatenate([[0.5], top * 2.0 ** np.arange(1 - BANDS, 1)])
    low, high = np.maximum(lines - 0.5, 0.5), np.minimum(lines + 0.5, top)
    overlap = np.minimum(high, edges[1:, None]) - np.maximum(low, edges[:-1, None])
    weights: NDArray[np.float32] = np.clip(overlap, 0.0, None).astype(np.float32)
    return weights

"""Hourly features of a simulated footbridge through the seasons: independent of the product's own simulator.

Three modes that follow a lagged temperature with a kink at freezing, octave shares that follow level and temperature,
traffic by hour and weekday, slow residual weather (not explained by the thermometer), heavy-tailed noise, and windows
in which a mode is not excited.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.signal

from models.novelty_state import Rows

START_NS = 1_767_225_600_000_000_000  # 2026-01-01
HOUR_NS = 3_600_000_000_000
LAGS_H = (0.0, 3.0, 12.0, 48.0)
MODES, BANDS = 3, 8
FEATURES = MODES + 1 + BANDS + 2
GROUP = np.array([1, 2, 3, 4, *[0] * (BANDS + 2)])


@dataclass(frozen=True)
class Season:
    """How the structure behaves: see `season`."""

    mode_noise: float = 0.012  # of one window's ln f; a 10 s window gives 0.8-2 %
    kink: float = 0.004  # ln f per °C below freezing; 0.001 above
    slow_weather: float = 0.0015  # ln f, stationary, correlated over 3 days (moisture, wind)
    start_day: int = 0  # of the year


def lagged(values, constant_h):
    if constant_h == 0:
        return values
    keep = np.exp(-1.0 / constant_h)
    return scipy.signal.lfilter([1 - keep], [1, -keep], values, zi=[keep * values[0]])[0]


def slow(rng, count, constant_h, deviation):
    keep = np.exp(-1.0 / constant_h)
    drive = rng.standard_normal(count + 500) * deviation * np.sqrt(1 - keep**2)
    return scipy.signal.lfilter([1], [1, -keep], drive)[500:]


def air_temperature(rng, days, start_day):
    hours = np.arange(24 * days)
    annual = -12.0 * np.cos(2 * np.pi * (hours / 24 + start_day - 20) / 365.25)
    sun = np.clip(slow(rng, hours.size, 72, 0.5) + 1.0, 0.2, 2.0)
    daily = -4.0 * sun * np.cos(2 * np.pi * (hours - 3) / 24)
    return 9.0 + annual + daily + slow(rng, hours.size, 70, 4.0)


def season(seed, days, behaviour=Season(), loss=None):
    """`Rows` of `days` days, one an hour; `loss` (hours,) is subtracted from ln f of every mode."""
    rng = np.random.default_rng(seed)
    count = 24 * days
    hours = np.arange(count)
    air = air_temperature(rng, days, behaviour.start_day)
    deck = 0.7 * lagged(air, 5.0) + 0.3 * lagged(air, 20.0)
    weekday = (hours // 24 % 7 < 5).astype(float)
    rush = np.exp(-((hours % 24 - 8) ** 2) / 8) + np.exp(-((hours % 24 - 17) ** 2) / 8)
    log_rms = -5.0 + (0.6 + 0.5 * weekday) * rush + 0.3 * rng.standard_normal(count) + slow(rng, count, 24, 0.1)
    frequency = -0.001 * deck + behaviour.kink * np.log1p(np.exp(-deck / 1.5)) * 1.5
    modes = np.empty((count, MODES))
    for mode in range(MODES):
        ratio = 1.0 - 0.2 * mode
        weather = slow(rng, count, 72, behaviour.slow_weather)
        noise = behaviour.mode_noise * rng.standard_t(5, count) * np.exp(-0.15 * (log_rms + 4.5))
        modes[:, mode] = np.log(2.3 * (mode + 1.5)) + ratio * frequency + weather + noise
        modes[rng.random(count) < 0.08, mode] = np.nan
    if loss is not None:
        modes -= loss[:, None]
    slope = rng.normal(0, 0.15, BANDS)
    warm = rng.normal(0, 0.004, BANDS)
    shares = np.log(np.geomspace(0.002, 0.4, BANDS)) + np.outer(log_rms + 4.5, slope) + np.outer(deck, warm)
    shares = shares + 0.25 * rng.standard_normal((count, BANDS)) + slow(rng, count, 48, 0.04)[:, None]
    crest = np.log(3.5 + np.abs(rng.standard_normal(count)))
    kurtosis = np.log(3.0 + rng.gamma(2.0, 0.5, count))
    temperature = np.column_stack([lagged(air, lag) for lag in LAGS_H]) + 0.2 * rng.standard_normal((count, 1))
    t_ns = START_NS + behaviour.start_day * 24 * HOUR_NS + hours * HOUR_NS
    return Rows(t_ns, temperature, log_rms, np.column_stack([modes, modes.mean(axis=1), shares, crest, kurtosis]))

"""A crack in a concrete body: breathes with lagged temperature, may grow; and its thermometer. Hourly, seeded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

LAGS_H = (0.0, 3.0, 12.0, 48.0)
WARM_UP_H = 60 * 24


@dataclass(frozen=True)
class Body:
    """`per_c` mm/°C on the air's temperature lagged by `lag_h`; noise white, and wandering with a memory."""

    lag_h: float = 30.0
    per_c: float = -0.01
    noise: float = 0.01
    wander: float = 0.0
    wander_days: float = 5.0


@dataclass(frozen=True)
class Growth:
    """From day `onset`: rate·t + acceleration·t²/2, mm and years."""

    onset: float = 0.0
    rate: float = 0.0
    acceleration: float = 0.0


def lagged(values: np.ndarray, hours: float, step_h: float = 1.0) -> np.ndarray:
    if hours == 0:
        return values
    gain = -np.expm1(-step_h / hours)
    out, _ = lfilter([gain], [1, gain - 1], values, zi=[(1 - gain) * values[0]])
    return out


def recording(
    seed: int, days: int, body: Body | None = None, growth: Growth | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Day (n,), width mm (n,), lagged temperatures (n, 4), hourly."""
    body, growth = body or Body(), growth or Growth()
    rng = np.random.default_rng(seed)
    hours = np.arange(WARM_UP_H + 24 * days)
    date = rng.uniform(0, 365) + hours / 24
    weather = lfilter([1], [1, -np.exp(-1 / 60)], rng.normal(size=hours.size)) * 3.2 * np.sqrt(-np.expm1(-2 / 60))
    season = 9.5 * np.cos(2 * np.pi * (date - 201) / 365.25) + 3.5 * np.cos(2 * np.pi * (hours - 14) / 24)
    air = 9 + season + weather
    felt = lagged(air, body.lag_h)[WARM_UP_H:]
    air = air[WARM_UP_H:] + rng.normal(0, 0.1, felt.size)
    day = np.arange(felt.size) / 24
    memory = np.exp(-1 / 24 / body.wander_days)
    wander = lfilter([1], [1, -memory], rng.normal(size=day.size)) * body.wander * np.sqrt(1 - memory**2)
    years = np.maximum(day - growth.onset, 0) / 365.25
    grown = growth.rate * years + growth.acceleration * years**2 / 2
    width = 0.4 + body.per_c * (felt - 10) + grown + wander + body.noise * rng.normal(size=day.size)
    return day, width, np.stack([lagged(air, lag) for lag in LAGS_H], axis=1)


def daily(values: np.ndarray) -> np.ndarray:
    """Means of 24 hours, along the first axis."""
    return values.reshape(-1, 24, *values.shape[1:]).mean(axis=1)

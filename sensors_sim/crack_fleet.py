"""Many cracks in concrete, each watched for a while and then left alone until it reaches its limit: with truth.

Each breathes with the temperature of a body that follows the air by hours to days, with a season of moisture that no
thermometer sees, and with a gauge that scatters and wanders. It is stable, or it grows: steadily or ever faster, from
before the first reading or from a day within the record, its rate fluctuating by weeks. The truth is the same growth
carried on. All figures are assumptions of the simulation; the air is that of `sensors_sim.environment.Climate`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors_sim.autoregression import autoregression, lagged
from sensors_sim.environment import WARMEST_DAY, WARMEST_HOUR, Climate
from sensors_sim.streams import Streams
from telltale.clock import DAYS_PER_YEAR, NS_PER_DAY

Floats = NDArray[np.float64]

A_DAY = 4  # readings
START_DAY = 20_454  # 2026-01-01
WARM_UP_DAYS = 60
BEYOND = 8.0  # records that the truth is carried on for
PAIR = tuple[float, float]


@dataclass(frozen=True, slots=True)
class CrackPlan:
    """What the cracks are drawn from; pairs are the ends of a uniform distribution unless said otherwise.

    Attributes:
        record_days: watched for.
        rate_mm_per_year: median and log deviation of the growth's rate.
        gains: acceleration, in rates a year; half of the growing cracks have any.
        onset: share of the record after which growth begins; a third of the growing cracks have one.
        flutter, flutter_days: relative deviation of the rate, and its memory.
        ahead: how far ahead the limit lies, in records.
        body_h: lag of the body behind the air.
        per_c: mm/°C.
        moisture: half swing of the season that temperature does not explain, as a share of temperature's.
        noise_mm: of a reading; wander_mm, wander_days: of the gauge.
    """

    record_days: tuple[int, int] = (60, 400)
    rate_mm_per_year: PAIR = (0.35, 0.6)
    gains: PAIR = (0.0, 1.0)
    onset: PAIR = (0.1, 0.5)
    flutter: PAIR = (0.0, 0.35)
    flutter_days: PAIR = (10.0, 60.0)
    ahead: PAIR = (0.1, 1.5)
    body_h: PAIR = (5.0, 120.0)
    per_c: PAIR = (-0.015, -0.002)
    moisture: PAIR = (0.0, 0.2)
    noise_mm: PAIR = (0.002, 0.01)
    wander_mm: PAIR = (0.0, 0.008)
    wander_days: PAIR = (2.0, 15.0)


@dataclass(frozen=True, slots=True)
class Crack:
    """One gauge's record and what became of the crack.

    Attributes:
        name: of the channel.
        t_ns: (k,) UTC of readings, whole days.
        width_mm, celsius: (k,) gauge and thermometer.
        growing: whether it grows at all.
        limit_mm: width, at the record's mean temperature, at which life ends.
        reached_days: after the end of the record; infinite for a stable crack, or beyond what was simulated.
    """

    name: str
    t_ns: NDArray[np.int64]
    width_mm: Floats
    celsius: Floats
    growing: bool
    limit_mm: float
    reached_days: float


def crack(seed: int, number: int, plan: CrackPlan, *, growing: bool) -> Crack:
    """Crack `number` of the fleet `seed`."""
    name = f"crack-{number}-{'growing' if growing else 'stable'}"
    rng = Streams(seed).at(name)
    days = int(rng.integers(*plan.record_days))
    air, body = _temperatures(rng, days, rng.uniform(*plan.body_h))
    per_c = rng.uniform(*plan.per_c)
    grown = _growth(rng, days, plan) if growing else np.zeros(int((1 + BEYOND) * days * A_DAY))
    seen = days * A_DAY
    at_rest = 0.3 + per_c * (body - body.mean())
    gauge = _wander(rng, seen, plan) + rng.uniform(*plan.noise_mm) * rng.standard_normal(seen)
    width = at_rest + grown[:seen] + _moisture(rng, seen, per_c, plan) + gauge
    limit = 0.3 + _limit_growth(rng, grown, seen, plan) if growing else 0.3 + rng.uniform(0.05, 0.5)
    beyond = np.flatnonzero(grown[seen:] >= limit - 0.3)
    t_ns = START_DAY * NS_PER_DAY + np.arange(seen, dtype=np.int64) * NS_PER_DAY // A_DAY
    reached_days = (beyond[0] + 1) / A_DAY if beyond.size else float("inf")
    return Crack(name, t_ns, width, air, growing, float(limit), float(reached_days))


def _limit_growth(rng: np.random.Generator, grown: Floats, seen: int, plan: CrackPlan) -> float:
    """The growth that is reached some way ahead."""
    return float(grown[min(seen + int(rng.uniform(*plan.ahead) * seen), grown.size - 1)])


def _growth(rng: np.random.Generator, days: int, plan: CrackPlan) -> Floats:
    """Mm since the first reading, over the record and beyond."""
    years = np.arange(int((1 + BEYOND) * days * A_DAY)) / A_DAY / DAYS_PER_YEAR
    onset = rng.uniform(*plan.onset) * days / DAYS_PER_YEAR if rng.random() < 1 / 3 else 0.0
    gain = rng.uniform(*plan.gains) if rng.random() < 0.5 else 0.0
    median, spread = plan.rate_mm_per_year
    flutter = 1 + rng.uniform(*plan.flutter) * autoregression(rng, years.size, A_DAY * rng.uniform(*plan.flutter_days))
    since = np.maximum(years - onset, 0)
    rate = median * np.exp(spread * rng.standard_normal()) * (since > 0) * (1 + gain * since) * np.maximum(flutter, 0)
    return np.asarray(np.cumsum(rate) / A_DAY / DAYS_PER_YEAR)


def _temperatures(rng: np.random.Generator, days: int, lag_h: float) -> tuple[Floats, Floats]:
    """Air (with the thermometer's noise) and body over the record; the record begins at any time of the year."""
    climate = Climate()
    count = (WARM_UP_DAYS + days) * A_DAY
    day = rng.uniform(0, DAYS_PER_YEAR) + np.arange(count) / A_DAY
    hour = (np.arange(count) % A_DAY) * 24 / A_DAY
    season = climate.season_c * np.cos(2 * np.pi * (day - WARMEST_DAY) / DAYS_PER_YEAR)
    daily = climate.day_c * np.cos(2 * np.pi * (hour - WARMEST_HOUR) / 24)
    weather = climate.weather_c * autoregression(rng, count, A_DAY * climate.weather_memory_h / 24)
    air = climate.mean_c + season + daily + weather
    body = lagged(air, np.exp(-24 / A_DAY / lag_h))
    seen = slice(WARM_UP_DAYS * A_DAY, None)
    return air[seen] + 0.1 * rng.standard_normal(days * A_DAY), body[seen]


def _moisture(rng: np.random.Generator, count: int, per_c: float, plan: CrackPlan) -> Floats:
    swing = rng.uniform(*plan.moisture) * per_c * Climate().season_c
    day = np.arange(count) / A_DAY
    return np.asarray(swing * np.cos(2 * np.pi * (day / DAYS_PER_YEAR + rng.random())))


def _wander(rng: np.random.Generator, count: int, plan: CrackPlan) -> Floats:
    return rng.uniform(*plan.wander_mm) * autoregression(rng, count, A_DAY * rng.uniform(*plan.wander_days))

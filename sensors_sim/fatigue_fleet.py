"""Many girders with strain gauges, each watched for a while and then left to its traffic until it fails: with truth.

The gauge's record is one window of reversals a day (every crossing a peak between zeros), so that years of traffic are
few samples. The truth is the same traffic carried on: growth, good and bad years, seasons, weekdays, and a detail that
endures more or less than its design curve says.

Sources: scatter of the S-N curve DNV-RP-C203 2.4.1 (0.20 in log10 N, design curve at 95 % survival). Growth, years and
seasons are of the order that counting stations of trunk roads show; they are assumptions of the simulation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models import fatigue
from sensors_sim.streams import Streams
from telltale.clock import DAYS_PER_YEAR, NS_PER_DAY

Floats = NDArray[np.float64]

HORIZON_YEARS = 150
WINDOW_SAMPLES = 256
WEEKDAYS = np.array([1.2, 1.25, 1.25, 1.25, 1.2, 0.5, 0.35])  # heavy vehicles, mean 1
START_NS = 20_000 * NS_PER_DAY
YOUNGS_MODULUS_GPA = 210.0
_SAMPLE = 4_000


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """What the girders are drawn from.

    Attributes:
        record_days: fewest and most days watched, uniform.
        design_years: median and log deviation of the years in which the mean traffic uses up the design curve.
        crossings_a_day: mean number that strain the girder.
        weight_sd: log deviation of the peaks of crossings.
        growth_mean, growth_sd: of the yearly growth of traffic.
        year_sd: log deviation of a year about its trend.
        week_sd: log deviation of a week.
        season: least and largest relative amplitude of the yearly cycle, uniform.
        sn_sd: of log10 of the endured damage.
    """

    record_days: tuple[int, int] = (60, 730)
    design_years: tuple[float, float] = (12.0, 0.7)
    crossings_a_day: float = 40.0
    weight_sd: float = 0.3
    growth_mean: float = 0.015
    growth_sd: float = 0.01
    year_sd: float = 0.15
    week_sd: float = 0.15
    season: tuple[float, float] = (0.05, 0.3)
    sn_sd: float = 0.20


@dataclass(frozen=True, slots=True)
class Girder:
    """One gauge's record and what became of the girder.

    Attributes:
        name: of the channel.
        category_mpa: Δσ_C of the watched detail.
        t_ns: (days,) first sample of each window.
        windows: (days, WINDOW_SAMPLES) strain, µε.
        failed_years: from the end of the record; infinite beyond the simulated horizon.
    """

    name: str
    category_mpa: float
    t_ns: NDArray[np.int64]
    windows: NDArray[np.float32]
    failed_years: float


def girder(seed: int, number: int, plan: FleetPlan) -> Girder:
    """Girder `number` of the fleet `seed`: of those that outlive their record, the first that is drawn."""
    stream = Streams(seed)
    attempt = 0
    while True:
        found = _girder(stream.at(f"girder/{number}", attempt), f"girder{number}.strain", plan)
        if found.failed_years > 0:
            return found
        attempt += 1


def _girder(rng: np.random.Generator, name: str, plan: FleetPlan) -> Girder:
    days = int(rng.integers(plan.record_days[0], plan.record_days[1] + 1))
    category_mpa = float(rng.choice([56.0, 71.0, 80.0, 112.0]))
    level = _level(rng, plan)
    design_years = plan.design_years[0] * np.exp(plan.design_years[1] * rng.standard_normal())
    a_day = 1.0 / (design_years * DAYS_PER_YEAR)  # damage of mean traffic
    peak_ue = _median_peak_ue(rng, plan, a_day, category_mpa)
    endured = 10 ** (plan.sn_sd * (1.645 + rng.standard_normal()))
    used = np.cumsum(a_day * level)
    failed = np.searchsorted(used, endured)
    failed_years = (failed - days) / DAYS_PER_YEAR if failed < used.size else np.inf
    t_ns = START_NS + np.arange(days) * NS_PER_DAY
    return Girder(name, category_mpa, t_ns, _windows(rng, plan, level[:days], peak_ue), float(failed_years))


def _level(rng: np.random.Generator, plan: FleetPlan) -> Floats:
    """Traffic of each day over its mean in the first year, shape (HORIZON_YEARS · 365,)."""
    day = np.arange(round(HORIZON_YEARS * DAYS_PER_YEAR))
    years = day / DAYS_PER_YEAR
    calendar = (years + rng.uniform()).astype(int)  # the record begins at any time of a year
    growth = np.log1p(rng.normal(plan.growth_mean, plan.growth_sd))
    year = plan.year_sd * rng.standard_normal(HORIZON_YEARS + 2)[calendar]
    week = plan.week_sd * rng.standard_normal(day.size // 7 + 1)[day // 7]
    season = 1 + rng.uniform(*plan.season) * np.cos(2 * np.pi * (years - rng.uniform()))
    level: Floats = np.exp(growth * years + year + week) * season * WEEKDAYS[day % 7]
    return level


def _median_peak_ue(rng: np.random.Generator, plan: FleetPlan, damage_a_day: float, category_mpa: float) -> float:
    """The median peak at which mean traffic does that damage; damage rises with the peak, so by bisection."""
    shape = np.exp(plan.weight_sd * rng.standard_normal(_SAMPLE))
    once = np.full(_SAMPLE, plan.crossings_a_day / _SAMPLE)
    low, high = 1.0, 20_000.0
    for _ in range(40):
        middle = float(np.sqrt(low * high))
        stress_mpa = fatigue.stress_ranges_mpa(middle * shape, YOUNGS_MODULUS_GPA)
        if fatigue.damage(stress_mpa, once, category_mpa) < damage_a_day:
            low = middle
        else:
            high = middle
    return low


def _windows(rng: np.random.Generator, plan: FleetPlan, level: Floats, peak_ue: float) -> NDArray[np.float32]:
    slots = WINDOW_SAMPLES // 2 - 1
    crossing = rng.uniform(size=(level.size, slots)) < plan.crossings_a_day * level[:, None] / slots
    peaks = peak_ue * np.exp(plan.weight_sd * rng.standard_normal((level.size, slots)))
    windows = np.zeros((level.size, WINDOW_SAMPLES), dtype=np.float32)
    windows[:, 1 : 2 * slots : 2] = np.where(crossing, peaks, 0.0)
    return windows

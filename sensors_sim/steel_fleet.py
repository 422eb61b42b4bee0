"""Many fatigue cracks in steel, each measured for a while and then left alone until it is as long as its limit allows.

Each grows by Paris' law with an exponent and a resistance of its own, through material whose resistance wanders and has
harder and softer stretches, under traffic that has better and worse months; its length is read by a gauge on most days
or by an inspector every few weeks, with an error. Some bring the histories of earlier cracks of their kind, read off
their fracture surfaces. The truth is the same growth carried on.

Sources: exponent and rate BS 7910:2019 8.2.3; stretches and wander are of the order that the plates of Virkler,
Hillberry & Goel (1979) show: log rates about a plate's own law deviate by 0.15 over stretches of 5 % of the length,
correlated over 5 to 10 %. The rest is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.paris import C_STEEL_IN_AIR
from models.stress_intensity import Loaded
from sensors_sim.autoregression import autoregression
from sensors_sim.streams import Streams
from telltale.clock import NS_PER_DAY, NS_PER_HOUR

Floats = NDArray[np.float64]

START_DAY = 20_454  # 2026-01-01
BEYOND = 12.0  # records that the truth is carried on for
POINTS = 500  # of a crack's path
TENTH = 10  # every tenth point is read off a fracture surface
PAIR = tuple[float, float]


@dataclass(frozen=True, slots=True)
class SteelPlan:
    """What the cracks are drawn from; pairs are the ends of a uniform distribution unless said otherwise.

    Attributes:
        record_days: watched for.
        start_mm: length at the first reading, uniform in its logarithm.
        growth: ln of the limit over that length.
        seen: share of that growth which a crack of median rate shows within its record.
        stress_range_mpa: Δσ.
        slope: mean and deviation of Paris' exponent m.
        rate_sd: log deviation of the rate between cracks of a kind.
        walk: variance that the log rate's level gains by wandering a unit of ln a.
        local, local_length: variance of stretches of harder and softer material, and their correlation in ln a.
        traffic, traffic_days: relative deviation of the cycles a day, and its memory.
        in_plate: share of cracks in the middle of a plate, whose limit is `of_width` of it; others have a constant Y.
        inspected: share that is inspected every `inspection_days` with an error of `inspection_mm`, any day of these;
            the others have a gauge that reads on a share `gauge_days` of the days with an error of `gauge_mm`.
        earlier: histories that a crack brings where it is asked for.
    """

    record_days: tuple[int, int] = (120, 700)
    start_mm: PAIR = (8.0, 30.0)
    growth: PAIR = (0.5, 1.5)
    seen: PAIR = (0.35, 0.8)
    stress_range_mpa: PAIR = (30.0, 60.0)
    slope: PAIR = (3.0, 0.25)
    rate_sd: PAIR = (0.05, 0.3)
    walk: PAIR = (0.0, 0.1)
    local: PAIR = (0.0, 0.05)
    local_length: PAIR = (0.03, 0.12)
    traffic: PAIR = (0.0, 0.2)
    traffic_days: PAIR = (10.0, 60.0)
    in_plate: float = 0.5
    of_width: PAIR = (0.1, 0.4)
    inspected: float = 0.3
    inspection_days: PAIR = (7.0, 28.0)
    inspection_mm: PAIR = (0.1, 0.4)
    gauge_days: PAIR = (0.6, 1.0)
    gauge_mm: PAIR = (0.02, 0.15)
    earlier: int = 30


@dataclass(frozen=True, slots=True)
class SteelCrackRecord:
    """One crack's record and what became of it.

    Attributes:
        name: of the channel.
        t_ns: (k,) UTC of readings, one a day at most.
        length_mm: (k,) read.
        days_apart: of readings, planned.
        limit_mm: length at which life ends.
        loaded: its stress range and geometry.
        cycles_per_day: mean.
        record_days: from the first day to the end of the day of the last reading.
        reached_days: after that; infinite beyond what was simulated.
        earlier: of each earlier crack of its kind (2, n) lengths and the cycles at which they were reached.
    """

    name: str
    t_ns: NDArray[np.int64]
    length_mm: Floats
    days_apart: float
    limit_mm: float
    loaded: Loaded
    cycles_per_day: float
    record_days: float
    reached_days: float
    earlier: tuple[Floats, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a crack has in common with earlier ones; lengths in mm."""

    start_mm: float
    limit_mm: float
    loaded: Loaded
    rate_sd: float
    walk: float
    local: float
    local_length: float


def steel_crack(seed: int, number: int, plan: SteelPlan, *, with_earlier: bool) -> SteelCrackRecord:
    """Crack `number` of the fleet `seed`: of those that outlive their record, the first that is drawn."""
    name = f"steel-{number}{'-of-a-kind' if with_earlier else ''}"
    streams, attempt = Streams(seed), 0
    while True:
        found = _crack(streams.at(name, attempt), name, plan, plan.earlier if with_earlier else 0)
        if found.reached_days > 0:
            return found
        attempt += 1


def _crack(rng: np.random.Generator, name: str, plan: SteelPlan, earlier: int) -> SteelCrackRecord:
    kind, planned_days = _kind(rng, plan), int(rng.integers(*plan.record_days))
    seen_mm = kind.start_mm * (kind.limit_mm / kind.start_mm) ** rng.uniform(*plan.seen)
    length, median = _path(rng, kind, plan, steady=True)
    cycles_per_day = float(np.interp(seen_mm, length, median)) / planned_days
    passed = np.cumsum(cycles_per_day * _traffic(rng, int((1 + BEYOND) * planned_days), plan))  # by the end of a day
    _, cycles = _path(rng, kind, plan)
    day, days_apart, error_mm = _readings(rng, planned_days, plan)
    true_mm = np.interp(passed[day], cycles, length)
    record_days = float(day[-1] + 1)
    reached_days = float(np.searchsorted(passed, cycles[-1])) + 1 - record_days
    return SteelCrackRecord(
        name=name,
        t_ns=(START_DAY + day) * NS_PER_DAY + rng.integers(6, 18, day.size) * NS_PER_HOUR,
        length_mm=true_mm + error_mm * rng.standard_normal(day.size),
        days_apart=days_apart,
        limit_mm=kind.limit_mm,
        loaded=kind.loaded,
        cycles_per_day=cycles_per_day,
        record_days=record_days,
        reached_days=reached_days if cycles[-1] <= passed[-1] else float("inf"),
        earlier=_earlier(rng, kind, plan, earlier),
    )


def _kind(rng: np.random.Generator, plan: SteelPlan) -> _Kind:
    start = float(np.exp(rng.uniform(*np.log(plan.start_mm))))
    limit = start * float(np.exp(rng.uniform(*plan.growth)))
    width = limit / rng.uniform(*plan.of_width) if rng.random() < plan.in_plate else None
    loaded = Loaded(float(rng.uniform(*plan.stress_range_mpa)), 1.0 if width else 1.12, width)
    spread = (rng.uniform(*pair) for pair in (plan.rate_sd, plan.walk, plan.local, plan.local_length))
    return _Kind(start, limit, loaded, *spread)


def _path(rng: np.random.Generator, kind: _Kind, plan: SteelPlan, *, steady: bool = False) -> tuple[Floats, Floats]:
    """Lengths to the limit (POINTS,) and the cycles at which they are reached; `steady`: of the median crack."""
    length = np.geomspace(kind.start_mm, kind.limit_mm, POINTS)
    middle, step = np.sqrt(length[1:] * length[:-1]), float(np.log(length[1] / length[0]))
    ratio = np.log(kind.loaded.range_at(middle) / kind.loaded.range_at(length[:1]))
    first = np.log(C_STEEL_IN_AIR) + plan.slope[0] * np.log(kind.loaded.range_at(length[:1]))
    log_rate = first + plan.slope[0] * ratio
    if not steady:
        log_rate += kind.rate_sd * rng.standard_normal() + plan.slope[1] * rng.standard_normal() * ratio
        log_rate += np.cumsum(np.sqrt(kind.walk * step) * rng.standard_normal(middle.size))
        log_rate += np.sqrt(kind.local) * autoregression(rng, middle.size, kind.local_length / step)
    return length, np.concatenate(([0.0], np.cumsum(np.diff(length) * np.exp(-log_rate))))


def _traffic(rng: np.random.Generator, days: int, plan: SteelPlan) -> Floats:
    """Cycles of each day over their mean."""
    return np.maximum(1 + rng.uniform(*plan.traffic) * autoregression(rng, days, rng.uniform(*plan.traffic_days)), 0.05)


def _readings(rng: np.random.Generator, days: int, plan: SteelPlan) -> tuple[NDArray[np.int64], float, float]:
    """Days of the record on which the length is read, how many days apart they were meant to be, and the error, mm."""
    if rng.random() < plan.inspected:
        apart = rng.uniform(*plan.inspection_days)
        day = np.cumsum(np.maximum(rng.uniform(0.5, 1.5, int(3 * days / apart)) * apart, 1.0)).astype(np.int64)
        return np.unique(np.append(0, day[day < days])), float(apart), float(rng.uniform(*plan.inspection_mm))
    day = np.flatnonzero(rng.random(days) < rng.uniform(*plan.gauge_days))
    return day, 1.0, float(rng.uniform(*plan.gauge_mm))


def _earlier(rng: np.random.Generator, kind: _Kind, plan: SteelPlan, count: int) -> tuple[Floats, ...]:
    paths = (np.stack(_path(rng, kind, plan)) for _ in range(count))
    return tuple(np.concatenate((path[:, ::TENTH], path[:, -1:]), axis=1) for path in paths)

"""Remaining life as a distribution: years from now until a limit is reached, always as draws, never as one number."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

PLANNING_RANGE_YEARS = 100
QUANTILES = (0.05, 0.10, 0.50, 0.90, 0.95)
DRAWS = 1000
GROWTH_SD, GROWTH_MEMORY_YEARS = 0.07, 30 / 365.25


@dataclass(frozen=True, slots=True)
class FatigueScatter:
    """What is not in the recorded weeks, each self-set but the S-N scatter.

    Attributes:
        growth_mean, growth_sd: yearly growth of damage by traffic.
        year_sd: standard deviation (log) of a year's damage about its trend. Without it a nominal 90 % interval
            covers 65 % (simulated).
        season_sd: additional one for the part of a year that the record does not hold.
        sn_sd: standard deviation of log10 N about the mean S-N curve (DNV-RP-C203 2.4.1: 0.20); the design curve of
            EN 1993-1-9 lies 1.645 of it below the mean (95 % survival).
    """

    growth_mean: float = 0.015
    growth_sd: float = 0.01
    year_sd: float = 0.15
    season_sd: float = 0.25
    sn_sd: float = 0.20


def seed_of(name: str) -> int:
    """A seed that belongs to a channel, so that the same history gives the same quantiles everywhere."""
    return zlib.crc32(name.encode())


def fatigue_years(
    block_damage: Floats,
    block_years: Floats,
    consumed: float,
    seed: int,
    scatter: FatigueScatter | None = None,
) -> Floats:
    """Draws of the years until a detail fails, shape (DRAWS,), capped at `PLANNING_RANGE_YEARS`.

    Weekly-block bootstrap × growth prior × year factor × S-N scatter. Failure is Miner's sum reaching 10^(sn·(1.645+z))
    on the characteristic curve, z ~ N(0, 1): the curve itself is the 5 % quantile of that.

    Args:
        block_damage: damage of each block (a week), shape (b,), b ≥ 2.
        block_years: recorded time of each block, years, shape (b,).
        consumed: damage already done since monitoring began.
        seed: see `seed_of`.
        scatter: see `FatigueScatter`.
    """
    scatter = scatter or FatigueScatter()
    rng = np.random.default_rng(seed)
    rate = _bootstrap_rates(block_damage, block_years, rng)
    rate *= np.exp(rng.normal(0, _history_sd(float(block_years.sum()), scatter), DRAWS))
    endured = 10 ** (scatter.sn_sd * (1.645 + rng.normal(size=DRAWS)))
    yearly = _relative_years(rng, scatter)
    return _passage(np.cumsum(yearly, axis=1), np.maximum(endured - consumed, 0) / rate)


def _relative_years(rng: np.random.Generator, scatter: FatigueScatter) -> NDArray[np.float32]:
    """Damage of each year over that of the recorded rate, shape (DRAWS, years): growth × year factor.

    In float32, which halves the time: a year's figure to seven digits is more than its scatter means.
    """
    growth = rng.normal(scatter.growth_mean, scatter.growth_sd, (DRAWS, 1)).astype(np.float32)
    logs = rng.standard_normal((DRAWS, PLANNING_RANGE_YEARS), dtype=np.float32)
    logs *= np.float32(scatter.year_sd)
    logs += np.log1p(growth) * np.arange(PLANNING_RANGE_YEARS, dtype=np.float32)
    yearly: NDArray[np.float32] = np.exp(logs, out=logs)
    return yearly


def _bootstrap_rates(damage: Floats, years: Floats, rng: np.random.Generator) -> Floats:
    blocks = damage.size
    drawn = rng.integers(0, blocks, (DRAWS, blocks))
    rates = damage[drawn].sum(axis=1) / years[drawn].sum(axis=1)
    mean = damage.sum() / years.sum()
    # Few blocks: the bootstrap's spread is too small by √((b-1)/b).
    widened = mean + (rates - mean) * np.sqrt(blocks / max(blocks - 1, 1))
    rates_kept: Floats = np.maximum(widened, mean * 1e-3)
    return rates_kept


def _history_sd(years: float, scatter: FatigueScatter) -> float:
    unseen = max(0.0, 1.0 - years)
    return float(np.hypot(scatter.year_sd / np.sqrt(max(years, 1.0)), scatter.season_sd * unseen))


def _passage(cumulative: NDArray[np.float32], target: Floats) -> Floats:
    """Years at which each row of `cumulative` (draws, years) reaches its target, linear within a year."""
    year = (cumulative < target[:, None]).sum(axis=1)  # whole years that it outlives
    never = year == cumulative.shape[1]
    row, reached = np.arange(target.size), np.minimum(year, cumulative.shape[1] - 1)
    before = np.where(reached > 0, cumulative[row, reached - 1], 0.0)
    within = (target - before) / (cumulative[row, reached] - before)
    return np.where(never, float(PLANNING_RANGE_YEARS), reached + np.clip(within, 0.0, 1.0))


def first_passage_years(distance: Floats, rate: Floats, acceleration: Floats) -> Floats:
    """Years until distance = rate·t + acceleration·t²/2 for each draw, capped at `PLANNING_RANGE_YEARS`.

    Args:
        distance: what is left to the limit, positive; shape (n,).
        rate: a year, towards the limit; shape (n,).
        acceleration: a year², shape (n,). Only growth is believed: a negative one counts as none, for a crack that
            slows down today need not do so tomorrow.
    """
    curve = np.maximum(acceleration, 0.0)
    root = np.sqrt(rate**2 + 2 * curve * np.maximum(distance, 0.0))
    reach = rate + root  # 2d / (v + √(v² + 2ad)) has no cancellation for small a
    with np.errstate(divide="ignore", invalid="ignore"):
        years = np.where(reach > 0, 2 * distance / reach, np.inf)
    return np.clip(np.where(distance <= 0, 0.0, years), 0.0, PLANNING_RANGE_YEARS)


def unsteady(years: Floats, history_years: float, rng: np.random.Generator) -> Floats:
    """Draws of years (n,) with what a growth that comes in better and worse months adds, `unsteady_sd`."""
    scatter = unsteady_sd(years, history_years, GROWTH_SD)
    return np.asarray(np.minimum(years * np.exp(scatter * rng.standard_normal(years.size)), PLANNING_RANGE_YEARS))


def unsteady_sd(years: Floats, history_years: float, sd: float) -> Floats:
    """Log deviation of lives (n,) because the record showed other months than those ahead. Variance of the mean over a
    span of a first-order process of memory τ and deviation σ relative to the mean: 2τσ²/span, for both spans.

    GROWTH_SD, σ of cracks in concrete, and GROWTH_MEMORY_YEARS, τ, are self-set: see docs/decisions/024.
    """
    shortest = 2 * GROWTH_MEMORY_YEARS
    return np.asarray(sd * np.sqrt(shortest * (1 / max(history_years, shortest) + 1 / np.maximum(years, shortest))))


def widened(found: Floats, sd: float) -> Floats:
    """`QUANTILES` (5,) of a life, positive, to which an independent log deviation is added: their distances from the
    median, in logarithms, and that deviation's add in squares.
    """
    logs = np.log(found)
    away = logs - logs[QUANTILES.index(0.5)]
    return np.asarray(np.exp(logs - away + np.sign(away) * np.hypot(away, sd * stats.norm.ppf(QUANTILES))))


def quantiles(draws: Floats) -> tuple[float, float, float, float, float]:
    """P5, P10, P50, P90, P95 of draws in years: the time by which the limit is reached with that probability."""
    p5, p10, p50, p90, p95 = np.quantile(draws, QUANTILES).tolist()
    return p5, p10, p50, p90, p95

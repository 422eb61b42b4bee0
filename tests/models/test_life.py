"""Remaining life as draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from models import life

WEEK = np.full(52, 7 / 365.25)


def traffic(rng, weeks: int, yearly: float, year_sd: float = 0.15) -> np.ndarray:
    """Weekly damage: heavy-tailed weeks times a factor of the year."""
    return yearly / 52 * np.exp(rng.normal(0, 0.3, weeks) + rng.normal(0, year_sd))


def test_the_same_channel_gives_the_same_quantiles_and_another_one_does_not():
    damage = traffic(np.random.default_rng(1), 52, 0.02)
    first, again, other = (
        life.fatigue_years(damage, WEEK, 0.02, life.seed_of(name)) for name in ("a.strain", "a.strain", "b.strain")
    )
    np.testing.assert_array_equal(first, again)
    assert life.quantiles(first) != life.quantiles(other)


def test_quantiles_ascend_and_more_damage_means_less_life():
    damage = traffic(np.random.default_rng(2), 52, 0.05)
    slow = life.quantiles(life.fatigue_years(damage, WEEK, 0.0, 1))
    fast = life.quantiles(life.fatigue_years(4 * damage, WEEK, 0.0, 1))
    assert list(slow) == sorted(slow)
    assert all(f < s for f, s in zip(fast, slow, strict=True))


def test_a_steady_load_without_scatter_gives_the_closed_answer():
    exact = life.FatigueScatter(growth_mean=0.0, growth_sd=0.0, year_sd=0.0, season_sd=0.0, sn_sd=0.0)
    draws = life.fatigue_years(np.full(52, 0.05 / 52), np.full(52, 1 / 52), 0.25, 1, exact)
    assert draws == pytest.approx(15.0)  # (1 - 0.25) / 0.05 a year


def test_a_nominal_90_percent_interval_covers_about_90_percent():
    """True lives drawn from the assumed scatter about a year of record; 200 assets."""
    rng, scatter = np.random.default_rng(3), life.FatigueScatter()
    inside = 0
    for asset in range(200):
        true_rate = 0.03 * np.exp(rng.normal(0, 0.5))
        seen = traffic(rng, 52, true_rate, scatter.year_sd)
        years = true_rate * np.exp(0.3**2 / 2) * (1 + rng.normal(0.015, 0.01)) ** np.arange(100)
        years = years * np.exp(rng.normal(0, scatter.year_sd, 100))
        endured = 10 ** (scatter.sn_sd * (1.645 + rng.normal()))
        reached = np.cumsum(years)
        true_life = float(np.interp(endured, np.concatenate(([0], reached)), np.arange(101)))
        p5, _, _, _, p95 = life.quantiles(life.fatigue_years(seen, WEEK, 0.0, asset))
        inside += p5 <= true_life <= p95
    assert 0.85 <= inside / 200 <= 0.97


def test_life_that_is_used_up_is_zero_and_negligible_damage_is_capped():
    assert life.fatigue_years(np.full(8, 0.1), WEEK[:8], 50.0, 1).max() == 0
    assert life.quantiles(life.fatigue_years(np.full(8, 1e-9), WEEK[:8], 0.0, 1)) == (100.0,) * 5


def test_a_widened_life_is_that_of_an_independent_deviation():
    """Two log-normal deviations of 0.3 and 0.4 make one of 0.5; none changes nothing."""
    scatter = stats.norm.ppf(life.QUANTILES)
    np.testing.assert_allclose(life.widened(7 * np.exp(0.3 * scatter), 0.4), 7 * np.exp(0.5 * scatter))
    np.testing.assert_allclose(life.widened(np.arange(1.0, 6.0), 0.0), np.arange(1.0, 6.0))


def test_months_differ_less_over_longer_spans():
    sd = life.unsteady_sd(np.array([0.01, 0.5, 5.0]), 2.0, 0.1)
    assert (np.diff(sd) < 0).all()
    assert sd[0] < 0.1 * np.sqrt(2)
    assert not life.unsteady_sd(np.array([1.0]), 2.0, 0.0)[0]


def test_first_passage():
    years = life.first_passage_years(
        distance=np.array([1.0, 1.0, 1.0, -0.1, 1.0]),
        rate=np.array([0.5, 0.0, -0.1, 0.1, 0.5]),
        acceleration=np.array([0.0, 2.0, 0.0, 0.0, -9.0]),
    )
    np.testing.assert_allclose(years, [2.0, 1.0, 100.0, 0.0, 2.0])

"""The regression on temperature and level: recovers what it was given, and knows where it has not been."""

from __future__ import annotations

import numpy as np
import pytest

from models.environment import COLUMNS, KNOTS_C, THERMAL, add, complete, design, empty_sums, no_temperature, solve

ONE = np.array([0])


def temperatures(celsius):
    return np.repeat(np.asarray(celsius, dtype=float)[:, None], 4, axis=1)


def fitted(celsius, values):
    x = design(temperatures(celsius), np.zeros(len(celsius)))
    sums = empty_sums(1, 1)
    add(sums, x, np.asarray(values)[:, None], np.ones((len(x), 1), dtype=bool), ONE)
    return solve(sums, ONE)


def test_hats_sum_to_one_and_hold_beyond_the_ends():
    x = design(temperatures([-60.0, -30.0, 3.3, 50.0, 75.0]), np.zeros(5))
    np.testing.assert_allclose(x[:, : len(KNOTS_C)].sum(axis=1), 1.0)
    np.testing.assert_array_equal(x[0], x[1])
    np.testing.assert_array_equal(x[3], x[4])


def test_a_kink_at_freezing_is_learned():
    rng = np.random.default_rng(1)
    celsius = rng.uniform(-10, 20, 4000)
    truth = np.where(celsius < 0, -0.004 * celsius, -0.001 * celsius)
    fit = fitted(celsius, truth + 0.005 * rng.standard_normal(celsius.size))
    probe = np.array([-8.0, -2.5, 2.5, 15.0])
    expected = design(temperatures(probe), np.zeros(4)) @ fit.coefficients[0]
    np.testing.assert_allclose(expected, np.where(probe < 0, -0.004 * probe, -0.001 * probe), atol=0.002)
    assert fit.deviation[0] == pytest.approx(0.005, rel=0.05)


def test_leverage_grows_where_no_temperature_has_been():
    rng = np.random.default_rng(2)
    fit = fitted(rng.uniform(0, 15, 500), 0.01 * rng.standard_normal(500))
    x = design(temperatures([7.0, 20.0, 30.0, 40.0]), np.zeros(4))
    leverage = np.einsum("ki,ij,kj->k", x, fit.inverse[0], x)
    assert leverage[0] < 0.05
    assert (np.diff(leverage) > 0.3).all()


def test_a_mixture_of_lags_is_a_straight_line_in_their_differences():
    rng = np.random.default_rng(3)
    lags = rng.uniform(0, 20, (3000, 1)) + rng.normal(0, 3, (3000, 4))
    values = lags @ [0.0, -0.0005, -0.0005, 0.0]
    x = design(lags, np.zeros(3000))
    sums = empty_sums(1, 1)
    add(sums, x, values[:, None] + 1e-3 * rng.standard_normal((3000, 1)), np.ones((3000, 1), dtype=bool), ONE)
    left = values - x @ solve(sums, ONE).coefficients[0]
    assert left.std() < 2e-4


def test_adding_rows_at_once_or_one_by_one_gives_the_same():
    rng = np.random.default_rng(4)
    x = design(rng.normal(10, 5, (50, 4)), rng.normal(0, 1, 50))
    y = rng.normal(0, 1, (50, 3))
    present = rng.random((50, 2)) < 0.7
    y[~present[:, 1], 2] = np.nan
    group = np.array([0, 0, 1])
    together, apart = empty_sums(2, 3), empty_sums(2, 3)
    add(together, x, y, present, group)
    for i in range(50):
        add(apart, x[i : i + 1], y[i : i + 1], present[i : i + 1], group)
    np.testing.assert_allclose(together.gram, apart.gram)
    np.testing.assert_allclose(together.moment, apart.moment)
    assert together.count.tolist() == present.sum(axis=0).tolist()


def test_too_few_rows_judge_nothing():
    assert np.isinf(fitted([5.0] * 20, [1.0] * 20).deviation[0])


def test_an_unknown_temperature_is_replaced_and_widens():
    rng = np.random.default_rng(5)
    celsius = rng.uniform(-5, 25, 2000)
    fit = fitted(celsius, -0.01 * celsius + 0.01 * rng.standard_normal(2000))
    lags = temperatures([10.0, np.nan])
    lags[1, 1:] = 10.0
    x, blind = complete(design(lags, np.zeros(2)), fit.usual)
    assert blind.tolist() == [False, True]
    assert np.isfinite(x).all()
    # Temperature moves the feature by 0.01 · 30 / √12 = 0.087, that is 8.7 residual deviations.
    assert fit.blind[0] == pytest.approx(8.66**2, rel=0.1)
    assert (x[1] @ fit.coefficients[0]) == pytest.approx(-0.1, abs=0.02)


def test_without_a_thermometer_rows_share_one_hat():
    assert no_temperature().sum() == 1.0
    assert no_temperature().shape == (THERMAL,)
    assert THERMAL < COLUMNS

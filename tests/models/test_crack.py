"""Growth of a crack: intervals that hold what is true, silence where nothing grows, acceleration found."""

from __future__ import annotations

import numpy as np
import pytest

from models.crack import growth
from models.crack_growth import Growth as Fitted
from tests.models.gallery import Body, Growth, daily, recording


def fitted(seed: int, days: int, body: Body | None = None, grows: Growth | None = None) -> Fitted:
    _, width, lagged_c = recording(seed, days, body, grows)
    return growth(np.arange(days) + 0.5, daily(width), daily(lagged_c))


BODIES = [
    Body(),
    Body(lag_h=120.0),
    Body(wander=0.01),
    Body(wander=0.02, wander_days=15.0),
]


@pytest.mark.parametrize("body", BODIES, ids=str)
@pytest.mark.parametrize("days", [40, 84, 200])
def test_intervals_of_the_trend_hold_the_true_rate(body, days):
    """Nominal 90 %; a body slower than every lag and a wandering gauge included; 12 seeds, at least 9 inside."""
    inside = 0
    for seed in range(12):
        _, low, high = fitted(seed, days, body, Growth(rate=0.5)).trend()
        inside += low <= 0.5 <= high
    assert inside >= 9


def test_a_short_history_cannot_tell_season_from_growth_and_says_so():
    widths = [np.ptp(fitted(3, days).trend()[1:]) for days in (30, 90, 400)]
    assert widths[0] > 2 * widths[1] > 8 * widths[2]


def test_without_temperature_the_interval_allows_for_a_season():
    _, width, _ = recording(1, 90)
    found = growth(np.arange(90.0), daily(width), np.empty((90, 0)))
    _, low, high = found.trend()
    assert low < 0 < high
    assert np.isnan(found.temperature_effect_per_c)
    assert found.compensated(daily(width), np.empty((90, 0))) == daily(width)[-1]


@pytest.mark.parametrize("seed", range(4))
def test_temperature_effect_and_compensation(seed):
    _, width, lagged_c = recording(seed, 200, Body(noise=0.002))
    found = growth(np.arange(200.0), daily(width), daily(lagged_c))
    assert found.temperature_effect_per_c == pytest.approx(-0.01, rel=0.2)  # the season's prior takes its share
    now = found.compensated(daily(width), daily(lagged_c))
    at_reference = 0.4 - 0.01 * (found.reference_c[0] - 10)
    assert now == pytest.approx(at_reference, abs=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_growth_that_began_lately_is_seen_with_its_rate_now(seed):
    body = Body(noise=0.002)
    found = fitted(seed, 120, body, Growth(onset=40, rate=0.5, acceleration=4.0))
    true_rate = 0.5 + 4.0 * 80 / 365.25
    low, high = np.quantile(found.draws(np.random.default_rng(0), 2000)[:, 1], [0.01, 0.99])
    assert low <= true_rate <= high
    assert found.probability_faster(0.1) > 0.999
    assert found.candidates[0].weight < 0.05  # a straight line is not credible


@pytest.mark.parametrize("seed", range(3))
def test_the_trend_is_as_sure_as_it_is_reported(seed):
    """A stop of the last days, which nothing excludes, does not make a straight line doubtful."""
    found = fitted(seed, 300, grows=Growth(rate=0.5))
    rate, low, high = found.trend(0.9)
    if found.candidates[0].weight > 0.05:
        assert found.trend_faster(low) == pytest.approx(0.95)
        assert found.trend_faster(high) == pytest.approx(0.05)
    assert found.trend_faster(rate) == pytest.approx(0.5, abs=0.1)
    assert found.trend_faster(0.1) > 0.99


@pytest.mark.parametrize("body", BODIES[:3], ids=str)
def test_a_sound_crack_is_not_surely_growing(body):
    for seed in range(8):
        for days in (35, 60, 100, 150):
            found = fitted(seed, days, body)
            sure = max(found.probability_faster(0.1), 1 - found.probability_faster(-0.1))
            assert sure < 0.995, (seed, days)


def test_uneven_days_and_gaps():
    _, width, lagged_c = recording(5, 120, None, Growth(rate=0.6))
    keep = np.r_[0:30, 45:60, 90:120]
    found = growth(keep + 0.5, daily(width)[keep], daily(lagged_c)[keep])
    _, low, high = found.trend()
    assert low <= 0.6 <= high
    assert found.history_days == 119


def test_an_exactly_constant_series_and_too_few_days():
    found = growth(np.arange(30.0), np.full(30, 0.3), np.full((30, 4), 10.0))
    rate, low, high = found.trend()
    assert low <= 0 <= high
    assert rate == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="at least 8"):
        growth(np.arange(5.0), np.full(5, 0.3), np.empty((5, 0)))

"""Cracks in steel: stress intensity, growth steps, the rate of one crack, and what earlier ones add."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from models import paris
from models.crack_fleet import MIN_HISTORIES, History, Readings, comparable, conformal_quantiles, fleet_cycles_to
from models.crack_rate import MIN_STEPS, cycles_to, fit_rate
from models.crack_steps import growth_steps, reading_error
from models.life import QUANTILES, quantiles
from models.stress_intensity import Loaded, cycles_per_rate
from tests.models.plates import LENGTHS_MM, PLATE, plate, until

CUT = 100
LIMIT_MM = 45.0


def test_paris_integral_is_the_closed_one_and_the_numerical_one():
    constant = Loaded(60.0, 1.12)
    taken = cycles_per_rate(constant, np.array([2.0]), np.array([20.0]), 3.0)[0] / paris.C_STEEL_IN_AIR
    assert taken == pytest.approx(paris.growth_cycles(2.0, 20.0, 60.0, 1.12), rel=1e-4)
    exact, _ = quad(lambda a: float(PLATE.range_at(np.array([a]))[0]) ** -3, 9.0, 50.0)
    assert cycles_per_rate(PLATE, np.array([9.0]), np.array([50.0]), 3.0)[0] == pytest.approx(exact, rel=1e-4)


def test_a_plate_that_is_cracked_through_has_no_finite_range():
    assert np.isinf(PLATE.range_at(np.array([76.2, 100.0]))).all()
    assert PLATE.range_at(np.array([1.0]))[0] == pytest.approx(48.28 * np.sqrt(np.pi), rel=1e-3)


@given(
    st.lists(st.floats(0.1, 100), min_size=1, max_size=60),
    st.floats(-1e6, 1e6),
)
def test_growth_steps_ascend_whatever_the_readings_say(lengths, origin):
    time = origin + np.arange(len(lengths), dtype=float)
    when, grown = growth_steps(time, np.array(lengths))
    assert when.size == grown.size >= 1
    assert (np.diff(when) > 0).all()
    assert (np.diff(grown) > 0).all()
    assert min(lengths) - 1e-9 <= grown[0]
    assert grown[-1] <= max(lengths) + 1e-9


def test_steps_of_a_clean_history_are_that_history_and_noise_makes_none():
    when, grown = growth_steps(np.arange(200.0), LENGTHS_MM)
    np.testing.assert_array_equal(grown, LENGTHS_MM)
    np.testing.assert_array_equal(when, np.arange(200.0))
    still = 20 + np.random.default_rng(1).normal(0, 0.05, 300)
    assert growth_steps(np.arange(300.0), still)[0].size <= 2


def test_steps_lie_on_the_line_that_noisy_readings_scatter_about():
    time = np.arange(400.0)
    off = []
    for seed in range(20):
        when, grown = growth_steps(time, 10 + 0.02 * time + np.random.default_rng(seed).normal(0, 0.2, 400))
        assert when.size > 5
        off.append(grown[-1] - (10 + 0.02 * when[-1]))
    assert abs(np.mean(off)) < 0.05  # a quarter of a reading's scatter


def test_the_error_of_reading_is_found_whatever_the_growth_and_the_gaps():
    rng = np.random.default_rng(1)
    time = np.cumsum(rng.uniform(0.2, 5.0, 2000))
    grown = 10 * np.exp(time / 3000)
    assert reading_error(time, grown) < 0.001
    assert reading_error(time, grown + rng.normal(0, 0.1, time.size)) == pytest.approx(0.1, rel=0.05)
    assert reading_error(time[:2], grown[:2]) == 0.0


def test_the_interval_of_one_crack_holds_its_life():
    """P5 to P95 of 60 wandering plates."""
    inside, errors = 0, []
    for seed in range(60):
        whole = plate(seed)
        own = until(whole, CUT)
        truth = float(whole.at(np.array([LIMIT_MM]))[0] - own.cycles[-1])
        p5, _, p50, _, p95 = quantiles(cycles_to(fit_rate(own.length_mm, own.cycles, PLATE), LIMIT_MM, PLATE))
        inside += p5 <= truth <= p95
        errors.append(abs(p50 / truth - 1))
    assert inside >= 52
    assert np.mean(errors) < 0.12


@pytest.mark.parametrize(("scale", "origin"), [(25.4, 0.0), (1.0, 1e9), (1e-3, -5e6)])
def test_a_life_depends_neither_on_the_unit_of_length_nor_on_when_counting_began(scale, origin):
    own = until(plate(3), CUT)
    other = Loaded(PLATE.stress_range_mpa, 1.0, 152.4 * scale)
    plain = cycles_to(fit_rate(own.length_mm, own.cycles, PLATE), LIMIT_MM, PLATE)
    moved = cycles_to(fit_rate(own.length_mm * scale, own.cycles + origin, other), LIMIT_MM * scale, other)
    np.testing.assert_allclose(quantiles(moved), quantiles(plain), rtol=1e-5)


def test_too_few_steps_and_histories_that_do_not_ascend_are_refused():
    with pytest.raises(ValueError, match="at least"):
        fit_rate(LENGTHS_MM[: MIN_STEPS + 1][:-1], np.arange(MIN_STEPS * 1.0), PLATE)
    with pytest.raises(ValueError, match="ascend"):
        fit_rate(LENGTHS_MM[:20], np.zeros(20), PLATE)


def test_earlier_cracks_make_the_interval_narrower_and_it_still_holds():
    plates = [plate(seed, walk=0.01) for seed in range(40)]
    inside, narrower = 0, 0
    for index, whole in enumerate(plates):
        own = until(whole, CUT)
        others = [one for other, one in enumerate(plates) if other != index]
        truth = float(whole.at(np.array([LIMIT_MM]))[0] - own.cycles[-1])
        fleet = conformal_quantiles(fleet_cycles_to(own, others, LIMIT_MM, PLATE), QUANTILES)
        alone = quantiles(cycles_to(fit_rate(own.length_mm, own.cycles, PLATE), LIMIT_MM, PLATE))
        inside += fleet[0] <= truth <= fleet[4]
        narrower += fleet[4] - fleet[0] < alone[4] - alone[0]
    assert inside >= 32
    assert narrower >= 36


def test_only_histories_that_reach_from_here_to_the_limit_are_compared():
    fleet = [plate(seed) for seed in range(MIN_HISTORIES)]
    short = History(fleet[0].length_mm[:150], fleet[0].cycles[:150])
    late = History(fleet[0].length_mm[120:], fleet[0].cycles[120:])
    own = until(plate(99), CUT)
    now_mm = float(own.length_mm[-1])
    assert len(comparable([*fleet, short, late], now_mm, LIMIT_MM)) == MIN_HISTORIES
    assert fleet_cycles_to(own, [*fleet, short, late], LIMIT_MM, PLATE).size == MIN_HISTORIES
    with pytest.raises(ValueError, match="at least"):
        fleet_cycles_to(own, fleet[1:], LIMIT_MM, PLATE)


def test_earlier_cracks_are_read_as_this_one_is():
    """With an error of reading the interval is wider, and holds; without one, readings change nothing."""
    plates = [plate(seed, walk=0.01) for seed in range(40)]
    rng, inside, wider = np.random.default_rng(1), 0, 0
    for index, whole in enumerate(plates):
        others = [one for other, one in enumerate(plates) if other != index]
        cycles = np.linspace(0, whole.cycles[CUT], 60)
        true_mm = np.interp(cycles, whole.cycles, whole.length_mm)
        exact = Readings(true_mm, cycles)
        read = Readings(true_mm + rng.normal(0, 0.3, cycles.size), cycles)
        when, grown = growth_steps(read.cycles, read.length_mm)
        own = History(grown, when)
        with_error = conformal_quantiles(fleet_cycles_to(own, others, LIMIT_MM, PLATE, read), QUANTILES)
        without = conformal_quantiles(fleet_cycles_to(own, others, LIMIT_MM, PLATE), QUANTILES)
        clean = History(true_mm, cycles)
        plain = fleet_cycles_to(clean, others, LIMIT_MM, PLATE)
        np.testing.assert_allclose(fleet_cycles_to(clean, others, LIMIT_MM, PLATE, exact), plain, rtol=0.1)
        inside += with_error[0] <= float(whole.at(np.array([LIMIT_MM]))[0]) - own.cycles[-1] <= with_error[4]
        wider += with_error[4] - with_error[0] > without[4] - without[0]
    assert inside >= 32
    assert wider >= 30


def test_the_order_of_earlier_cracks_changes_nothing():
    plates = [plate(seed) for seed in range(MIN_HISTORIES)]
    own = until(plate(99), CUT)
    readings = Readings(own.length_mm + np.random.default_rng(1).normal(0, 0.3, own.length_mm.size), own.cycles)
    found = [fleet_cycles_to(own, order, LIMIT_MM, PLATE, readings) for order in (plates, plates[::-1])]
    np.testing.assert_allclose(found[0], found[1])

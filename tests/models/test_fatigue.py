"""EN 1993-1-9, BS 7910 and the registry of standards against their own fixed points."""

from __future__ import annotations

import numpy as np
import pytest

from models import fatigue, paris
from models.standards import STANDARDS, cite, korean_rc_deck_grade


@pytest.mark.parametrize("category", [36.0, 71.0, 160.0])
def test_the_sn_curve_passes_through_its_fixed_points(category):
    at_category, at_knee = fatigue.endurance_cycles(np.array([category, 0.737 * category]), category)
    assert at_category == 2e6
    assert at_knee == pytest.approx(5e6, rel=2e-3)  # 0.737 is (2/5)^(1/3) rounded by the standard
    above_cut_off, at_cut_off = fatigue.endurance_cycles(np.array([0.4051, 0.405]) * category, category)
    assert above_cut_off == pytest.approx(1e8, rel=5e-3)
    assert at_cut_off == np.inf


# Endurance at these multiples of Δσ_C by an independent implementation (fatpack 0.7.8, TriLinearEnduranceCurve), which
# takes the limits unrounded, (2/5)^(1/3) and (1/20)^(1/5): 0.13 % below ours under the knee (decision 007).
MULTIPLES = np.array([5.0, 1.5, 1.0, 0.8, 0.7, 0.5, 0.41])
ENDURED = np.array([1.6e4, 5.925925926e5, 2e6, 3.90625e6, 6.460207334e6, 3.474454549e7, 9.371678316e7])


@pytest.mark.parametrize("category", [36.0, 71.0, 160.0])
def test_the_sn_curve_is_that_of_an_independent_implementation(category):
    ours = fatigue.endurance_cycles(MULTIPLES * category, category)
    np.testing.assert_allclose(ours[:4], ENDURED[:4], rtol=1e-9)
    np.testing.assert_allclose(ours[4:], ENDURED[4:] * (0.737 / 0.4 ** (1 / 3)) ** 5, rtol=1e-9)


def test_the_limits_are_the_printed_ones():
    assert fatigue.CONSTANT_AMPLITUDE_LIMIT == 0.737
    assert fatigue.CUT_OFF_LIMIT == 0.405


def test_slopes_are_three_and_five():
    steep = fatigue.endurance_cycles(np.array([100.0, 200.0]), 71.0)
    flat = fatigue.endurance_cycles(np.array([30.0, 45.0]), 71.0)
    assert steep[0] / steep[1] == pytest.approx(2**3)
    assert flat[0] / flat[1] == pytest.approx(1.5**5)


def test_miner_adds_up_and_the_partial_factor_costs_strength():
    ranges, counts = np.array([142.0, 35.5, 10.0]), np.array([4.0, 100.0, 1e9])
    by_hand = 4 / (2e6 / 2**3) + 100 / (5e6 * (0.737 * 71 / 35.5) ** 5)
    assert fatigue.damage(ranges, counts, 71.0) == pytest.approx(by_hand)
    assert fatigue.damage(ranges[:1], counts[:1], 71.0, 1.35) == pytest.approx(4 / (2e6 / 2**3) * 1.35**3)


def test_strain_becomes_stress():
    assert fatigue.stress_ranges_mpa(np.array([600.0]), 210.0)[0] == pytest.approx(126.0)


def test_bs_7910_worked_value():
    cycles = paris.growth_cycles(2.0, 20.0, 60.0, 1.12)
    assert float(f"{cycles:.3e}") == 1.098e6
    # The integral in closed form for m = 3: N = 2 (1/√a₀ - 1/√a₁) / (C (Y Δσ √π)³).
    by_hand = 2 * (2**-0.5 - 20**-0.5) / (5.21e-13 * (1.12 * 60 * np.sqrt(np.pi)) ** 3)
    assert cycles == pytest.approx(by_hand, rel=1e-12)
    assert (paris.C_STEEL_IN_AIR, paris.M_STEEL_IN_AIR, paris.THRESHOLD_STEEL_IN_AIR) == (5.21e-13, 3.0, 63.0)
    # The same constant in MPa√m and m: mixing the two errs by (10^1.5)^3 = 31,600.
    in_mpa_root_m = paris.C_STEEL_IN_AIR * 10 ** (1.5 * 3)
    assert in_mpa_root_m == pytest.approx(1.65e-8, rel=5e-3)


def test_no_growth_below_the_threshold_and_no_nonsense():
    assert paris.growth_cycles(0.1, 20.0, 10.0, 1.12) == np.inf
    with pytest.raises(ValueError, match="expected 0 < start < end"):
        paris.growth_cycles(5.0, 2.0, 60.0, 1.12)


def test_every_standard_says_whether_it_is_verified():
    for key, entry in STANDARDS.items():
        assert entry.key == key
        assert entry.edition
        assert entry.source
        assert ("not verified" in cite(key)) is not entry.verified


@pytest.mark.parametrize(
    ("width", "grade"), [(0.05, "a"), (0.1, "b"), (0.29, "b"), (0.3, "c"), (0.5, "d"), (0.99, "d"), (1.0, "e")]
)
def test_korean_grades(width, grade):
    assert korean_rc_deck_grade(width) == grade

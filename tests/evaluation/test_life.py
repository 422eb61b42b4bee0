"""Remaining lives of simulated fleets: a small part of what `telltale evaluate life` judges."""

from __future__ import annotations

import numpy as np

from evaluation.life import report
from evaluation.life_crack import crack_coverage
from evaluation.life_fatigue import FatigueCoverage
from sensors_sim.crack_fleet import A_DAY, CrackPlan, crack


def test_intervals_of_simulated_cracks_hold_and_stable_ones_have_no_trend() -> None:
    """Wide bounds: 40 growing ones and 30 at rest; the command judges 1,200."""
    cracks = crack_coverage(3, growing=40, stable=30)
    assert cracks.answered >= 16
    assert 0.6 <= cracks.coverage80 <= 0.97
    assert cracks.coverage90 >= cracks.coverage80
    assert cracks.no_trend_percent >= 85
    girders = FatigueCoverage(1200, 0.8, 0.9, 10.0, 3.0, 1.0)
    metrics = report(cracks, girders, 3).metrics
    assert {"crack_coverage80", "fatigue_coverage80", "no_trend_percent"} <= set(metrics)
    assert metrics["assets"] == 1270


def test_a_simulated_crack_is_reproducible_and_its_truth_lies_ahead() -> None:
    plan = CrackPlan()
    one, again, other = (
        crack(1, 5, plan, growing=True),
        crack(1, 5, plan, growing=True),
        crack(2, 5, plan, growing=True),
    )
    np.testing.assert_array_equal(one.width_mm, again.width_mm)
    assert one.width_mm.size != other.width_mm.size or not np.array_equal(one.width_mm, other.width_mm)
    days = one.t_ns.size / A_DAY
    assert 0 < one.reached_days <= 1.6 * days
    assert np.isinf(crack(1, 5, plan, growing=False).reached_days)

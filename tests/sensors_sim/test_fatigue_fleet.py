"""Simulated girders: reproducible, and failing when their own traffic has used them up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models import fatigue, rainflow
from sensors_sim.fatigue_fleet import YOUNGS_MODULUS_GPA, FleetPlan, girder
from telltale.clock import DAYS_PER_YEAR, NS_PER_DAY


def test_the_same_seed_and_number_give_the_same_girder():
    first, again, other = girder(1, 5, FleetPlan()), girder(1, 5, FleetPlan()), girder(2, 5, FleetPlan())
    np.testing.assert_array_equal(first.windows, again.windows)
    assert first.failed_years == again.failed_years != other.failed_years
    assert (np.diff(first.t_ns) == NS_PER_DAY).all()


def test_without_scatter_a_girder_fails_when_its_record_says():
    plan = replace(
        FleetPlan(),
        record_days=(730, 730),
        growth_mean=0.0,
        growth_sd=0.0,
        year_sd=0.0,
        week_sd=0.0,
        season=(0.0, 0.0),
        sn_sd=0.0,
    )
    for number in range(3):
        one = girder(3, number, plan)
        cycles = rainflow.count(one.windows.reshape(-1).astype(float))
        stress_mpa = fatigue.stress_ranges_mpa(cycles.ranges, YOUNGS_MODULUS_GPA)
        used = fatigue.damage(stress_mpa, cycles.counts, one.category_mpa)
        years = 730 / DAYS_PER_YEAR
        assert one.failed_years + years == pytest.approx(years / used, rel=0.05)

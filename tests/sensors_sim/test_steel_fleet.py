"""Simulated cracks in steel: reproducible, and reaching the limit when Paris' law says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.paris import C_STEEL_IN_AIR
from models.stress_intensity import cycles_per_rate
from sensors_sim.autoregression import autoregression
from sensors_sim.steel_fleet import SteelPlan, steel_crack
from telltale.clock import NS_PER_DAY

STILL = replace(
    SteelPlan(),
    slope=(3.0, 0.0),
    rate_sd=(0.0, 0.0),
    walk=(0.0, 0.0),
    local=(0.0, 0.0),
    traffic=(0.0, 0.0),
    gauge_mm=(0.0, 0.0),
    inspection_mm=(0.0, 0.0),
)


@pytest.mark.parametrize("with_earlier", [False, True])
def test_the_same_seed_and_number_give_the_same_crack(with_earlier: bool):
    one, again, other = (steel_crack(seed, 5, SteelPlan(), with_earlier=with_earlier) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.length_mm, again.length_mm)
    assert one.reached_days == again.reached_days != other.reached_days
    assert one.reached_days > 0
    assert (np.diff(one.t_ns // NS_PER_DAY) >= 1).all()
    assert len(one.earlier) == (SteelPlan().earlier if with_earlier else 0)
    for history in one.earlier:
        assert (np.diff(history) > 0).all()


@pytest.mark.parametrize("number", range(6))
def test_without_scatter_a_crack_reaches_its_limit_when_the_law_says(number: int):
    one = steel_crack(1, number, STILL, with_earlier=False)
    way = cycles_per_rate(one.loaded, one.length_mm[:1], np.array([one.limit_mm]), 3.0) / C_STEEL_IN_AIR
    first_day = float(one.t_ns[0] // NS_PER_DAY - 20_454 + 1)  # its length is that at the end of the day
    assert one.record_days + one.reached_days == pytest.approx(first_day + way[0] / one.cycles_per_day, abs=2)
    assert (np.diff(one.length_mm) >= 0).all()


def test_what_remembers_has_unit_deviation_and_the_memory_that_is_asked_for():
    path = autoregression(np.random.default_rng(1), 200_000, 10.0)
    assert path.std() == pytest.approx(1.0, abs=0.05)
    assert np.corrcoef(path[:-10], path[10:])[0, 1] == pytest.approx(np.exp(-1), abs=0.05)

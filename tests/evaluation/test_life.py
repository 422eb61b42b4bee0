"""Remaining lives of simulated fleets: a small part of what `telltale evaluate life` judges."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from evaluation.life import report
from evaluation.life_crack import growing_cracks, stable_answers
from evaluation.life_fatigue import girders
from evaluation.life_steel import steel_cracks
from evaluation.lives import Asset, Lives, lives_of, together
from models.life import QUANTILES
from sensors_sim.crack_fleet import A_DAY, CrackPlan, crack
from telltale.clock import NS_PER_DAY
from telltale.findings import Life, Refusal


@pytest.fixture(scope="module")
def concrete() -> Lives:
    return growing_cracks(3, 40)


def test_intervals_of_simulated_cracks_hold_and_stable_ones_have_no_trend(concrete: Lives) -> None:
    """Wide bounds: 40 growing ones and 30 at rest; the command judges 1,200."""
    assert concrete.asked == 40
    assert len(concrete.left) >= 24
    assert 0.6 <= concrete.coverage(0.8) <= 0.97
    assert concrete.coverage(0.9) >= concrete.coverage(0.8)
    assert stable_answers(3, 30)["no_trend"] >= 26


@pytest.mark.parametrize("with_earlier", [False, True])
def test_intervals_of_simulated_cracks_in_steel_hold(with_earlier: bool) -> None:
    """60 of 400 or more: three standard deviations are 0.16."""
    steel = steel_cracks(4, 60, with_earlier=with_earlier)
    assert len(steel.left) >= 50
    assert 0.63 <= steel.coverage(0.8) <= 0.96
    assert 0.9 < steel.bias() < 1.1
    assert steel.score() < steel.nothing_read().score() / 2


def test_a_small_fleet_of_girders_is_covered_about_as_promised_and_the_same_seed_says_the_same():
    found = girders(7, 40)
    assert found.asked == len(found.left) == 40
    assert 0.6 <= found.coverage(0.8) <= 0.96  # 40 girders: three standard deviations are 0.19
    assert found.coverage(0.8) <= found.coverage(0.9)
    assert 0.7 < found.bias() < 1.4
    assert 1.5 < found.width_ratio() < 6  # an interval that says something
    np.testing.assert_array_equal(girders(7, 2).quantiles, found.quantiles[:2])


def told(days: tuple[float, ...], left_days: float, seen_days: float) -> Asset:
    dates = [round(day * NS_PER_DAY) for day in days]
    names = ("p5_ns", "p10_ns", "p50_ns", "p90_ns", "p95_ns")
    return Asset(Life(channel="a", t_ns=0, **dict(zip(names, dates, strict=True))), left_days, seen_days)


def test_scores_of_a_fleet_count_every_asset_once():
    refused = Asset(Life(channel="a", t_ns=0, refused=Refusal.NO_TREND), 9.0, 9.0)
    lives = lives_of([told((5, 10, 20, 40, 50), 20, 20), told((5, 10, 20, 40, 50), 45, 5), refused])
    assert (lives.asked, len(lives.left), lives.refused) == (3, 2, Counter(no_trend=1))
    assert lives.coverage(0.8) == 0.5
    assert lives.coverage(0.9) == 1.0
    assert (lives.early_percent(), lives.late_percent()) == (0.0, 50.0)
    assert lives.near() == 0.5
    assert lives.interval_score() == pytest.approx(np.log(4) + 5 * np.log(45 / 40))
    assert len(lives.at(0.0, 1 / 3).left) == 1
    both = together(lives, lives)
    assert (both.asked, both.coverage(0.8)) == (6, 0.5)
    assert QUANTILES == (0.05, 0.10, 0.50, 0.90, 0.95)  # what the columns of `Lives.quantiles` are


def test_the_report_names_all_that_was_asked(concrete: Lives) -> None:
    fleets = dict.fromkeys(("cracks_concrete", "cracks_steel", "cracks_steel_of_a_kind", "girders"), concrete)
    found = report(fleets, Counter(no_trend=29, insufficient_history=1), 3)
    assert {"crack_coverage80", "fatigue_coverage80", "no_trend_percent"} <= set(found.metrics)
    assert found.metrics["assets"] == 4 * 40 + 30
    assert found.metrics["crack_coverage80"] == pytest.approx(concrete.coverage(0.8))
    assert found.metrics["fleets"]["cracks_steel"]["judged"] == len(concrete.left)
    rows = next(table for table in found.tables if table.title == "do intervals hold").rows
    assert rows[0][1:4] == ("40", str(concrete.refused.total()), str(len(concrete.left)))


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

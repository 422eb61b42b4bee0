"""Fatigue half of `telltale evaluate life` on a small fleet."""

from __future__ import annotations

from evaluation.life_fatigue import fatigue_coverage


def test_a_small_fleet_is_covered_about_as_promised_and_the_same_seed_says_the_same():
    found = fatigue_coverage(7, assets=40)
    assert found.assets == 40
    assert 0.6 <= found.coverage80 <= 0.96  # 40 girders: three standard deviations are 0.19
    assert found.coverage80 <= found.coverage90
    assert 0.7 < found.median_ratio < 1.4
    assert 1.5 < found.width_ratio < 6  # an interval that says something
    assert fatigue_coverage(7, assets=2) == fatigue_coverage(7, assets=2)

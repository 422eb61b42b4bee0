"""Rainflow against ASTM E1049's worked example and, cycle for cycle, against the `rainflow` package."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
import rainflow as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from models import rainflow
from models.rainflow import Cycles


def as_table(cycles: Cycles, digits: int = 9) -> dict[float, float]:
    table: dict[float, float] = defaultdict(float)
    for span, share in zip(cycles.ranges, cycles.counts, strict=True):
        table[round(float(span), digits)] += float(share)
    return dict(table)


def oracle_table(series: list[float], digits: int = 9) -> dict[float, float]:
    table: dict[float, float] = defaultdict(float)
    for span, _mean, share, _start, _end in oracle.extract_cycles(series):
        if span > 0:  # the package counts a constant history as half a cycle of range 0
            table[round(float(span), digits)] += share
    return dict(table)


def test_the_worked_example_of_astm_e1049():
    cycles = rainflow.count(np.array([-2, 1, -3, 5, -1, 3, -4, 4, -2], dtype=float))
    assert as_table(cycles) == {3: 0.5, 4: 1.5, 6: 0.5, 8: 1.0, 9: 0.5}


# Integers give many ties, where ≤ and < decide.
HISTORIES = st.lists(st.integers(-6, 6), min_size=3, max_size=120)


@settings(max_examples=300, deadline=None)
@given(HISTORIES)
def test_equal_to_the_rainflow_package_with_ties(series):
    assert as_table(rainflow.count(np.array(series, dtype=float))) == oracle_table(series)


@settings(max_examples=150, deadline=None)
@given(HISTORIES, st.lists(st.integers(0, 120), max_size=8))
def test_pieces_give_what_the_whole_gives(series, cuts):
    residue, table = np.empty(0), defaultdict(float)
    for piece in np.split(np.array(series, dtype=float), sorted(min(cut, len(series)) for cut in cuts)):
        residue, closed = rainflow.feed(residue, piece)
        for span, share in as_table(closed).items():
            table[span] += share
    for span, share in as_table(rainflow.finish(residue)).items():
        table[span] += share
    assert dict(table) == oracle_table(series)


def test_a_long_random_history_in_pieces_equals_the_package_and_keeps_a_small_state():
    history = np.random.default_rng(1).normal(size=20_000).cumsum() + np.random.default_rng(2).normal(size=20_000)
    residue, closed = np.empty(0), []
    for piece in np.array_split(history, 37):
        residue, cycles = rainflow.feed(residue, piece)
        closed.append(cycles)
    closed.append(rainflow.finish(residue))
    ours = sorted((r, m, c) for one in closed for r, m, c in zip(one.ranges, one.means, one.counts, strict=True))
    theirs = sorted((r, m, c) for r, m, c, _, _ in oracle.extract_cycles(history.tolist()))
    np.testing.assert_allclose(np.array(ours), np.array(theirs), rtol=0, atol=1e-9)
    assert residue.size < 60


def test_missing_samples_are_left_out():
    with_gaps = np.array([0, np.nan, 3, np.nan, np.nan, -1, 2, 0])
    assert as_table(rainflow.count(with_gaps)) == oracle_table([0, 3, -1, 2, 0])


@pytest.mark.parametrize("series", [[], [1.0], [np.nan], [2.0, 2.0, 2.0]])
def test_no_range_no_cycle(series):
    assert rainflow.count(np.array(series, dtype=float)).total() == 0


def test_a_signal_that_dies_away_cannot_grow_the_state_for_ever():
    n = 5_000
    dying = (-1.0) ** np.arange(n) * (2.0 - np.arange(n) / n)
    residue, closed = rainflow.feed(np.empty(0), dying)
    assert residue.size <= rainflow.MAX_RESIDUE
    assert closed.total() + rainflow.finish(residue).total() == rainflow.count(dying).total() == (n - 1) / 2

"""Limits foretold from a wandering level: they hold as often as said, narrow for what stands still, wide for what does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.group_novelty import follow, go_on_learning, learn, look_back
from models.group_novelty_state import Rule, start
from models.wander import deviates, go_on, learn_wander

BLOCK, LEARNED = 20, 400
NONE = np.empty((3000, 0))


def walk(rows, seed, step, channels=1):
    """White noise of deviation 1 about a level that takes steps of deviation `step` a row."""
    rng = np.random.default_rng(seed)
    return np.cumsum(step * rng.standard_normal((rows, channels)), axis=0) + rng.standard_normal((rows, channels))


def block_means(rows):
    return rows.reshape(-1, BLOCK, rows.shape[1]).mean(axis=1)


def beyond_two_deviates(rows):
    """Shares of channels beyond 2 deviates, 1, 8 and 20 blocks after the last that was learned."""
    wander, later = learn_wander(rows[:LEARNED], BLOCK, BLOCK), block_means(rows[LEARNED:])
    away = [deviates(wander, later[at - 1 : at], np.array([float(at * BLOCK)])) for at in (1, 8, 20)]
    return [float((np.abs(one) > 2).mean()) for one in away]


@pytest.mark.parametrize("step", [0.0, 0.1])
def test_limits_hold_as_often_as_said_however_long_ago(step):
    """4.6 % are said; levels that step between blocks, as the model has it."""
    rng = np.random.default_rng(1)
    level = np.cumsum(step * rng.standard_normal((40, 600)), axis=0).repeat(BLOCK, axis=0)
    assert all(0.005 < share < 0.09 for share in beyond_two_deviates(level + rng.standard_normal(level.shape)))


@pytest.mark.parametrize("step", [0.1, 0.5])
def test_what_wanders_far_is_beyond_about_twice_as_often(step):
    """A known weakness, 10 % where 4.6 % are said: a score of blocks, and steps within blocks, which the model leaves out."""
    assert all(share < 0.15 for share in beyond_two_deviates(walk(LEARNED + 20 * BLOCK, 1, step, channels=600)))


def test_what_stands_still_has_narrow_limits_and_what_wanders_is_measured_from_where_it_was():
    still, roams = walk(LEARNED, 2, 0.0), walk(LEARNED, 3, 0.3)
    still_limits, roams_limits = (learn_wander(rows, BLOCK, BLOCK) for rows in (still, roams))
    ahead = np.array([200.0])
    by_four = [
        float(deviates(wander, wander.stands()[None, :] + 1.5, ahead)[0, 0]) for wander in (still_limits, roams_limits)
    ]
    assert by_four[0] > 2.5
    assert by_four[1] < 1.0
    assert roams_limits.stands()[0] == pytest.approx(roams[-60:].mean(), abs=1.5)
    assert still_limits.stands()[0] == pytest.approx(still.mean(), abs=0.2)


def test_limits_only_widen_with_time():
    wander = learn_wander(walk(LEARNED, 4, 0.05, channels=5), BLOCK, BLOCK)
    shift = np.tile(wander.stands() + 3.0, (30, 1))
    away = deviates(wander, shift, np.arange(0.0, 600.0, 20.0))
    assert (np.diff(away, axis=0) < 0).all()
    assert (away > 0).all()


@given(st.integers(0, 10**6), st.integers(1, 10))
@settings(max_examples=15, deadline=None)
def test_learning_in_pieces_is_learning_at_once(seed, pieces):
    """Up to what is fixed by the first rows: the guess of the noise and what counts as gross."""
    rows = walk(LEARNED + 10 * BLOCK, seed, 0.05, channels=2)
    at_once, by_parts = (learn_wander(rows[:LEARNED], BLOCK, BLOCK) for _ in range(2))
    go_on(at_once, rows[LEARNED:], 0)
    for part in np.array_split(np.arange(10), pieces):
        go_on(by_parts, rows[LEARNED + part[0] * BLOCK : LEARNED + (part[-1] + 1) * BLOCK], 0)
    np.testing.assert_array_equal(at_once.level, by_parts.level)
    np.testing.assert_array_equal(at_once.weight(), by_parts.weight())


@given(st.integers(0, 10**6), st.floats(1e-6, 1e6))
@settings(max_examples=15, deadline=None)
def test_units_do_not_matter(seed, unit):
    rows, later = walk(LEARNED, seed, 0.05, channels=2), walk(5, seed + 1, 0.05, channels=2)
    ahead = np.arange(1.0, 6.0)
    one = deviates(learn_wander(rows, BLOCK, BLOCK), later, ahead)
    other = deviates(learn_wander(rows * unit, BLOCK, BLOCK), later * unit, ahead)
    np.testing.assert_allclose(one, other, rtol=1e-4)


def test_a_gross_event_starts_the_level_anew_and_widens_little():
    rows = walk(LEARNED, 5, 0.0)
    struck = rows.copy()
    struck[100:160] += 60.0
    shift = np.array([[2.0]])
    clean, after = (
        float(deviates(learn_wander(x, BLOCK, BLOCK), shift, np.array([20.0]))[0, 0]) for x in (rows, struck)
    )
    assert after > 0.6 * clean


def test_a_channel_that_is_missing_is_known_less_surely_and_harms_no_other():
    rows = walk(LEARNED, 6, 0.1, channels=2)
    gone = rows.copy()
    gone[300:, 0] = np.nan
    shift, ahead = rows[280:300].mean(axis=0, keepdims=True) + 8.0, np.array([20.0])
    whole, without = (deviates(learn_wander(x, BLOCK, BLOCK), shift, ahead) for x in (rows, gone))
    assert np.isfinite(without).all()
    assert without[0, 1] == whole[0, 1]
    nothing = learn_wander(np.full((LEARNED, 1), np.nan), BLOCK, BLOCK)
    assert np.isfinite(deviates(nothing, np.array([[1.0]]), ahead)).all()


def test_a_group_that_wanders_is_followed_and_a_step_is_still_found():
    """Quiet rows move the level, so that limits do not widen for ever; a step after them is found at once."""
    rows = walk(1000, 7, 0.02, channels=4)
    rows[900:, 2] -= 6.0
    rule = Rule(smoothing=0.1, stretches=4, chance=0.05, wanders=True)
    model, averages = learn(rows[:LEARNED], NONE[:LEARNED], rule), start(4)
    assert (look_back(model, averages, rows[:LEARNED], NONE[:LEARNED]).score < 1).all()
    for begin in range(LEARNED, 900, BLOCK):
        part = slice(begin, begin + BLOCK)
        assert (follow(model, averages, rows[part], NONE[part]).score < 1.2).all()
        go_on_learning(model, averages, rows[part], NONE[part], 0)
    assert model.rows == 900
    assert averages.ahead == 0
    found = follow(model, averages, rows[900:], NONE[900:1000])
    assert (found.score[20:] >= 1).all()
    assert set(found.channel[20:].tolist()) == {2}
    assert (found.deviation[20:] < 0).all()
    assert found.shift[-1] == pytest.approx(-6.0, abs=1.5)

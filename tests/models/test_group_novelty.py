"""A group learns how its channels move together; then one that leaves them is found, named, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from models.group_novelty import follow, learn
from models.group_novelty_state import STATISTICS, Rule, start
from models.stretch_limits import stretch_limits, stretches

RULE = Rule(smoothing=0.2, stretches=4, chance=0.02)
NONE = np.empty((2000, 0))


def like_sensors(rows, seed, channels=5):
    """Sensors that follow one slow load, each with a gain and a noise of its own."""
    rng = np.random.default_rng(seed)
    load = lfilter([1], [1, -0.7], rng.standard_normal(rows))
    return 20 + load[:, None] * np.linspace(1, 2, channels) + 0.3 * rng.standard_normal((rows, channels))


def judged(values, learned=400, rule=RULE, outside=NONE):
    model = learn(values[:learned], outside[:learned], rule)
    return model, follow(model, start(values.shape[1]), values[learned:], outside[learned : len(values)])


@given(st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_units_and_offsets_do_not_matter(seed):
    values = like_sensors(700, seed)
    rng = np.random.default_rng(seed)
    scale, offset = rng.uniform(0.01, 100, 5), rng.normal(0, 50, 5)
    _, one = judged(values)
    _, other = judged(values * scale + offset)
    np.testing.assert_allclose(one.score, other.score, rtol=1e-6)
    assert one.channel.tolist() == other.channel.tolist()
    np.testing.assert_allclose(one.shift * scale[one.channel], other.shift, rtol=1e-5, atol=1e-9)


@given(st.integers(0, 10**6), st.lists(st.integers(1, 299), max_size=4))
@settings(max_examples=8, deadline=None)
def test_rows_may_come_in_any_pieces(seed, cuts):
    values = like_sensors(700, seed)
    values[np.random.default_rng(seed).random(values.shape) < 0.05] = np.nan
    model, whole = judged(values)
    averages, parts = start(5), []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), 300], strict=True):
        parts.append(follow(model, averages, values[400 + begin : 400 + end], NONE[: end - begin]).score)
    np.testing.assert_array_equal(np.concatenate(parts), whole.score)


def test_quiet_groups_stay_quiet():
    """A stretch of 100 rows exceeds one of three limits with a chance of 2 % each: far fewer rows do."""
    shares = [(judged(like_sensors(800, seed))[1].score >= 1).mean() for seed in range(12)]
    assert np.mean(shares) < 0.02


@pytest.mark.parametrize(("channel", "sign"), [(0, 1), (3, -1)])
def test_one_channel_that_leaves_the_others_is_named(channel, sign):
    values = like_sensors(700, 3)
    values[550:, channel] += sign * 2.0  # well within what the load alone does to it
    _, found = judged(values)
    late = slice(170, None)
    assert (found.score[late] >= 1).mean() > 0.9
    assert (found.score[:150] >= 1).mean() < 0.05
    assert np.bincount(found.channel[late], minlength=5).argmax() == channel
    assert (np.sign(found.deviation[late][found.channel[late] == channel]) == sign).all()
    assert "Q" in {STATISTICS[at] for at in found.statistic[late].tolist()}
    assert (np.sign(found.shift) == np.sign(found.deviation)).all()


def test_all_channels_together_are_found_by_t():
    values = like_sensors(700, 4)
    values[550:] += 12.0 * np.linspace(1, 2, 5)
    _, found = judged(values)
    assert (found.ratios[180:, STATISTICS.index("T")] >= 1).mean() > 0.9


def test_environment_is_regressed_out_where_it_foretells_and_leverage_widens():
    rng = np.random.default_rng(5)
    outside = 10 + 8 * np.sin(np.arange(900) / 60)[:, None] + rng.normal(0, 0.1, (900, 1))
    plain = rng.standard_normal((900, 3))
    values = plain + outside * np.array([3.0, -2.0, 0.0])
    model, found = judged(values, rule=RULE, outside=outside)
    assert (model.memory > 0).tolist() == [True, True, False]
    assert (found.score >= 1).mean() < 0.03
    _, blind = judged(values, rule=RULE)
    model_values = np.tile(model.centre, (50, 1)) + (np.array([60.0]) - 10) * np.array([3.0, -2.0, 0.0])
    far = follow(model, start(3), model_values + 1.5, np.full((50, 1), 60.0))
    near = follow(model, start(3), np.tile(model.centre, (50, 1)) + 1.5, np.full((50, 1), model.outside_centre[0]))
    assert np.abs(far.ratios[-1, 2]) < np.abs(near.ratios[-1, 2]) * 1.5
    assert blind.score.shape == found.score.shape


def test_without_environment_only_channels_that_need_it_are_not_judged():
    rng = np.random.default_rng(6)
    outside = 10 + 8 * np.sin(np.arange(900) / 60)[:, None]
    values = rng.standard_normal((900, 3)) + outside * np.array([3.0, -2.0, 0.0])
    model = learn(values[:600], outside[:600], RULE)
    values[600:, 2] += 5
    found = follow(model, start(3), values[600:], np.full((300, 1), np.nan))
    assert (found.score[50:] >= 1).all()
    assert (found.channel[50:] == 2).all()


def test_a_missing_channel_is_marginalised():
    values = like_sensors(900, 7)
    gone = values.copy()
    gone[420:, 1] = np.nan
    _, whole = judged(values)
    _, without = judged(gone)
    assert np.isfinite(without.score).all()
    assert (without.score >= 1).mean() < 0.05
    assert 1 not in set(without.channel[50:].tolist())
    gone[650:, 4] += 4.0
    _, found = judged(gone)
    assert (found.score[300:] >= 1).mean() > 0.9
    assert whole.score.shape == found.score.shape


def test_nothing_known_is_nothing_said():
    values = like_sensors(800, 8)
    values[500:] = np.nan
    _, found = judged(values)
    assert np.isnan(found.score[110:]).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_gross_event_in_the_training_part_does_not_blind(seed):
    """Beyond four times the calm maxima; a lesser one counts as wandering and widens the limit of that channel."""
    values = like_sensors(800, 20 + seed)
    values[60:120, 2] += 60.0
    values[600:, 2] += 4.0
    _, found = judged(values)
    assert (found.score[230:] >= 1).mean() > 0.9
    assert (found.score[:190] >= 1).mean() < 0.1


def test_a_dead_channel_is_not_judged_and_harms_nothing():
    values = like_sensors(700, 9)
    values[:, 1] = 7.0
    values[600:, 1] = 9.0
    model, found = judged(values)
    assert np.isinf(model.limit[1])
    assert np.isfinite(found.score).all()
    assert (found.channel != 1).all()


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="at least 8 for each of 4 stretches"):
        learn(like_sensors(30, 1), NONE[:30], RULE)


@given(st.integers(16, 500), st.integers(3, 12))
def test_stretches_cover_every_row_once(rows, count):
    spans = stretches(rows, count)
    assert [row for begin, end in spans for row in range(begin, end)] == list(range(rows))
    assert len(spans) == count


def test_a_limit_holds_as_often_as_was_set():
    """Stretches of white noise: the share beyond the limit is near the chance, and no greater than twice it."""
    rng = np.random.default_rng(10)
    noise = np.abs(rng.standard_normal((400, 2000)))
    limits = stretch_limits(noise[:320], 4, 0.05)
    beyond = (noise[320:].max(axis=0) > limits).mean()
    assert 0.005 < beyond < 0.10


def test_what_was_never_seen_to_move_has_no_limit():
    statistic = np.abs(np.random.default_rng(1).standard_normal((40, 2)))
    statistic[:10, 1] = 0.0
    assert np.isfinite(stretch_limits(statistic, 4, 0.05)).tolist() == [True, False]

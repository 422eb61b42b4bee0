"""Remaining life from run-to-failure histories: features are causal, trees are scikit-learn's, intervals cover."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.ensemble import HistGradientBoostingRegressor

from models.indicator_history import feature_count, features, smoothed
from models.life_scores import asymmetric_score, coverage, interval_score, near, rms, weighted_interval_score
from models.local_conformal import learn
from models.remaining_life import LifeModel, life_left, outside, wrong_with_model
from models.remaining_life_settings import Training
from models.remaining_life_training import Histories, as_arrays, train, usable_columns
from models.tree_ensemble import answer, wrong_with
from telltale.errors import UserError
from tests.models.fleet import fleet

SMALL = Training(cap=55.0, spans=(4.0, 12.0, 36.0), trees=25, leaf_rows=10, every=2, members=2, folds=3)


@pytest.fixture(scope="module")
def trained():
    return train(fleet(1), SMALL, 1)


def told(model: LifeModel, histories: Histories):
    scaled = model.conditions.standardised(histories.values, histories.conditions)
    return life_left(model, smoothed(scaled, histories.asset, model.spans), histories.age)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**16), leaves=st.integers(2, 20), members=st.integers(1, 3))
def test_the_arrays_predict_as_scikit_learn_does(seed, leaves, members):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(200, 4)).round(int(rng.integers(0, 4)))
    target = 100 * np.sin(table[:, 0]) + table[:, 1] * table[:, 2] + rng.normal(size=200)
    grown = [
        HistGradientBoostingRegressor(max_iter=12, max_leaf_nodes=leaves, min_samples_leaf=5, random_state=m).fit(
            table, target
        )
        for m in range(members)
    ]
    ours = as_arrays(grown)
    assert wrong_with(ours, 4) == ""
    fresh = np.concatenate((table, rng.normal(size=(50, 4)) * 3))
    expected = np.mean([one.predict(fresh) for one in grown], axis=0)
    np.testing.assert_allclose(answer(ours, fresh), expected, atol=1e-9, rtol=0)
    alone = np.concatenate([answer(ours, row[None]) for row in fresh])
    np.testing.assert_array_equal(alone, answer(ours, fresh))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16), rows=st.integers(1, 40), cut=st.integers(1, 40))
def test_nothing_looks_into_the_future_or_at_other_assets(seed, rows, cut):
    rng = np.random.default_rng(seed)
    values, spans = rng.normal(size=(2 * rows, 3)), np.array([1.0, 5.0, 20.0])
    asset = np.repeat([4, 2], rows)
    whole = smoothed(values, asset, spans)
    part = smoothed(values[rows : rows + cut], asset[rows : rows + cut], spans)
    np.testing.assert_array_equal(whole[rows : rows + cut], part)
    table = features(whole, rng.normal(size=(3, 2)), np.tile(np.arange(1.0, rows + 1), 2))
    assert table.shape == (2 * rows, feature_count(3, 2))


def test_exponential_means_are_weighted_means():
    values, span = np.array([[1.0], [4.0], [2.0]]), 3.0
    weights = (1 - 2 / (span + 1)) ** np.arange(2, -1, -1)
    expected = (weights @ values) / weights.sum()
    np.testing.assert_allclose(smoothed(values, np.zeros(3), np.array([span]))[-1, 0], expected)


def test_it_predicts_assets_that_it_has_not_seen(trained):
    others = fleet(2)
    found, truth = told(trained.model, others), np.minimum(others.left, SMALL.cap)
    constant = np.minimum(fleet(1).left, SMALL.cap).mean()
    assert rms(found.expected - truth) < 0.5 * rms(constant - truth)
    assert coverage(found.quantiles[:, 0], found.quantiles[:, -1], others.left) >= 0.84
    assert (np.diff(found.quantiles, axis=1) >= 0).all()
    assert (found.expected <= SMALL.cap).all()


def test_cross_validation_says_how_good_it_will_be(trained):
    seen, others = fleet(1), fleet(3)
    unseen = rms(trained.unseen - np.minimum(seen.left, SMALL.cap))
    fresh = rms(told(trained.model, others).expected - np.minimum(others.left, SMALL.cap))
    assert 0.6 < unseen / fresh < 1.6


def test_training_again_gives_the_same_model(trained):
    again = train(fleet(1), SMALL, 1).model
    assert msgspec.json.encode(again.trees.base) == msgspec.json.encode(trained.model.trees.base)
    np.testing.assert_array_equal(again.trees.threshold, trained.model.trees.threshold)
    np.testing.assert_array_equal(again.errors.quantiles, trained.model.errors.quantiles)


def test_units_and_the_order_of_indicators_do_not_matter(trained):
    def changed(histories: Histories) -> Histories:
        values = histories.values * np.array([0.3, 20.0, 1.8, 100.0]) + np.array([5.0, -7.0, 0.0, 1e4])
        return replace(histories, values=values[:, ::-1])

    other = train(changed(fleet(1)), SMALL, 1).model
    one, two = told(trained.model, fleet(2)), told(other, changed(fleet(2)))
    np.testing.assert_allclose(one.expected, two.expected, atol=1e-6)
    np.testing.assert_allclose(one.quantiles, two.quantiles, atol=1e-6)


def test_operating_conditions_are_taken_out():
    """Three regimes that move the indicators far more than wear does."""
    settings_ = msgspec.structs.replace(SMALL, regimes=3, members=1)
    histories, others = fleet(5, 24, regimes=3), fleet(6, regimes=3)
    found = told(train(histories, settings_, 1).model, others)
    truth = np.minimum(others.left, SMALL.cap)
    blind = msgspec.structs.replace(settings_, regimes=1)
    none = np.empty((len(others.age), 0))
    without = train(replace(histories, conditions=np.empty((len(histories.age), 0))), blind, 1).model
    worse = told(without, replace(others, conditions=none))
    assert rms(found.expected - truth) < rms(worse.expected - truth)


def test_a_regime_is_standardised_by_its_own():
    histories = fleet(5, 24, regimes=3)
    conditions = train(histories, msgspec.structs.replace(SMALL, regimes=3, trees=2), 1).model.conditions
    scaled = conditions.standardised(histories.values, histories.conditions)
    for regime in np.round(np.unique(histories.conditions.round(-1))):
        rows = np.abs(histories.conditions[:, 0] - regime) < 5
        np.testing.assert_allclose(scaled[rows].mean(axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(scaled[rows].std(axis=0), 1, atol=1e-9)


def test_what_lies_outside_is_named(trained):
    model, histories = trained.model, fleet(1)
    none = np.empty(0)
    assert outside(model, histories.values[5], none, 6.0) == ""
    assert outside(model, histories.values[5] + np.array([0, 0, 90.0, 0]), none, 6.0) == "2"
    assert outside(model, np.array([np.nan, 0, 0, 0]), none, 6.0) == "0"
    assert outside(model, histories.values[5], none, model.oldest + 1) == "age"
    assert outside(model, histories.values[5], none, 0.0) == "age"


def test_what_cannot_teach_is_left_out():
    steady = np.array([[1.0, 5.0, 2.0], [1.0, 6.0, 3.0], [1.0, 5.0, 4.0]])
    assert usable_columns(steady).tolist() == [False, False, True]


def test_cap_and_spans_follow_the_lives():
    found = Training().for_lives(np.array([100.0, 200.0, 300.0]), np.array([100, 200, 300]))
    assert found.cap == pytest.approx(126)
    assert found.spans == pytest.approx((10, 30, 90))
    assert Training().for_lives(np.array([0.5]), np.array([2])).spans == (1.0, 2.0, 3.0)
    with pytest.raises(UserError, match="ascend"):
        Training(spans=(9.0, 3.0)).for_lives(np.array([1.0]), np.array([2]))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_intervals_cover_where_errors_depend_on_the_prediction(seed):
    rng = np.random.default_rng(seed)

    def drawn(assets: int):
        predicted = rng.uniform(0, 100, (assets, 10))
        truth = predicted + (1 + predicted / 10) * (rng.normal(size=(assets, 1)) + 0.3 * rng.normal(size=(assets, 10)))
        return predicted.ravel(), truth.ravel(), np.repeat(np.arange(assets), 10)

    errors = learn(*drawn(60), np.array([0.05, 0.5, 0.95]), 8.0)
    predicted, truth, _ = drawn(400)
    low, _, high = errors.around(predicted).T
    assert 0.8 <= coverage(low, high, truth) <= 0.99
    assert np.mean((high - low)[predicted > 80]) > 2 * np.mean((high - low)[predicted < 20])


def test_scores_are_those_of_the_papers():
    assert asymmetric_score(np.array([0.0, 10.0, -13.0])) == pytest.approx(2 * (np.e - 1))
    low, high = np.array([1.0, 1.0]), np.array([3.0, 3.0])
    assert interval_score(low, high, np.array([2.0, 4.0]), 0.9) == pytest.approx((2 + 2 + 20) / 2)
    assert near(np.array([8.0, 13.0]), np.array([10.0, 10.0]), 0.2) == 0.5


def test_the_score_of_quantiles_is_that_of_intervals_and_tends_to_the_crps():
    """Median and one interval, as Bracher et al. define it; many quantiles of N(0, 1): Gneiting & Raftery 2007, (21)."""
    told, truth = np.array([[1.0, 2.0, 3.0]]), np.array([5.0])
    by_interval = (0.5 * 3 + 0.1 / 2 * interval_score(told[:, 0], told[:, 2], truth, 0.9)) / 1.5
    assert weighted_interval_score(told, (0.05, 0.5, 0.95), truth) == pytest.approx(by_interval)
    levels = (np.arange(2000) + 0.5) / 2000
    crps = 0.7 * (2 * stats.norm.cdf(0.7) - 1) + 2 * stats.norm.pdf(0.7) - 1 / np.sqrt(np.pi)
    found = weighted_interval_score(stats.norm.ppf(levels)[None], tuple(levels), np.array([0.7]))
    assert found == pytest.approx(crps, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda m: {"spans": m.spans[::-1]}, "spans"),
        (lambda m: {"low": m.high, "high": m.low}, "low"),
        (lambda m: {"cap": -1.0}, "cap"),
        (lambda m: {"directions": m.directions[:2]}, "directions"),
        (lambda m: {"low": m.low.astype(np.float32)}, "low"),
        (lambda m: {"high": m.high * np.nan}, "high"),
        (lambda m: {"trees": msgspec.structs.replace(m.trees, left=m.trees.left * 0)}, "children"),
        (lambda m: {"trees": msgspec.structs.replace(m.trees, feature=m.trees.feature + 99)}, "feature"),
        (lambda m: {"trees": msgspec.structs.replace(m.trees, roots=m.trees.roots - 1)}, "begins"),
        (lambda m: {"trees": msgspec.structs.replace(m.trees, value=m.trees.value[1:])}, "length"),
    ],
)
def test_a_model_that_cannot_be_right_is_refused(trained, change, why):
    assert wrong_with_model(trained.model) == ""
    assert why in wrong_with_model(msgspec.structs.replace(trained.model, **change(trained.model)))

"""Training of `models.remaining_life` from histories that ran to failure; the part that needs scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import HistGradientBoostingRegressor

from models.indicator_history import Conditions, features, smoothed
from models.life import QUANTILES
from models.local_conformal import Errors, learn
from models.remaining_life import LifeModel
from models.remaining_life_settings import Training
from models.tree_ensemble import Trees, answer

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_ASSETS = 10
FEWEST_LEVELS = 3  # an indicator of two values says too little to be smoothed


@dataclass(frozen=True, slots=True)
class Histories:
    """Assets that ran to failure, each asset's rows together, ascending in time.

    Attributes:
        asset: (n,) number of the asset.
        age: (n,) > 0 since the asset was new.
        left: (n,) life left at that row.
        values: (n, p) indicators, finite.
        conditions: (n, c) columns that tell the operating condition; c = 0 where there is one.
    """

    asset: Ints
    age: Floats
    left: Floats
    values: Floats
    conditions: Floats


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, and what it predicts of assets that it has not seen.

    Attributes:
        model: of all histories.
        unseen: (n,) each row by models that were trained without its asset, at most `cap`; `early` taken off.
        covered: (n, 2) the 90 % interval of each row, from errors of other assets alone.
    """

    model: LifeModel
    unseen: Floats
    covered: Floats


def usable_columns(values: Floats) -> NDArray[np.bool_]:
    """(p,) indicators that vary, and take at least three values."""
    still = np.ptp(values, axis=0) <= 1e-9 * np.abs(values).max(axis=0, initial=0.0)
    few = np.array([np.unique(column).size < FEWEST_LEVELS for column in values.T], dtype=np.bool_)
    return np.asarray(~(still | few))


def train(histories: Histories, settings: Training, seed: int) -> Trained:
    """Fit the model; same histories, settings and seed, same model.

    Args:
        histories: at least `FEWEST_ASSETS` assets and as many as folds, `values` of `usable_columns` only, and
            `conditions` only where there is more than one regime.
        settings: see `Training`, with `cap` and `spans` in numbers (`Training.for_lives`).
        seed: of folds, rows and trees.
    """
    conditions = _conditions(histories, settings.regimes, seed)
    scaled = conditions.standardised(histories.values, histories.conditions)
    means = smoothed(scaled, histories.asset, np.array(settings.spans))
    fold = _folds(histories.asset, settings.folds, seed)
    unseen = np.empty(len(means))
    for number in range(settings.folds):
        out = fold == number
        directions, trees = _fit(histories, means, ~out, settings, seed)
        unseen[out] = answer(trees, features(means[out], directions, histories.age[out]))
    unseen = np.clip(unseen, 0.0, settings.cap)
    directions, trees = _fit(histories, means, np.ones(len(means), dtype=np.bool_), settings, seed)
    low, high = _span(scaled, settings.margin)
    model = LifeModel(
        conditions=conditions,
        low=low,
        high=high,
        oldest=float(histories.age.max()),
        spans=np.array(settings.spans),
        directions=directions,
        trees=trees,
        errors=_errors(unseen, histories, settings),
        cap=settings.cap,
        early=settings.early,
    )
    covered = _unseen_intervals(unseen, histories, fold, settings)
    return Trained(model, np.maximum(unseen - settings.early, 0.0), covered)


def _errors(
    predicted: Floats, histories: Histories, settings: Training, rows: NDArray[np.bool_] | None = None
) -> Errors:
    rows = np.ones(predicted.size, dtype=np.bool_) if rows is None else rows
    width = settings.kernel_share * settings.cap
    return learn(predicted[rows], histories.left[rows], histories.asset[rows], np.array(QUANTILES), width)


def _unseen_intervals(predicted: Floats, histories: Histories, fold: Ints, settings: Training) -> Floats:
    """P5 and P95 of each row by the errors of the other folds' assets."""
    covered = np.empty((predicted.size, 2))
    for number in range(settings.folds):
        out = fold == number
        quantiles = _errors(predicted, histories, settings, ~out).around(predicted[out])
        covered[out] = np.maximum(quantiles[:, [0, -1]], 0.0)
    return covered


def _folds(asset: Ints, folds: int, seed: int) -> Ints:
    """(n,) the fold of each row: whole assets, folds of like size."""
    names, index = np.unique(asset, return_inverse=True)
    fold: Ints = (np.random.default_rng(seed).permutation(names.size) % folds)[index]
    return fold


def _span(scaled: Floats, margin: float) -> tuple[Floats, Floats]:
    low, high = scaled.min(axis=0), scaled.max(axis=0)
    return low - margin * (high - low), high + margin * (high - low)


def _conditions(histories: Histories, regimes: int, seed: int) -> Conditions:
    found = histories.conditions
    mean, sd = found.mean(axis=0), found.std(axis=0)
    sd = np.where(sd > 0, sd, 1.0)
    scaled = (found - mean) / sd
    centres = np.zeros((1, found.shape[1]))
    if found.shape[1]:
        centres = KMeans(regimes, n_init=3, random_state=seed).fit(scaled).cluster_centers_.astype(np.float64)
    apart = np.sqrt(((scaled[:, None, :] - centres) ** 2).sum(axis=2))
    regime = apart.argmin(axis=1)
    groups = [histories.values[regime == number] for number in range(len(centres))]
    spread = np.stack([group.std(axis=0) for group in groups])
    return Conditions(
        centres=centres,
        mean=mean,
        sd=sd,
        reach=2.0 * float(apart.min(axis=1).max()),
        indicator_mean=np.stack([group.mean(axis=0) for group in groups]),
        indicator_sd=np.where(spread > 0, spread, 1.0),
    )


def _fit(
    histories: Histories, means: Floats, rows: NDArray[np.bool_], settings: Training, seed: int
) -> tuple[Floats, Trees]:
    """Directions and trees from the chosen rows."""
    capped = np.minimum(histories.left, settings.cap)
    directions = _directions(means[rows, 0], capped[rows], settings.directions)
    table = features(means, directions, histories.age)
    number = np.arange(len(means))
    grown = []
    for member in range(settings.members):
        chosen = rows & (number % settings.every == member % settings.every)
        trees = HistGradientBoostingRegressor(
            max_iter=settings.trees,
            learning_rate=settings.learning_rate,
            max_leaf_nodes=settings.leaves,
            min_samples_leaf=settings.leaf_rows,
            l2_regularization=1.0,
            max_features=settings.features_share,
            early_stopping=False,
            random_state=seed * settings.members + member,
        )
        grown.append(trees.fit(table[chosen], capped[chosen]))
    return directions, as_arrays(grown)


def _directions(means: Floats, target: Floats, count: int) -> Floats:
    """(p, d) weights on indicators: components of partial least squares (Wold 2001), to unit variance."""
    sd = means.std(axis=0)
    sd = np.where(sd > 0, sd, 1.0)
    fitted = PLSRegression(min(count, means.shape[1]), scale=False).fit(means / sd, target)
    weights = fitted.x_rotations_ / sd[:, None]
    directions: Floats = weights / (means @ weights).std(axis=0)
    return directions


def as_arrays(grown: list[Any]) -> Trees:
    """The mean of fitted `HistGradientBoostingRegressor`s as plain arrays.

    scikit-learn has no public way to its trees; a test holds the arrays against its own predictions.
    """
    trees = [stage[0].nodes for model in grown for stage in model._predictors]  # noqa: SLF001 - see above
    starts = np.cumsum([0, *(len(nodes) for nodes in trees)])
    nodes, first = np.concatenate(trees), np.repeat(starts[:-1], np.diff(starts))
    leaf = nodes["is_leaf"].astype(np.bool_)
    own = np.arange(len(nodes))
    return Trees(
        roots=starts[:-1].astype(np.int64),
        feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.int64),
        threshold=np.where(leaf, 0.0, nodes["num_threshold"]).astype(np.float64),
        left=np.where(leaf, own, nodes["left"] + first).astype(np.int64),
        right=np.where(leaf, own, nodes["right"] + first).astype(np.int64),
        value=np.where(leaf, nodes["value"], 0.0).astype(np.float64) / len(grown),
        base=float(np.mean([model._baseline_prediction.item() for model in grown])),  # noqa: SLF001
    )

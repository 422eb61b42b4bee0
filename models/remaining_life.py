"""Remaining life of an asset from indicators, as histories of like assets that ran to failure teach it.

Trees predict the life left from a causal summary of the history (`models.indicator_history`); how wrong they were on
assets that they had not seen gives the interval (`models.local_conformal`). Life beyond `cap` is not told apart: a
young asset shows nothing of its end yet (piecewise-linear target of Heimes 2008, PHM).
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.indicator_history import Conditions, Memory, empty_memory, feature_count, features, remember
from models.life import QUANTILES
from models.local_conformal import Errors
from models.tree_ensemble import LARGEST, Trees, answer, wrong_with

Floats = NDArray[np.float64]

MAX_INDICATORS, MAX_REGIMES, MAX_SPANS, MAX_DIRECTIONS, MAX_GRID = 256, 64, 16, 16, 4096


class LifeModel(msgspec.Struct, frozen=True):
    """A trained model; times in the unit of the histories it was trained on.

    Attributes:
        conditions: regimes, and what the p indicators look like in each.
        low, high: (p,) standardised values between which each indicator lies within the model's range.
        oldest: age beyond which no training asset lived.
        spans: (s,) of the exponential means, rows.
        directions: (p, d) towards failure.
        trees: their answer is the life left, at most `cap`.
        errors: quantiles `models.life.QUANTILES` of the whole life left about that.
        cap: life beyond is not told apart.
        early: what is taken off the trees' answer: predicting too late is worse than too early.
    """

    conditions: Conditions
    low: Floats
    high: Floats
    oldest: float
    spans: Floats
    directions: Floats
    trees: Trees
    errors: Errors
    cap: float
    early: float

    @property
    def first_rows(self) -> int:
        """Rows before the first estimate: the shortest span."""
        return int(np.ceil(self.spans.min()))

    def new_memory(self) -> Memory:
        """Of an asset whose history begins."""
        return empty_memory(self.spans.size, self.low.size)


@dataclass(frozen=True, slots=True)
class Left:
    """Life left, n rows.

    Attributes:
        expected: (n,) at most the model's cap.
        quantiles: (n, 5) `models.life.QUANTILES` of the whole life left.
    """

    expected: Floats
    quantiles: Floats


def outside(model: LifeModel, values: Floats, conditions: Floats, age: float) -> str:
    """What of a row lies outside the range the model was trained in, as `3` (an indicator's number), `conditions` or
    `age`; empty where nothing does.

    Args:
        model: trained.
        values: (p,) indicators, finite.
        conditions: (c,) finite.
        age: since the asset was new.
    """
    if not 0 < age <= model.oldest:
        return "age"
    _, distance = model.conditions.regime(conditions[None])
    if distance[0] > model.conditions.reach:
        return "conditions"
    scaled = model.conditions.standardised(values[None], conditions[None])[0]
    beyond = np.flatnonzero(~((scaled >= model.low) & (scaled <= model.high)))
    return str(beyond[0]) if beyond.size else ""


def means_after(model: LifeModel, memory: Memory, values: Floats, conditions: Floats) -> Floats:
    """(s, p) smoothed indicators after a row (p,), taken into `memory`, which changes."""
    scaled = model.conditions.standardised(values[None], conditions[None])[0]
    return remember(memory, scaled, model.spans)


def life_left(model: LifeModel, means: Floats, age: Floats) -> Left:
    """Life left at rows of smoothed indicators (n, s, p) and ages (n,)."""
    told = answer(model.trees, features(means, model.directions, age))
    expected = np.clip(told, 0.0, model.cap)
    return Left(
        np.maximum(expected - model.early, 0.0),
        np.maximum(model.errors.around(expected), 0.0),
    )


def wrong_with_model(model: LifeModel) -> str:
    """What makes a model unusable; empty when nothing does. For models that come from a file."""
    p, s, g = model.low.size, model.spans.size, model.errors.at.size
    k, c = _shape(model.conditions.centres)
    d = _shape(model.directions)[1]
    sizes = (p, MAX_INDICATORS), (s, MAX_SPANS), (k, MAX_REGIMES), (d, MAX_DIRECTIONS), (g, MAX_GRID)
    if not all(0 < size <= most for size, most in sizes) or c > MAX_INDICATORS:
        return "arrays that are empty, too large or not of the dimensions expected"
    shapes = {"p": (p,), "s": (s,), "c": (c,), "g": (g,), "kc": (k, c), "kp": (k, p), "pd": (p, d)}
    shapes["gq"] = (g, len(QUANTILES))
    return _wrong_arrays(model, shapes) or _wrong_values(model) or wrong_with(model.trees, feature_count(s, d))


def _shape(array: Floats) -> tuple[int, int]:
    return (array.shape[0], array.shape[1]) if array.ndim == 2 else (0, 0)


def _wrong_arrays(model: LifeModel, shapes: dict[str, tuple[int, ...]]) -> str:
    conditions = model.conditions
    expected = {
        "conditions.centres": (conditions.centres, "kc"),
        "conditions.mean": (conditions.mean, "c"),
        "conditions.sd": (conditions.sd, "c"),
        "conditions.indicator_mean": (conditions.indicator_mean, "kp"),
        "conditions.indicator_sd": (conditions.indicator_sd, "kp"),
        "low": (model.low, "p"),
        "high": (model.high, "p"),
        "spans": (model.spans, "s"),
        "directions": (model.directions, "pd"),
        "errors.at": (model.errors.at, "g"),
        "errors.quantiles": (model.errors.quantiles, "gq"),
    }
    for name, (array, letters) in expected.items():
        if array.dtype != np.float64 or array.shape != shapes[letters] or not (np.abs(array) <= LARGEST).all():
            return f"{name}: expected 64-bit numbers up to {LARGEST:g} of shape {shapes[letters]}"
    return ""


def _wrong_values(model: LifeModel) -> str:
    conditions, errors = model.conditions, model.errors
    numbers = (model.cap, model.oldest, model.early, conditions.reach)
    rules = {
        "a number is too large": (np.abs(numbers) <= LARGEST).all(),
        "cap or oldest is not positive": model.cap > 0 and model.oldest > 0,
        "early is not between 0 and cap": 0 <= model.early <= model.cap,
        "a standard deviation is too small": min(conditions.sd.min(initial=1.0), conditions.indicator_sd.min())
        >= 1 / LARGEST,
        "low is not below high": (model.low < model.high).all(),
        "spans do not ascend from 1": model.spans[0] >= 1 and (np.diff(model.spans) > 0).all(),
        "errors.at does not ascend": (np.diff(errors.at) > 0).all(),
        "errors.quantiles do not ascend": (np.diff(errors.quantiles, axis=1) >= 0).all(),
    }
    return next((text for text, holds in rules.items() if not holds), "")

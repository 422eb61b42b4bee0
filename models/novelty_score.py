"""Scores of many novelty channels at once: the same rows, the same numbers, however many are stacked.

What follows holds for each channel by itself, so every product and sum here is taken over axes of one channel and one
row, in an order that the number of channels and rows does not change (`matmul` of one shape for each row and group,
elementwise sums). A channel alone is a stack of one.

The model's variance of an averaged residual is x̄ᵀ A⁻¹ x̄ (leverage of the averaged regressors) plus, for the share of
rows whose temperature was unknown, the whole variance that temperature explains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.averages import BLIND, WEIGHT, forgetting, running, weighted
from models.environment import COLUMNS, THERMAL, complete, design
from models.novelty_state import Rows, Scores, State

T = TypeVar("T", bound=np.generic)
Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

CLIP = 4.0  # deviations: one row moves averages and baseline by no more than this
DOUBT_CLIP = 8.0  # deviations of the model itself: beyond any threshold, so that a clipped row can still cross it
GAP_INTERVALS = 2.0  # a longer gap counts as so many intervals: averages resume where they stood
STACKED_ROWS = 256  # at a time: what is stacked is some 50 KB a channel and 10 KB a row
_LEAST_WEIGHT = 0.05
_UNKNOWN_DEVIATION = 1e6  # of a feature that cannot be judged yet: not clipped
_HOUR_NS = 3_600_000_000_000


def score(states: Sequence[State], parts: Sequence[Rows], return_weeks: Sequence[float]) -> list[Scores]:
    """Pass rows of fitted channels through their averages (states are changed in place) and score them.

    Args:
        states: of the channels; each once.
        parts: rows of each, one UTC day at most, at least one row.
        return_weeks: see `models.novelty.Rules`.
    """
    found: list[Scores | None] = [None] * len(states)
    for members in _alike(states, parts):
        stack = _Stack([states[i] for i in members], [parts[i] for i in members])
        limits = _joined([states[i].limits(return_weeks[i]) for i in members])
        for i, scores in zip(members, _score(stack, limits), strict=True):
            found[i] = scores
    return [scores for scores in found if scores is not None]


def regressors(temperature_c: Array, log_level: Array, thermal: Flags, usual: Array) -> tuple[Array, Flags]:
    """Regressors without gaps, (k, COLUMNS), and where temperature had to be replaced, (k,).

    Args:
        temperature_c: see `models.environment.design`.
        log_level: see there.
        thermal: (k,) or one for all; False: temperature is always replaced, there is no thermometer.
        usual: (THERMAL,) or (k, THERMAL) what replaces it.
    """
    x = design(temperature_c, log_level)
    x[~np.broadcast_to(thermal, len(x)), :THERMAL] = np.nan
    return complete(x, usual)


def present(features: Array, group: NDArray[np.int64]) -> Flags:
    """Whether all features of each group are there, (…, groups)."""
    members = (group[:, None] == np.arange(int(group.max()) + 1)).astype(np.float64)
    found: Flags = np.isfinite(features).astype(np.float64) @ members == members.sum(axis=0)
    return found


def pull(deviation: Array, doubt: Array) -> Array:
    """How far from what is expected a row may pull; `doubt`: of the model itself, in deviations."""
    return np.where(np.isfinite(deviation), deviation, _UNKNOWN_DEVIATION) * (CLIP + DOUBT_CLIP * doubt)


def _alike(states: Sequence[State], parts: Sequence[Rows]) -> Iterator[list[int]]:
    """Channels with the same features and number of rows, not too many rows together."""
    alike: dict[tuple[bytes, int], list[int]] = {}
    for i, (state, part) in enumerate(zip(states, parts, strict=True)):
        alike.setdefault((state.group.tobytes(), part.t_ns.size), []).append(i)
    for (_, rows), members in alike.items():
        most = max(1, STACKED_ROWS // rows)
        for start in range(0, len(members), most):
            yield members[start : start + most]


class _Stack:
    """c channels of the same features with k rows each; arrays begin with these two axes, or with the first alone."""

    def __init__(self, states: list[State], parts: list[Rows]) -> None:
        self.states = states
        self.group = states[0].group
        fits = [state.fit for state in states]
        self.coefficients = _joined([fit.coefficients for fit in fits])
        self.inverse = _joined([fit.inverse for fit in fits])
        self.deviation = _joined([fit.deviation for fit in fits])[:, None, None]
        self.blind_variance = _joined([fit.blind for fit in fits])[:, None, None]
        self.spread = _joined([state.spread for state in states])[:, None]
        self.t_ns = _joined([part.t_ns for part in parts])
        self.features = _joined([part.features for part in parts])
        self.x, self.blind = self._regressors(parts, _joined([fit.usual for fit in fits]))
        self.present = present(self.features, self.group)

    def _regressors(self, parts: list[Rows], usual: Array) -> tuple[Array, Flags]:
        rows = self.t_ns.shape[1]
        reference = np.repeat([state.level_reference for state in self.states], rows)
        x, blind = regressors(
            np.concatenate([part.temperature_c for part in parts]),
            np.concatenate([part.log_rms for part in parts]) - reference,
            np.repeat([state.thermal for state in self.states], rows),
            np.repeat(usual, rows, axis=0),
        )
        return x.reshape(*self.t_ns.shape, COLUMNS), blind.reshape(self.t_ns.shape)

    def gains(self) -> Array:
        """Weight of each row in the averages of each scale and group, (c, k, scales, groups)."""
        last_ns = np.array([state.last_ns for state in self.states], dtype=np.int64)
        before_ns = np.concatenate([last_ns[:, None], self.t_ns[:, :-1]], axis=1)
        limit_h = GAP_INTERVALS * np.array([state.interval_h for state in self.states])
        step_h = np.minimum((self.t_ns - before_ns) / _HOUR_NS, limit_h[:, None])
        return forgetting(step_h)[..., None] * self.present[:, :, None]


@dataclass(frozen=True, slots=True)
class _Explained:
    """What the regression says of the row itself (first) and of its averages, (c, k, 1 + scales, features)."""

    expected: Array
    leverage: Array


def _score(stack: _Stack, limits: Array) -> Iterator[Scores]:
    gain = stack.gains()
    rows = running(
        _joined([state.averages.rows for state in stack.states]),
        gain[..., None],
        weighted(stack.x, stack.blind)[:, :, None, None],
    )
    group = stack.group
    weight = rows[..., WEIGHT]
    safe = np.where(weight > 0, weight, np.nan)
    explained = _explain(stack, rows[..., :COLUMNS] / safe[..., None])
    features = running(
        _joined([state.averages.features for state in stack.states]),
        gain[..., group],
        _clipped(stack, explained)[:, :, None],
    )
    natural = features / safe[..., group] - explained.expected[:, :, 1:]
    share = (rows[..., BLIND] / safe)[..., group]
    model = explained.leverage[:, :, 1:] + share**2 * stack.blind_variance
    standard = natural / stack.deviation
    spread = stack.spread / np.maximum(weight, _LEAST_WEIGHT)[..., group]
    z = _known(standard / np.sqrt(spread + model))
    _keep(stack.states, rows[:, -1], features[:, -1])
    _note_squares(stack.states, _known(np.maximum(standard**2 - model, 0.0)))
    return _worst(stack, z, natural, limits)


def _explain(stack: _Stack, mean: Array) -> _Explained:
    """Expectation and leverage of the regressors `mean`, (c, k, scales, groups, COLUMNS), and of the rows' own."""
    c, k, scales, groups, _ = mean.shape
    points = np.empty((c, k, groups, 1 + scales, COLUMNS))
    points[:, :, :, 0] = stack.x[:, :, None]
    points[:, :, :, 1:] = mean.swapaxes(2, 3)
    leverage = ((points @ stack.inverse[:, None]) * points).sum(axis=-1)
    rows_of_all = points.reshape(c, k, groups * (1 + scales), COLUMNS)
    expected = rows_of_all @ stack.coefficients.swapaxes(1, 2)[:, None]
    # Of each feature what its own group's regressors say.
    of_group = expected.reshape(c, k, groups, 1 + scales, -1)[:, :, stack.group, :, np.arange(stack.group.size)]
    return _Explained(np.moveaxis(of_group, 0, -1), leverage[:, :, stack.group].swapaxes(2, 3))


def _clipped(stack: _Stack, explained: _Explained) -> Array:
    """The features, no farther from what is expected than a row may pull, (c, k, features); 0 where absent."""
    expected = explained.expected[:, :, 0]
    doubt = np.sqrt(explained.leverage[:, :, 0] + stack.blind[..., None] * stack.blind_variance[:, 0])
    reach = pull(stack.deviation[:, 0], doubt)
    pulled = expected + np.minimum(np.maximum(stack.features - expected, -reach), reach)
    return np.where(stack.present[..., stack.group], pulled, 0.0)


def _worst(stack: _Stack, z: Array, natural: Array, limits: Array) -> Iterator[Scores]:
    """The verdicts: the largest |z| / limit of each row; z is (c, k, scales, features), limits (c, scales)."""
    c, k, scales, features = z.shape
    size = np.abs(z)
    ratio = (size / limits[:, None, :, None]).reshape(c * k, scales * features)
    row, at = np.arange(c * k), ratio.argmax(axis=1)
    scale, feature = np.divmod(at, features)
    shape = (c, k)
    score = ratio[row, at].reshape(shape)
    worst_z = z.reshape(c * k, -1)[row, at].reshape(shape)
    shift = natural.reshape(c * k, -1)[row, at].reshape(shape)
    limit = limits[row // k, scale].reshape(shape)
    _note_worst(stack.states, size.max(axis=(1, 3)), score.max(axis=1))
    columns = (stack.t_ns, score, worst_z, limit, feature.reshape(shape), scale.reshape(shape), shift, stack.blind)
    return (Scores(*of_channel) for of_channel in zip(*columns, strict=True))


def _keep(states: list[State], rows: Array, features: Array) -> None:
    """The averages after the last row."""
    for state, of_rows, of_features in zip(states, rows, features, strict=True):
        state.averages.rows[...] = of_rows
        state.averages.features[...] = of_features


def _note_squares(states: list[State], squares: Array) -> None:
    """Add each row's squares, (c, k, scales, features), to the day's, one by one: however the rows were cut."""
    day = _joined([state.today_squares for state in states])
    for row in range(squares.shape[1]):
        day = day + squares[:, row]
    for state, of_day in zip(states, day, strict=True):
        state.today_squares[...] = of_day
        state.today_scored += squares.shape[1]


def _note_worst(states: list[State], z: Array, score: Array) -> None:
    """The day's largest |z| of each scale, (c, scales), and score, (c,)."""
    worst_z = np.maximum(_joined([state.today_worst_z for state in states]), z)
    for state, of_state, worst in zip(states, worst_z, score.tolist(), strict=True):
        state.today_worst_z[...] = of_state
        state.today_worst_score = max(state.today_worst_score, worst)


def _known(values: Array) -> Array:
    """0 in place of NaN: before a feature's first row there is nothing to judge."""
    return np.where(np.isnan(values), 0.0, values)


def _joined(arrays: Sequence[NDArray[T]]) -> NDArray[T]:
    """Arrays of one shape along a new first axis."""
    return np.concatenate(arrays).reshape(len(arrays), *arrays[0].shape)

"""Has a sensor's recent past been left? For the first weeks and short recordings, counted in windows, not in days.

The first `FIRST_ROWS` windows are the reference; later ones join it after `GUARD` calm ones behind them. What is judged
is the median of the last `RUN` windows, so that two odd windows (a truck, a door) say nothing. The distance is
Mahalanobis' with robust deviations and a correlation matrix shrunk to the identity (T² of Hotelling 1931; shrinkage as
Ledoit and Wolf, J. Multivar. Anal. 88 (2004) 365, with a fixed share, since two dozen windows cannot estimate one).
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FIRST_ROWS = 24
KEPT_ROWS = 168  # the recent past: a week of hourly windows
GUARD = 8
RUN = 5
# The median of five Gaussian rows of 10 features stays below 3.3 in all but 1 of 10,000; the rest is margin for
# deviations from 24 rows, for traffic and for weather, which this model does not know (self-set).
THRESHOLD = 6.0
CALM = 0.75
FLOOR_SD = 0.05  # of a log: no feature of a window is steadier than 5 %, however still the first two dozen were
SHRINKAGE = 0.3
_CLIP = 3.0
_MAD_TO_SD = 1.4826
_RENEW_SMALL, _RENEW_LARGE, _LARGE = 8, 32, 64  # the reference is renewed every so many rows (by its size)


class State(msgspec.Struct):
    """Attributes:
    reference: (n, features) the recent past, oldest first.
    waiting: (≤ GUARD, features) calm rows not yet in it.
    recent: (≤ RUN − 1, features) the newest rows before the next one.
    centre, deviation: (features,) of the reference when it was last renewed; empty before there is one.
    precision: (features, features) inverse shrunk correlation.
    fresh: rows that joined since.
    """

    reference: NDArray[np.float32]
    waiting: NDArray[np.float32]
    recent: NDArray[np.float32]
    centre: Array
    deviation: Array
    precision: Array
    fresh: int = 0


@dataclass(frozen=True)
class Scores:
    """Verdicts of the rows that could be judged: `judged` (k,) marks them; the rest (n,), n = judged.sum().

    Attributes:
        score: distance over `THRESHOLD`.
        feature: index of the feature that strayed furthest.
        z, shift: its standard score, signed, and how far it is off.
        reference: rows in the reference then.
    """

    judged: NDArray[np.bool_]
    score: Array
    feature: NDArray[np.int64]
    z: Array
    shift: Array
    reference: NDArray[np.int64]


def initial_state(features: int) -> State:
    """Before any row."""
    none = np.empty((0, features), dtype=np.float32)
    return State(none, none, none, np.empty(0), np.empty(0), np.empty((0, 0)))


def step(state: State, rows: Array) -> Scores:
    """Pass rows (k, features), finite, through the state (changed in place)."""
    parts, at = [], 0
    while at < len(rows):
        if not state.centre.size:
            taken = _begin(state, rows[at:])
            parts.append(_unjudged(taken))
        else:
            # Rows between two renewals are judged alike, so that results do not depend on where batches are cut.
            part = rows[at : at + _renew_every(state) - state.fresh]
            taken = len(part)
            parts.append(_judge(state, part))
        at += taken
    return _join(parts)


def _begin(state: State, rows: Array) -> int:
    """Fill the first reference; how many rows that took."""
    taken = min(len(rows), FIRST_ROWS - len(state.reference))
    state.reference = np.concatenate([state.reference, rows[:taken].astype(np.float32)])
    if len(state.reference) == FIRST_ROWS:
        _renew(state)
    return taken


def _renew_every(state: State) -> int:
    return _RENEW_SMALL if len(state.reference) < _LARGE else _RENEW_LARGE


def _renew(state: State) -> None:
    reference = state.reference.astype(np.float64)
    state.centre = np.median(reference, axis=0)
    away = reference - state.centre
    state.deviation = np.maximum(_MAD_TO_SD * np.median(np.abs(away), axis=0), FLOOR_SD)
    standard = np.clip(away / state.deviation, -_CLIP, _CLIP)
    moments = standard.T @ standard
    scale = np.sqrt(np.maximum(np.diag(moments), 1e-12))
    correlation = moments / np.outer(scale, scale)
    identity = np.eye(len(scale))
    state.precision = np.asarray(np.linalg.inv((1 - SHRINKAGE) * correlation + SHRINKAGE * identity), dtype=np.float64)
    state.fresh = 0


def _judge(state: State, rows: Array) -> Scores:
    """Judge up to the next renewal; then admit what has waited long enough."""
    history = np.concatenate([state.recent, rows.astype(np.float32)])
    before = len(state.recent)
    judged = np.arange(len(rows)) + before >= RUN - 1
    ends = np.flatnonzero(judged) + before
    runs = (
        np.stack([history[end - RUN + 1 : end + 1] for end in ends]) if ends.size else np.empty((0, RUN, rows.shape[1]))
    )
    shift = np.median(runs.astype(np.float64), axis=1) - state.centre
    z = shift / state.deviation
    score = np.sqrt(np.einsum("ki,ij,kj->k", z, state.precision, z)) / THRESHOLD
    feature = np.abs(z).argmax(axis=1) if len(z) else np.empty(0, dtype=np.int64)
    row = np.arange(len(z))
    state.recent = history[-(RUN - 1) :]
    sizes = _admit(state, history[before:], np.concatenate([np.zeros(np.count_nonzero(~judged)), score]))
    return Scores(judged, score, feature.astype(np.int64), z[row, feature], shift[row, feature], sizes[judged])


def _admit(state: State, rows: NDArray[np.float32], scores: Array) -> NDArray[np.int64]:
    """Rows join the reference once `GUARD` calm ones stand behind them; a row that is not calm empties the queue.

    Returns the size of the reference before each row.
    """
    sizes = np.empty(len(rows), dtype=np.int64)
    for at, (row, score) in enumerate(zip(rows, scores, strict=True)):
        sizes[at] = len(state.reference)
        state.fresh += 1
        if score >= CALM:
            state.waiting = state.waiting[:0]
            continue
        state.waiting = np.concatenate([state.waiting, row[None]])
        if len(state.waiting) > GUARD:
            state.reference = np.concatenate([state.reference, state.waiting[:1]])[-KEPT_ROWS:]
            state.waiting = state.waiting[1:]
    if state.fresh >= _renew_every(state):
        _renew(state)
    return sizes


def _unjudged(count: int) -> Scores:
    none, no_index = np.empty(0), np.empty(0, dtype=np.int64)
    return Scores(np.zeros(count, dtype=np.bool_), none, no_index, none, none, no_index)


def _join(parts: list[Scores]) -> Scores:
    if not parts:
        return _unjudged(0)
    return Scores(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("judged", "score", "feature", "z", "shift", "reference")
        )
    )

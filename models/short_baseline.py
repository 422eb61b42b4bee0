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
    fresh: rows since it was last renewed, or would have been, had it grown.
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
    parts, at, ahead = [], 0, 0
    has_grown = True  # the reference since its last renewal, for all that is known here
    while at < len(rows):
        if not state.centre.size:
            parts.append(_unjudged(_begin(state, rows[at:])))
        else:
            # Rows between two renewals are judged alike, so that results do not depend on where batches are cut. To
            # renew a reference that did not grow changes nothing: the longer it stays, the further is judged ahead.
            ahead = _renew_every(len(state.reference)) - state.fresh if has_grown else 2 * ahead
            part, has_grown = _judge(state, rows[at : at + ahead], has_grown)
            parts.append(part)
        at += len(parts[-1].judged)
    return _join(parts)


def _begin(state: State, rows: Array) -> int:
    """Fill the first reference; how many rows that took."""
    taken = min(len(rows), FIRST_ROWS - len(state.reference))
    state.reference = np.concatenate([state.reference, rows[:taken].astype(np.float32)])
    if len(state.reference) == FIRST_ROWS:
        _renew(state)
    return taken


def _renew_every(reference_rows: int) -> int:
    return _RENEW_SMALL if reference_rows < _LARGE else _RENEW_LARGE


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


def _judge(state: State, rows: Array, has_grown: bool) -> tuple[Scores, bool]:
    """Judge up to the next renewal that changes the reference; then admit what has waited long enough.

    Returns the scores of as many rows as that are, and whether the reference has grown since it was last renewed.
    """
    history = np.concatenate([state.recent, rows.astype(np.float32)])
    before = len(state.recent)
    shift = _medians(history) - state.centre
    z = shift / state.deviation
    score = np.sqrt(np.einsum("ki,ij,kj->k", z, state.precision, z)) / THRESHOLD
    unjudged = len(rows) - len(score)
    sizes, has_grown = _admit(state, history[before:], np.concatenate([np.zeros(unjudged), score]), has_grown)
    state.recent = history[: before + len(sizes)][-(RUN - 1) :]
    row = np.arange(max(len(sizes) - unjudged, 0))
    feature = np.abs(z[: len(row)]).argmax(axis=1) if len(row) else np.empty(0, dtype=np.int64)
    judged = np.arange(len(sizes)) >= unjudged
    scores = Scores(judged, score[row], feature.astype(np.int64), z[row, feature], shift[row, feature], sizes[judged])
    return scores, has_grown


def _medians(history: NDArray[np.float32]) -> Array:
    """Of every `RUN` rows in a row, shape (n - RUN + 1, features)."""
    if len(history) < RUN:
        return np.empty((0, history.shape[1]))
    runs = np.lib.stride_tricks.sliding_window_view(history.astype(np.float64), RUN, axis=0)
    return np.asarray(np.median(runs, axis=-1))


def _admit(state: State, rows: NDArray[np.float32], scores: Array, has_grown: bool) -> tuple[NDArray[np.int64], bool]:
    """Rows join the reference once `GUARD` calm ones stand behind them; a row that is not calm empties the queue.

    Ends with the row after which a reference that has grown is renewed. Returns the size of the reference before each
    row up to there, and whether it has grown since it was last renewed.
    """
    pool, queue, joined = np.concatenate([state.waiting, rows]), list(range(len(state.waiting))), []
    size, sizes, is_due = len(state.reference), [], False
    for at, is_odd in enumerate((scores >= CALM).tolist(), start=len(queue)):
        sizes.append(size)
        state.fresh += 1
        if is_odd:
            queue.clear()
        else:
            queue.append(at)
        if len(queue) > GUARD:
            joined.append(queue.pop(0))
            size = min(size + 1, KEPT_ROWS)
        if state.fresh >= _renew_every(size):
            state.fresh = 0
            is_due = has_grown or bool(joined)
        if is_due:
            break
    state.reference = np.concatenate([state.reference, pool[joined]])[-KEPT_ROWS:]
    state.waiting = pool[queue]
    if is_due:
        _renew(state)
    return np.array(sizes, dtype=np.int64), not is_due and (has_grown or bool(joined))


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

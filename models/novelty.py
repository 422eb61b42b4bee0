"""Novelty of one vibration channel: has a feature left what temperature, level and the baseline explain?

A channel lives through phases, counted in days that brought data:

- days 1-14: rows are only collected;
- then a first, robust regression; until day 21 rows are scored silently, which shows how far unseen days stray;
- from day 22: judged. A day enters the baseline only after 14 quiet days behind it (quarantine), so that slow damage
  is not learned as normal; a day that is not quiet empties the quarantine;
- after 365 learned days the baseline is frozen.

The score is the largest |z| over features and time scales, each scale's over a threshold learned from the channel's
own weeks.
Late rows (not after the newest one) are passed over: averages run forward only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from models.averages import Inputs, follow, residuals
from models.deviations import learn_deviation
from models.environment import LAG_COUNT, THERMAL, Fit, add, complete, design, empty_sums, no_temperature, solve
from models.extremes import RETURN_WEEKS
from models.novelty_state import Day, Rows, Scores, State

Array = NDArray[np.float64]

FIT_DAYS, FIT_ROWS = 14, 100
QUARANTINE_DAYS = 14
FREEZE_DAYS = 365
QUIET_SCORE = 0.75  # a day that comes nearer to the threshold is not learned: it may be the first of a damaged state
CLIP = 4.0  # deviations: one row moves averages and baseline by no more than this
DOUBT_CLIP = 8.0  # deviations of the model itself: beyond any threshold, so that a clipped row can still cross it
_ROBUST_ROUNDS = 4
_MAD_TO_SD = 1.4826
_HOUR_NS = 3_600_000_000_000
_DAY_NS = 24 * _HOUR_NS
_GAP_INTERVALS = 2.0  # a longer gap counts as so many intervals: averages resume where they stood
_DAYS_A_WEEK = 7
SHORT_BLIND_NS = 2 * _DAY_NS  # rows whose temperature is unknown for no longer than this are passed over


@dataclass(frozen=True, slots=True)
class Rules:
    """How a channel is judged and learned.

    Attributes:
        return_weeks: mean weeks between false warnings of one time scale (see `models.extremes`).
        quarantine_days: quiet days that must lie behind a day before it is learned.
        quiet_score: a day that comes nearer to the threshold is not quiet.
        freeze_days: learned days after which the baseline is closed.
    """

    return_weeks: float = RETURN_WEEKS
    quarantine_days: int = QUARANTINE_DAYS
    quiet_score: float = QUIET_SCORE
    freeze_days: int = FREEZE_DAYS


RULES = Rules()


def step(state: State, rows: Rows, rules: Rules = RULES) -> list[Scores]:
    """Pass rows through the state (changed in place); verdicts of those rows that were judged, in order."""
    found = []
    for part in _days(_sighted(state, _after(rows, state.last_ns))):
        day = int(part.t_ns[0] // _DAY_NS)
        if state.seen.days and day > state.seen.day:
            _close_day(state, rules)
        complete = np.fromiter((_counts(state, t_ns) for t_ns in part.t_ns.tolist()), np.bool_, part.t_ns.size)
        if state.fitted:
            scores = _score(state, part, rules.return_weeks)
            if state.judging:
                found.append(_only(scores, complete))
        _remember(state, part)
        state.last_ns = int(part.t_ns[-1])
    return found


def _counts(state: State, t_ns: int) -> bool:
    """Count a row; whether the baseline is complete by then."""
    state.seen.observe(t_ns)
    return state.seen.complete


def _only(scores: Scores, keep: NDArray[np.bool_]) -> Scores:
    if keep.all():
        return scores
    return Scores(*(getattr(scores, item.name)[keep] for item in fields(scores)))


def _after(rows: Rows, last_ns: int) -> Rows:
    return _take(rows, rows.t_ns > last_ns)


def _sighted(state: State, rows: Rows) -> Rows:
    """Without the rows of a short outage of the thermometer: a verdict in doubt would dull the averages for days."""
    if not state.thermal or not len(rows.t_ns):
        return rows
    known = np.isfinite(rows.temperature_c).all(axis=1)
    newest_ns = np.maximum.accumulate(np.where(known, rows.t_ns, state.sighted_ns))
    state.sighted_ns = int(newest_ns[-1])
    return _take(rows, known | (rows.t_ns - newest_ns > SHORT_BLIND_NS))


def _days(rows: Rows) -> Iterator[Rows]:
    day = rows.t_ns // _DAY_NS
    for value in np.unique(day):
        yield _take(rows, day == value)


def _take(rows: Rows, keep: NDArray[np.bool_]) -> Rows:
    return Rows(rows.t_ns[keep], rows.temperature_c[keep], rows.log_rms[keep], rows.features[keep])


def _remember(state: State, rows: Rows) -> None:
    """Keep the first row of each hour for the baseline."""
    hour = rows.t_ns // _HOUR_NS
    first = np.diff(hour, prepend=state.today_hour) > 0
    packed = np.column_stack([rows.temperature_c, rows.log_rms, rows.features])[first]
    state.today = np.concatenate([state.today, packed.astype(np.float32)])
    state.today_hour = int(hour[-1])


def _score(state: State, rows: Rows, return_weeks: float) -> Scores:
    fit = state.fit
    x, blind = _regressors(state, rows.temperature_c, rows.log_rms, fit)
    present = _present(state, rows.features)
    expected, reach = _expectation(state, fit, x, blind)
    clipped = expected + np.clip(rows.features - expected, -reach, reach)
    limit_h = _GAP_INTERVALS * state.interval_h
    step_h = np.minimum(np.diff(rows.t_ns, prepend=state.last_ns) / _HOUR_NS, limit_h)
    averaged = follow(state.averages, Inputs(x, clipped, blind, present), state.group, step_h)
    left = residuals(*averaged, fit, state.group)
    spread = state.spread / np.maximum(left.weight, 0.05)
    z = np.nan_to_num(left.standard / np.sqrt(spread + left.model))
    state.today_squares += np.nan_to_num(np.maximum(left.standard**2 - left.model, 0.0)).sum(axis=0)
    state.today_scored += len(z)
    return _worst(state, rows, z, left.natural, blind, limits=state.limits(return_weeks))


def _worst(state: State, rows: Rows, z: Array, natural: Array, blind: NDArray[np.bool_], *, limits: Array) -> Scores:
    """The verdicts: the largest |z| / limit of each row, z of shape (k, scales, features)."""
    ratio = np.abs(z) / limits[:, None]
    scale, feature = np.unravel_index(ratio.reshape(len(z), -1).argmax(axis=1), z.shape[1:])
    row = np.arange(len(z))
    score = ratio[row, scale, feature]
    state.today_worst_z = np.maximum(state.today_worst_z, np.abs(z).max(axis=(0, 2)))
    state.today_worst_score = max(state.today_worst_score, float(score.max()))
    return Scores(
        rows.t_ns,
        score,
        z[row, scale, feature],
        limits[scale],
        feature.astype(np.int64),
        scale.astype(np.int64),
        natural[row, scale, feature],
        blind,
    )


def _close_day(state: State, rules: Rules) -> None:
    """Decide what becomes of the day that has ended."""
    squares = state.today_squares / max(state.today_scored, 1)
    day = Day(state.today, squares.astype(np.float32), state.today_worst_z)
    quiet = state.today_worst_score < rules.quiet_score
    if not state.fitted:
        state.waiting.append(day)
        if state.seen.days >= FIT_DAYS and state.seen.rows >= FIT_ROWS:
            _first_fit(state)
    elif state.learned_days < rules.freeze_days:
        _admit(state, day, quiet=quiet, quarantine_days=rules.quarantine_days)
    state.today = state.today[:0]
    state.today_squares = np.zeros_like(state.today_squares)
    state.today_scored, state.today_worst_score = 0, 0.0
    state.today_worst_z = np.zeros_like(state.today_worst_z)


def _admit(state: State, day: Day, *, quiet: bool, quarantine_days: int) -> None:
    if not state.judging:
        _learn(state, day)
    elif not quiet:
        state.waiting.clear()
    else:
        state.waiting.append(day)
        if len(state.waiting) > quarantine_days:
            _learn(state, state.waiting.pop(0))


def _learn(state: State, day: Day) -> None:
    fit = state.fit
    temperature, log_rms, features = _unpack(day.rows)
    x, blind = _regressors(state, temperature, log_rms, fit)
    keep = ~blind if state.thermal else np.ones_like(blind)
    expected, reach = _expectation(state, fit, x, blind)
    clipped = expected + np.clip(features - expected, -reach, reach)
    add(state.sums, x[keep], clipped[keep], _present(state, features)[keep], state.group)
    learn_deviation(state.deviations, day.squares, state.interval_h)
    state.learned_days += 1
    if state.judging:
        _learn_week(state, day)
    state.learned()


def _learn_week(state: State, day: Day) -> None:
    """Take the day's worst |z| into the weekly maxima that the thresholds come from."""
    state.week_worst = np.maximum(state.week_worst, day.worst_z)
    state.week_days += 1
    if state.week_days == _DAYS_A_WEEK:
        if (state.week_worst > 0).all():
            state.weekly_maxima = np.vstack([state.weekly_maxima, state.week_worst])
        state.week_worst, state.week_days = np.zeros_like(state.week_worst), 0


def _first_fit(state: State) -> None:
    """Fit the collected days, robustly, and run the averages over them."""
    temperature, log_rms, features = _unpack(np.concatenate([day.rows for day in state.waiting]))
    state.level_reference = float(np.median(log_rms))
    state.thermal = bool(np.isfinite(temperature).all(axis=1).mean() > 0.5)
    x, blind = _regressors(state, temperature, log_rms, None)
    keep = ~blind if state.thermal else np.ones_like(blind)
    present = _present(state, features)
    x, features, present = x[keep], features[keep], present[keep]
    clipped = features
    for _ in range(_ROBUST_ROUNDS):
        state.sums = empty_sums(state.sums.count.size, state.group.size)
        add(state.sums, x, clipped, present, state.group)
        expected = x @ solve(state.sums, state.group).coefficients.T
        reach = CLIP * _robust_deviation(features - expected, present[:, state.group])
        clipped = expected + np.clip(features - expected, -reach, reach)
    step_h = np.full(len(x), state.interval_h)
    follow(state.averages, Inputs(x, clipped, blind[keep], present), state.group, step_h)
    state.learned()
    state.learned_days = len(state.waiting)
    state.waiting.clear()


def _robust_deviation(errors: Array, present: NDArray[np.bool_]) -> Array:
    """Deviation of each feature from the median of |error|, shape (features,); infinite where there is none."""
    found = np.full(errors.shape[1], np.inf)
    for feature in np.flatnonzero(present.any(axis=0)):
        found[feature] = np.median(np.abs(errors[present[:, feature], feature])) * _MAD_TO_SD
    return found


def _unpack(rows: NDArray[np.float32]) -> tuple[Array, Array, Array]:
    wide = rows.astype(np.float64)
    return wide[:, :LAG_COUNT], wide[:, LAG_COUNT], wide[:, LAG_COUNT + 1 :]


def _present(state: State, features: Array) -> NDArray[np.bool_]:
    """Whether all features of each group are there, shape (k, groups)."""
    finite = np.isfinite(features)
    return np.stack([finite[:, state.group == g].all(axis=1) for g in range(state.sums.count.size)], axis=1)


def _regressors(state: State, temperature_c: Array, log_rms: Array, fit: Fit | None) -> tuple[Array, NDArray[np.bool_]]:
    """Regressors without gaps, and where temperature had to be replaced: always, without a thermometer."""
    x = design(temperature_c, log_rms - state.level_reference)
    if not state.thermal:
        x[:, :THERMAL] = no_temperature()
        return x, np.ones(len(x), dtype=np.bool_)
    return complete(x, no_temperature() if fit is None else fit.usual)


def _expectation(state: State, fit: Fit, x: Array, blind: NDArray[np.bool_]) -> tuple[Array, Array]:
    """What the regression expects of each row and how far from it a row may pull, both (k, features)."""
    leverage = np.einsum("gki,ki->kg", x @ fit.inverse, x)[:, state.group]
    doubt = np.sqrt(leverage + blind[:, None] * fit.blind)
    deviation = np.where(np.isfinite(fit.deviation), fit.deviation, 1e6)
    return x @ fit.coefficients.T, deviation * (CLIP + DOUBT_CLIP * doubt)

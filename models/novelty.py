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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.averages import Inputs, follow
from models.deviations import learn_deviation
from models.environment import LAG_COUNT, Fit, add, empty_sums, no_temperature, solve
from models.extremes import RETURN_WEEKS
from models.novelty_score import CLIP, present, pull, regressors, score
from models.novelty_state import Day, Rows, Scores, State

Array = NDArray[np.float64]

FIT_DAYS, FIT_ROWS = 14, 100
QUARANTINE_DAYS = 14
FREEZE_DAYS = 365
QUIET_SCORE = 0.75  # a day that comes nearer to the threshold is not learned: it may be the first of a damaged state
_ROBUST_ROUNDS = 4
_MAD_TO_SD = 1.4826
_HOUR_NS = 3_600_000_000_000
_DAY_NS = 24 * _HOUR_NS
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


@dataclass(slots=True)
class Turn:
    """A channel's rows of one UTC day, after all that it was given before.

    Attributes:
        state: changed in place.
        rows: at least one.
        rules: how the channel is judged.
        scores: verdicts of those rows, the last ones, that were judged; None where none was.
        error: what passing them raised: of no use is then what became of the state.
    """

    state: State
    rows: Rows
    rules: Rules = RULES
    scores: Scores | None = None
    error: Exception | None = None


def step(state: State, rows: Rows, rules: Rules = RULES) -> list[Scores]:
    """Pass rows through the state (changed in place); verdicts of those rows that were judged, in order."""
    found = []
    for part in days_of(_after(rows, state.last_ns)):
        turn = Turn(state, part, rules)
        take_turns([turn])
        if turn.error is not None:
            raise turn.error
        if turn.scores is not None:
            found.append(turn.scores)
    return found


def take_turns(turns: Sequence[Turn]) -> None:
    """As `step`, of many channels, each once: the results are those of each alone, to the last bit, as are errors."""
    ready: list[Turn] = []
    judged: list[int] = []
    for turn in turns:
        try:
            judged.append(_begin(turn))
            ready.append(turn)
        except Exception as error:  # noqa: BLE001 - of this channel: the others go on
            turn.error = error
    fitted = [turn for turn in ready if turn.state.fitted]
    scored = iter(score([t.state for t in fitted], [t.rows for t in fitted], [t.rules.return_weeks for t in fitted]))
    for turn, count in zip(ready, judged, strict=True):
        if turn.state.fitted:
            scores = next(scored)
            turn.scores = _last(scores, count) if count else None
        _remember(turn.state, turn.rows)
        turn.state.last_ns = int(turn.rows.t_ns[-1])


def _begin(turn: Turn) -> int:
    """Close the day before and count the rows; from how many last ones on the baseline is complete, if there is one.
    What is worked out once a day is worked out here.
    """
    state, rows = turn.state, turn.rows
    if state.seen.days and int(rows.t_ns[0]) // _DAY_NS > state.seen.day:
        _close_day(state, turn.rules)
    complete = 0
    for t_ns in rows.t_ns.tolist():
        state.seen.observe(t_ns)
        complete += state.seen.complete  # and stays so
    if state.fitted:
        state.work_out(turn.rules.return_weeks)
    return complete


def _last(scores: Scores, count: int) -> Scores:
    if count == scores.t_ns.size:
        return scores
    return Scores._make(column[-count:] for column in scores)


def _after(rows: Rows, last_ns: int) -> Rows:
    return take(rows, rows.t_ns > last_ns)


def sighted(state: State, rows: Rows) -> Rows:
    """The rows that are for `step`: not those of a short outage of the thermometer. A verdict in doubt would dull the
    averages for days, and leave them so after the outage.
    """
    known = np.isfinite(rows.temperature_c).all(axis=1)
    if known.all():
        return all_sighted(state, rows)
    newest_ns = np.maximum.accumulate(np.where(known, rows.t_ns, state.sighted_ns))
    state.sighted_ns = int(newest_ns[-1])
    return take(rows, known | (rows.t_ns - newest_ns > SHORT_BLIND_NS))


def all_sighted(state: State, rows: Rows) -> Rows:
    """As `sighted`, of rows whose temperatures are all known."""
    if rows.t_ns.size:
        state.sighted_ns = max(state.sighted_ns, int(rows.t_ns[-1]))
    return rows


def days_of(rows: Rows) -> Iterator[Rows]:
    """The rows of each UTC day."""
    if not rows.t_ns.size:
        return
    day = rows.t_ns // _DAY_NS
    if day[0] == day[-1]:
        yield rows
        return
    for value in np.unique(day):
        yield take(rows, day == value)


def take(rows: Rows, keep: NDArray[np.bool_]) -> Rows:
    """Some of the rows."""
    return Rows(rows.t_ns[keep], rows.temperature_c[keep], rows.log_rms[keep], rows.features[keep])


def _remember(state: State, rows: Rows) -> None:
    """Keep the first row of each hour for the baseline."""
    newest = int(rows.t_ns[-1]) // _HOUR_NS
    if newest == state.today_hour:
        return
    hour = rows.t_ns // _HOUR_NS
    first = hour > np.concatenate([[state.today_hour], hour[:-1]])
    table = np.empty((len(hour), state.today.shape[1]), dtype=np.float32)
    table[:, :LAG_COUNT], table[:, LAG_COUNT], table[:, LAG_COUNT + 1 :] = (
        rows.temperature_c,
        rows.log_rms,
        rows.features,
    )
    state.today = np.concatenate([state.today, table[first]])
    state.today_hour = newest


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
    state.closed_days += 1
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
    x, blind = _regressors(state, temperature, log_rms, fit.usual)
    keep = ~blind if state.thermal else np.ones_like(blind)
    clipped = _clipped(fit, state.group, (x, blind, features))
    add(state.sums, x[keep], clipped[keep], present(features, state.group)[keep], state.group)
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
    x, blind = _regressors(state, temperature, log_rms, no_temperature())
    keep = ~blind if state.thermal else np.ones_like(blind)
    x, features = x[keep], features[keep]
    there = present(features, state.group)
    clipped = features
    for _ in range(_ROBUST_ROUNDS):
        state.sums = empty_sums(state.sums.count.size, state.group.size)
        add(state.sums, x, clipped, there, state.group)
        expected = x @ solve(state.sums, state.group).coefficients.T
        reach = CLIP * _robust_deviation(features - expected, there[:, state.group])
        clipped = expected + np.clip(features - expected, -reach, reach)
    step_h = np.full(len(x), state.interval_h)
    follow(state.averages, Inputs(x, clipped, blind[keep], there), state.group, step_h)
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


def _regressors(state: State, temperature_c: Array, log_rms: Array, usual: Array) -> tuple[Array, NDArray[np.bool_]]:
    return regressors(temperature_c, log_rms - state.level_reference, np.array(state.thermal), usual)


def _clipped(fit: Fit, group: NDArray[np.int64], rows: tuple[Array, NDArray[np.bool_], Array]) -> Array:
    """Features (k, features) of rows (regressors, blind, features), no farther from what is expected than a row may
    pull.
    """
    x, blind, features = rows
    leverage = np.einsum("gki,ki->kg", x @ fit.inverse, x)[:, group]
    expected = x @ fit.coefficients.T
    reach = pull(fit.deviation, np.sqrt(leverage + blind[:, None] * fit.blind))
    return np.asarray(expected + np.clip(features - expected, -reach, reach))

"""Novelty of a group of channels judged together: T² and Q about what was learned from a quiet training part.

Each channel has its environment regressed out, where that foretells it better than its median does (judged on stretches
of the training part that were left out), with the variance widened by the leverage of each row; an exponentially
weighted average follows. A channel's average is measured in its own limit: what a left-out stretch of the training
part exceeds with probability `chance`. So a channel that wanders by nature counts for less than one that stands still.
Where a group is said to wander (`Rule.wanders`), it is measured from where it last stood, and its limit widens the
longer ago that is (`models.wander`).
In these units principal components are found, and three statistics are judged; T and Q have limits of their own, from
the same left-out stretches:

- T (the root of Hotelling's T², 1947) in the retained components: the group moves together as it does, but further;
- Q (squared prediction error, Jackson & Mudholkar, Technometrics 21 (1979) 341; here its root): a channel leaves what
  the others say of it;
- the largest single channel: one channel of many moves alone.

Averages before the statistics: MEWMA (Lowry et al., Technometrics 34 (1992) 46). Limits from the training runs' own
left-out statistics instead of F and χ²: those assume independent rows (Nomikos & MacGregor, Technometrics 37 (1995) 41;
environmental effects: Worden, Manson & Fieller, J. Sound Vib. 229 (2000) 647). A channel that is missing is
marginalised: scores by conditional mean of the others (Nelson, Taylor & MacGregor, Chemom. Intell. Lab. Syst. 35
(1996) 45).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from models.group_novelty_state import STATISTICS, Averages, Model, Rule, Scores, start
from models.robust_regression import Regression, regress, robust_deviation
from models.stretch_limits import stretch_limits, stretches
from models.wander import Wander, deviates, go_on, learn_wander

Array = NDArray[np.float64]

GAIN = 0.8  # environment must bring the left-out error below this share, else it is not regressed out
_TINY = 1e-12
BLOCKS = 20  # by which channels are followed, in the training part
_HORIZON = 2  # limits widen for so many times the rows that were learned; what comes later is not known better
_SETTLED = 8.0  # an average has forgotten all but e⁻⁸ after so many times 1/λ rows


def learn(values: Array, outside: Array, rule: Rule) -> Model:
    """Learn from n rows.

    Args:
        values: (n, c), NaN where missing.
        outside: (n, e) environment, NaN where missing; e may be 0.
        rule: how.

    Raises:
        ValueError: too few rows to cut into stretches.
    """
    if rule.stretches < 3 or len(values) < 8 * rule.stretches:
        raise ValueError(
            f"{len(values)} rows: expected at least 8 for each of {rule.stretches} stretches, of 3 or more"
        )
    centre, scale = _centre(values)
    if np.isfinite(outside).all(axis=1).mean() < 0.5:
        outside = np.zeros_like(outside)  # hardly ever known: it foretells nothing
    outside_centre, outside_scale = _centre(outside)
    y = (values - centre) / np.where(scale > 0, scale, 1.0)
    x = _design(outside, outside_centre, outside_scale)
    fit, helps, left_out = _left_out(x, y, rule)
    memory = np.where(helps, _memory(fit.residuals(x, y)), 0.0)
    limit = stretch_limits(np.abs(left_out), rule.stretches, rule.chance)
    limit = np.where((scale > 0) & (np.isfinite(y).mean(axis=0) > 0.5), limit, np.inf)
    wander = None
    if rule.wanders:
        residuals = _residuals(fit, x, y, memory)
        wander = learn_wander(residuals, max(1, len(values) // BLOCKS), _averaged(rule))
    units = np.nan_to_num(_about_the_middle(rule, wander, limit, left_out, len(values) / rule.stretches))
    axes, variance, rest = _components(units, rule.retained)
    model = Model(
        rule, centre, scale, outside_centre, outside_scale, fit.coefficients, fit.inverse, memory,
        limit, axes, variance, rest, 1.0, 1.0, len(values), wander, len(values),
    )  # fmt: skip
    t, q, _ = _statistics(model, units)
    model.t_limit, model.q_limit = stretch_limits(np.column_stack([t, q]), rule.stretches, rule.chance).tolist()
    return model


def follow(model: Model, averages: Averages, values: Array, outside: Array) -> Scores:
    """Judge k rows after those that were learned, oldest first; `averages` is changed in place."""
    smooth = _smooth(model, averages, values, outside)
    ahead = averages.ahead + np.arange(1, len(values) + 1)
    averages.ahead += len(values)
    if model.wander is None:
        return _scores(model, smooth, np.where(np.isfinite(model.limit), smooth / model.limit, np.nan))
    foretold = np.minimum(ahead, _HORIZON * model.rows)
    units = _in_limits(model.rule, model.limit, deviates(model.wander, smooth, foretold), model.fitted)
    return _scores(model, smooth - model.wander.stands(), units)


def look_back(model: Model, averages: Averages, values: Array, outside: Array) -> Scores:
    """Judge the rows that were learned, about their own middle; `averages` is then at the last of them."""
    smooth = _smooth(model, averages, values, outside)
    return _scores(model, smooth, _about_the_middle(model.rule, model.wander, model.limit, smooth, model.rows / 2))


def _about_the_middle(rule: Rule, wander: Wander | None, limit: Array, smooth: Array, rows_away: float) -> Array:
    """Averages in their limits, of the training part: each as if foretold from its middle, so many rows away."""
    if wander is None:
        return np.where(np.isfinite(limit), smooth / limit, np.nan)
    away = np.full(len(smooth), rows_away)
    return _in_limits(rule, limit, deviates(wander, smooth, away, about=np.zeros(limit.size)), len(smooth))


def _in_limits(rule: Rule, limit: Array, deviate: Array, rows: int) -> Array:
    """Deviates over what the averages of a stretch, as many as do not overlap, exceed with the chance that was set."""
    apart = max(1.0, rows / rule.stretches / _averaged(rule))
    each = -np.expm1(np.log1p(-rule.chance) / apart)
    return np.where(np.isfinite(limit), deviate / -ndtri(each / 2), np.nan)


def go_on_learning(model: Model, averages: Averages, values: Array, outside: Array, rows_since: int) -> None:
    """Follow where the channels stand, in place, by whole blocks of quiet rows; `rows_since` of the newest row follow
    these and are not learned yet. A group that does not wander only counts them.
    """
    if model.wander is not None:
        go_on(model.wander, _unexplained(model, values, outside), averages.ahead - len(values) - rows_since)
    averages.ahead = rows_since
    model.rows += len(values)


def _smooth(model: Model, averages: Averages, values: Array, outside: Array) -> Array:
    return _average(_unexplained(model, values, outside), model.rule.smoothing, averages)


def _unexplained(model: Model, values: Array, outside: Array) -> Array:
    """What environment does not explain of rows, in deviations of the training part."""
    x = _design(outside, model.outside_centre, model.outside_scale)
    y = (values - model.centre) / np.where(model.scale > 0, model.scale, 1.0)
    return _residuals(Regression(model.coefficients, model.inverse), x, y, model.memory)


def _scores(model: Model, moved: Array, units: Array) -> Scores:
    """Of averages, as they have moved from where they are expected and in their limits."""
    t, q, scores = _statistics(model, units)
    single = np.nan_to_num(np.abs(units)).max(axis=1, initial=0.0)
    ratios = np.column_stack([t / model.t_limit, q / model.q_limit, single])
    largest = ratios.argmax(axis=1)
    channel = _contributor(model, units, scores, largest)
    row = np.arange(len(units))
    score = np.where(np.isfinite(units).any(axis=1), ratios[row, largest], np.nan)
    alone = np.where(largest == STATISTICS.index("Q"), (scores @ model.axes.T)[row, channel], 0.0)
    deviation = np.nan_to_num(units[row, channel]) - alone
    own, found = np.nan_to_num(moved[row, channel]), np.nan_to_num(units[row, channel])
    a_limit = np.where(found != 0, own / np.where(found != 0, found, 1.0), 0.0)
    return Scores(score, largest, ratios, channel, deviation, deviation * a_limit * model.scale[channel])


def _averaged(rule: Rule) -> float:
    """Rows whose plain mean has the variance of the average."""
    return (2.0 - rule.smoothing) / rule.smoothing


def _centre(columns: Array) -> tuple[Array, Array]:
    """(columns,) medians and robust deviations; 0 and 0 for a column without values."""
    found = [column[np.isfinite(column)] for column in columns.T]
    centre = np.array([np.median(column) if column.size else 0.0 for column in found])
    deviation = [robust_deviation(column - middle) for column, middle in zip(found, centre, strict=True)]
    return centre, np.array(deviation)


def _design(outside: Array, centre: Array, scale: Array) -> Array:
    return np.column_stack([np.ones(len(outside)), (outside - centre) / np.where(scale > 0, scale, 1.0)])


def _left_out(x: Array, y: Array, rule: Rule) -> tuple[Regression, NDArray[np.bool_], Array]:
    """The regression of all rows, whether environment helps each channel, and (n, c) averages of left-out residuals."""
    bare = np.where(np.arange(x.shape[1]) == 0, x, 0.0)
    plain, with_outside = np.empty_like(y), np.empty_like(y)
    memory = _memory(regress(x, y).residuals(x, y))
    for begin, end in stretches(len(y), rule.stretches):
        keep = np.ones(len(y), dtype=np.bool_)
        keep[begin:end] = False
        for design, into, rows_alike in ((bare, plain, np.zeros_like(memory)), (x, with_outside, memory)):
            near = slice(max(0, begin - round(_SETTLED / rule.smoothing)), end)
            left = _residuals(regress(design[keep], y[keep]), design[near], y[near], rows_alike)
            into[begin:end] = _average(left, rule.smoothing, start(y.shape[1]))[begin - near.start :]
    helps = _power(with_outside) < GAIN**2 * _power(plain)
    full, middle = regress(x, y), regress(bare, y)
    coefficients = np.where(helps[:, None], full.coefficients, middle.coefficients)
    return Regression(coefficients, full.inverse), helps, np.where(helps, with_outside, plain)


def _power(left: Array) -> Array:
    return np.asarray((np.nan_to_num(left) ** 2).mean(axis=0))


def _residuals(fit: Regression, x: Array, y: Array, memory: Array) -> Array:
    """Residuals over what leverage adds to their deviation. Environment that is missing leaves a channel unjudged that
    needs it, and only that one.
    """
    needs = (fit.coefficients[:, 1:] != 0).any(axis=1)
    known = np.asarray(np.isfinite(x).all(axis=1), dtype=np.bool_)
    whole = np.where(known[:, None], x, np.where(np.arange(x.shape[1]) == 0, 1.0, 0.0))
    widened = np.sqrt(1.0 + fit.leverage(whole)[:, None] * np.where(needs, memory, 0.0))
    return np.where(known[:, None] | ~needs, fit.residuals(whole, y) / widened, np.nan)


def _memory(residuals: Array) -> Array:
    """Integrated autocorrelation time of each channel in rows (Sokal, in: Functional Integration, 1997, 131), ≥ 1,
    summed until the first negative one.
    """
    known = np.nan_to_num(residuals - _centre(residuals)[0])
    size = 2 * len(known)
    power = np.abs(np.fft.rfft(known, size, axis=0)) ** 2
    lagged = np.fft.irfft(power, size, axis=0)[: len(known) // 2]
    lagged = lagged / np.maximum(lagged[0], _TINY)
    ended = np.logical_or.accumulate(lagged < 0, axis=0)
    return np.asarray(np.maximum(1.0, 2.0 * np.where(ended, 0.0, lagged).sum(axis=0) - 1.0))


def _average(rows: Array, smoothing: float, averages: Averages) -> Array:
    """(k, c) averages after each row. A gap holds the average, and after 1/λ rows there is none until it ends."""
    found = np.empty_like(rows)
    known = np.isfinite(rows)
    for at in range(len(rows)):
        step = np.where(known[at], rows[at] - averages.value, 0.0)
        averages.value = averages.value + smoothing * step
        averages.missing = np.where(known[at], 0.0, averages.missing + 1.0)
        found[at] = np.where(averages.missing * smoothing < 1.0, averages.value, np.nan)
    return found


def _components(units: Array, retained: float) -> tuple[Array, Array, float]:
    """Retained axes, the variance along each, and the mean variance of the others; of the rows in which every channel
    stays within its limit, so that an event in the training part turns no axis.
    """
    within = (np.abs(units) <= 1.0).all(axis=1)
    quiet = units[within] if within.any() else units
    variance, axes = np.linalg.eigh(quiet.T @ quiet / len(quiet))
    variance, axes = np.maximum(variance[::-1], _TINY), axes[:, ::-1]
    share = np.cumsum(variance) / variance.sum()
    count = min(int(np.searchsorted(share, retained)) + 1, max(1, variance.size - 1))
    rest = float(variance[count:].mean()) if count < variance.size else _TINY
    return axes[:, :count], variance[:count], rest


def _statistics(model: Model, units: Array) -> tuple[Array, Array, Array]:
    """T (k,), Q (k,) and scores (k, components); each pattern of missing channels by itself."""
    known = np.isfinite(units)
    whole = np.where(known, units, 0.0)
    scores = whole @ model.axes
    for pattern in np.unique(known[~known.all(axis=1)], axis=0):
        rows = (known == pattern).all(axis=1)
        scores[rows] = _conditional(model, pattern, whole[rows])
    t = np.sqrt((scores**2 / model.variance).sum(axis=1))
    rest = np.where(known, whole - scores @ model.axes.T, 0.0)
    return t, np.sqrt((rest**2).sum(axis=1)), scores


def _conditional(model: Model, pattern: NDArray[np.bool_], whole: Array) -> Array:
    """Conditional mean of the scores given the channels that are there."""
    there = model.axes[pattern]
    spread = there * model.variance
    covariance = spread @ there.T + model.rest * np.eye(int(pattern.sum()))
    return np.asarray(whole[:, pattern] @ np.linalg.solve(covariance, spread))


def _contributor(model: Model, units: Array, scores: Array, largest: NDArray[np.int64]) -> NDArray[np.int64]:
    """The channel with the largest part in the statistic (Kourti & MacGregor, J. Qual. Technol. 28 (1996) 409)."""
    whole = np.nan_to_num(units)
    to_t = whole * (scores / model.variance @ model.axes.T)
    to_q = (whole - scores @ model.axes.T) ** 2 * np.isfinite(units)
    parts = np.stack([to_t, to_q, np.abs(whole)])[largest, np.arange(len(units))]
    return np.asarray(parts.argmax(axis=1), dtype=np.int64)

"""The memory of the crack detector: daily sums for the trend, and hours for what temperature explains within days.

Bounded: days older than 400 are merged into weeks, 800 rows at most (about 51 KB); hours of the last four days.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import LAGS_H, Batch
from telltale.clock import NS_PER_DAY, NS_PER_HOUR

Floats = NDArray[np.float64]

LAGS = len(LAGS_H)
KEY, COUNT, WIDTH, WARM_COUNT = range(4)  # then LAGS columns of temperature sums
COLUMNS = 4 + LAGS
DAILY_KEPT = 400
MAX_ROWS = 800
HOURS_KEPT = 96
HALF_WINDOW_H = 18
MIN_IN_WINDOW = 30  # hours of the 37
MAX_REPLACED = 8  # gauges of one crack; older offsets are no longer told apart
FORGET_PER_HOUR = float(np.exp(-1 / (90 * 24)))


class Breathing(msgspec.Struct):
    """What temperature explains of the variation below 36 h: sums over hours, fading over 90 days.

    Attributes:
        xx, xy, yy, hours: (l, l), (l,) products of temperature and width about their 37-hour means, and how many.
    """

    xx: Floats
    xy: Floats
    yy: float = 0.0
    hours: float = 0.0


class State(msgspec.Struct):
    """Attributes:
    days, hours: rows of (day or hour since 1970, readings, Σ width, readings with temperature, Σ temperature of each
        lag), ascending.
    breathing: see `Breathing`.
    open_day: the day that readings arrive for.
    warned: whether the trend's last verdict was not clear.
    sure_days, short_days: days in a row on which growth was sure, and on which life was short.
    undated_day: the newest day on which life was refused because the readings' times cannot be relied on.
    replaced: days from which on another gauge reads, ascending.
    closed: whether the open day has been judged.
    faulty_day, refused_day: the newest day with distrusted readings, and on which life was refused because a day had no
        others.
    """

    days: Floats
    hours: Floats
    breathing: Breathing
    open_day: int = -(2**31)
    warned: bool = False
    sure_days: int = 0
    short_days: int = 0
    undated_day: int = -(2**31)
    replaced: list[int] = []
    closed: bool = False
    faulty_day: int = -(2**31)
    refused_day: int = -(2**31)


def new_state() -> State:
    """No reading yet."""
    return State(np.empty((0, COLUMNS)), np.empty((0, COLUMNS)), Breathing(np.zeros((LAGS, LAGS)), np.zeros(LAGS)))


def replace_gauge(state: State, day: int) -> None:
    """From `day` on another gauge reads. Its week before that day is given up: no day, and no week that days become,
    holds both.
    """
    week = 7 * (day // 7)
    state.days = state.days[(state.days[:, KEY] < week) | (state.days[:, KEY] > day)]
    state.hours = state.hours[:0]
    state.replaced = sorted({*state.replaced, week})[-MAX_REPLACED:]


def add(state: State, batch: Batch, rows: NDArray[np.bool_]) -> None:
    """Add readings of one day; late ones find their day, the hours take only what is not older than they reach."""
    t_ns, width, warmth = batch.t_ns[rows], batch.values[rows], batch.temperature_c[rows]
    sums = np.zeros((t_ns.size, COLUMNS))
    warm = np.isfinite(warmth.sum(axis=1))
    sums[:, COUNT] = 1
    sums[:, WIDTH] = width
    sums[:, WARM_COUNT] = warm
    sums[:, 4:] = np.where(warm[:, None], warmth, 0.0)
    state.days = _merged(state.days, sums, t_ns // NS_PER_DAY)
    oldest = (state.open_day + 1) * 24 - HOURS_KEPT
    recent = t_ns // NS_PER_HOUR >= oldest
    state.hours = _merged(state.hours, sums[recent], t_ns[recent] // NS_PER_HOUR)


def _merged(kept: Floats, sums: Floats, keys: NDArray[np.int64]) -> Floats:
    sums[:, KEY] = keys
    if len(sums) == 1 and len(kept) and keys[0] >= kept[-1, KEY]:  # a reading of now, by far the most
        if keys[0] > kept[-1, KEY]:
            return np.concatenate((kept, sums))
        sums[:, KEY] = 0
        return np.concatenate((kept[:-1], kept[-1:] + sums))
    return _grouped(np.concatenate((kept, sums)))


def _grouped(rows: Floats) -> Floats:
    """Rows of the same key added up, ascending."""
    keys, group = np.unique(rows[:, KEY], return_inverse=True)
    out = np.zeros((keys.size, rows.shape[1]))
    np.add.at(out, group.reshape(-1), rows)
    out[:, KEY] = keys
    return out


def close_day(state: State) -> None:
    """The open day is over: learn from its hours, thin what is old."""
    _learn_breathing(state)
    state.hours = state.hours[state.hours[:, KEY] >= (state.open_day + 1) * 24 - HOURS_KEPT]
    week = state.days[:, KEY] // 7
    old = 7 * week + 6 < state.open_day - DAILY_KEPT  # whole weeks only
    if old.any():
        weeks = state.days[old].copy()
        weeks[:, KEY] = 7 * week[old] + 3
        state.days = np.concatenate((_grouped(weeks), state.days[~old]))[-MAX_ROWS:]


def _learn_breathing(state: State) -> None:
    start = state.open_day * 24 - 2 * HALF_WINDOW_H
    span = 24 + 2 * HALF_WINDOW_H
    table = np.full((span, 1 + LAGS), np.nan)
    index = state.hours[:, KEY].astype(np.int64) - start
    usable = (index >= 0) & (index < span) & (state.hours[:, WARM_COUNT] == state.hours[:, COUNT])
    rows = state.hours[usable]
    table[index[usable]] = rows[:, [WIDTH, *range(4, COLUMNS)]] / rows[:, [COUNT]]
    quick = _below_36h(table)
    fade = FORGET_PER_HOUR**24
    kept = state.breathing
    width, warmth = quick[:, 0], quick[:, 1:]
    state.breathing = Breathing(
        xx=fade * kept.xx + warmth.T @ warmth,
        xy=fade * kept.xy + warmth.T @ width,
        yy=fade * kept.yy + float(width @ width),
        hours=fade * kept.hours + width.size,
    )


def _below_36h(table: Floats) -> Floats:
    """Rows about their centred 37-hour mean, where enough of it is known; shape (m, columns)."""
    windows = np.lib.stride_tricks.sliding_window_view(table, 2 * HALF_WINDOW_H + 1, axis=0)
    known = np.isfinite(windows[:, 0]).sum(axis=1)
    centre = table[HALF_WINDOW_H:-HALF_WINDOW_H]
    enough = (known >= MIN_IN_WINDOW) & np.isfinite(centre[:, 0])
    quick: Floats = centre[enough] - np.nanmean(windows[enough], axis=2) if enough.any() else centre[:0]
    return quick


def r2_below_36h(breathing: Breathing) -> float:
    """Share of the variation below 36 h that temperature explains; NaN before three days."""
    if breathing.hours < 72 or breathing.yy <= 0:
        return float("nan")
    effect, *_ = np.linalg.lstsq(breathing.xx, breathing.xy, rcond=1e-9)
    return float(np.clip(effect @ breathing.xy / breathing.yy, 0.0, 1.0))


def daily(state: State, last_day: int, expected: float) -> tuple[Floats, Floats, Floats]:
    """Days, mean widths and mean lagged temperatures up to `last_day`, for `models.crack.growth`.

    Days with less than a fifth of the expected readings are left out. Temperature is used when nearly all days have it
    and the last ones do; else there are no temperature columns: (n, 0).
    """
    rows = state.days[(state.days[:, KEY] <= last_day) & (state.days[:, COUNT] >= max(1.0, 0.2 * expected))]
    warm = rows[:, WARM_COUNT] >= 0.8 * rows[:, COUNT]
    warm_now = warm.any() and rows[warm, KEY][-1] > last_day - 3
    if not (warm_now and warm.mean() >= 0.8):
        return rows[:, KEY] + 0.5, rows[:, WIDTH] / rows[:, COUNT], np.empty((len(rows), 0))
    rows = rows[warm]
    return rows[:, KEY] + 0.5, rows[:, WIDTH] / rows[:, COUNT], rows[:, 4:] / rows[:, [WARM_COUNT]]

"""Thermal strain of a gauge that records without a break: what the structure's temperature explains is no stress.

Windows that sample the traffic are each taken about their own median, which removes it. A continuous record has no
such breaks: the level of its windows follows the day. Within each day the windows' medians are regressed on the lagged
temperature (ridge); what the temperature's change since the window before explains is taken out of the level, and
nothing else: a slow load stays. Changes are summed up, so that a better estimate of the slope makes no step in the
history, which would be counted as a cycle.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import LAGS_H

Floats = NDArray[np.float64]

LAGS = len(LAGS_H)
FORGET_A_DAY = float(np.exp(-1 / 90))
MIN_DAYS = 2  # before them nothing is taken out: what is counted is then too much, never too little
MIN_WINDOWS_A_DAY = 12
RIDGE = 1e-3  # of the mean square of the temperatures: the lags are alike


def _nothing(*shape: int) -> Floats:
    return np.zeros(shape)


class Thermal(msgspec.Struct):
    """State.

    Attributes:
        today: (1 + LAGS + 1, …) products of (1, temperatures, median) over the windows of the open day.
        squares, products: (LAGS, LAGS), (LAGS,) about each day's mean, fading over 90 days.
        days: how many days they hold.
        slope: (LAGS,) µε for each °C of each lag; zero until `MIN_DAYS`.
        level_ue: what has been taken out of the level so far.
        last_c: (LAGS,) temperatures of the newest window; NaN before the first.
    """

    today: Floats = msgspec.field(default_factory=lambda: _nothing(LAGS + 2, LAGS + 2))
    squares: Floats = msgspec.field(default_factory=lambda: _nothing(LAGS, LAGS))
    products: Floats = msgspec.field(default_factory=lambda: _nothing(LAGS))
    days: int = 0
    slope: Floats = msgspec.field(default_factory=lambda: _nothing(LAGS))
    level_ue: float = 0.0
    last_c: Floats = msgspec.field(default_factory=lambda: np.full(LAGS, np.nan))


def take(thermal: Thermal, medians_ue: Floats, temperature_c: Floats) -> Floats:
    """Thermal part of the level of consecutive windows of one day, (k,) µε; changes `thermal`.

    Args:
        thermal: changed in place.
        medians_ue: (k,) of the windows.
        temperature_c: (k, LAGS); a window without a temperature keeps the level of the one before.
    """
    levels = np.empty(medians_ue.size)
    for row, (median, lagged) in enumerate(zip(medians_ue, temperature_c, strict=True)):
        if np.isfinite(lagged).all() and np.isfinite(median):
            if np.isfinite(thermal.last_c).all():
                thermal.level_ue += float(thermal.slope @ (lagged - thermal.last_c))
            thermal.last_c = lagged.copy()
            seen = np.concatenate(([1.0], lagged, [median]))
            thermal.today += np.outer(seen, seen)
        levels[row] = thermal.level_ue
    return levels


def close_day(thermal: Thermal) -> None:
    """The day is over: learn from it."""
    count = thermal.today[0, 0]
    if count >= MIN_WINDOWS_A_DAY:
        centred: Floats = thermal.today[1:, 1:] - np.outer(thermal.today[0, 1:], thermal.today[0, 1:]) / count
        thermal.squares = FORGET_A_DAY * thermal.squares + centred[:LAGS, :LAGS]
        thermal.products = FORGET_A_DAY * thermal.products + centred[:LAGS, LAGS]
        thermal.days += 1
    thermal.today = _nothing(LAGS + 2, LAGS + 2)
    size = float(np.trace(thermal.squares)) / LAGS
    if thermal.days >= MIN_DAYS and size > 0:
        solved = np.linalg.solve(thermal.squares + RIDGE * size * np.eye(LAGS), thermal.products)
        thermal.slope = np.asarray(solved, dtype=np.float64)

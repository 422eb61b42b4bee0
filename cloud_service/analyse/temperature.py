"""What temperature a structure has had: the recent past of one temperature channel, and its exponential lags.

A concrete section follows the air by hours to days, so that a row is conditioned on the reading itself and on readings
smoothed by each of `LAGS_H`. Look-ups are causal: only readings at or before a row's time count, and only those that
had been journalled by then.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import LAGS_H
from telltale.clock import NS_PER_HOUR

SPACING_NS = NS_PER_HOUR // 12  # structures do not follow faster than 5 min
KEPT_NS = 8 * 24 * NS_PER_HOUR  # how late a backlog's rows may be and still find their temperature
MAX_KEPT = 2_400
MAX_AGE_NS = 3 * NS_PER_HOUR  # an older reading says nothing of now
OUTAGE_NS = 6 * NS_PER_HOUR  # without a reading for longer, the lags are a guess …
SETTLES_NS = 48 * NS_PER_HOUR  # … for as long again, and no longer than this

_LAG_NS = np.array(LAGS_H[1:]) * NS_PER_HOUR


class History(msgspec.Struct):
    """The readings kept of one temperature channel, ascending, at least `SPACING_NS` apart.

    Attributes:
        t_ns: (m,) UTC.
        lagged_c: (m, len(LAGS_H)); column 0 is the reading itself, NaN where it is missing or its sensor is faulty:
            then the other columns hold what was known before.
    """

    t_ns: NDArray[np.int64]
    lagged_c: NDArray[np.float64]


def new_history() -> History:
    """No reading yet."""
    return History(np.empty(0, np.int64), np.empty((0, len(LAGS_H))))


def extend(
    history: History, t_ns: NDArray[np.int64], celsius: NDArray[np.float64], usable: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Take readings into `history`; returns which rows were taken, for `look_up`.

    Args:
        history: changed in place.
        t_ns: (k,) UTC, ascending.
        celsius: (k,) readings, NaN where missing.
        usable: (k,) False where the sensor is distrusted.

    A missing reading is left out (the last one holds for `MAX_AGE_NS`); a distrusted one ends what was known. Late
    readings find their place in the past, and what follows them is lagged again.
    """
    taken = [
        row
        for row in range(t_ns.size)
        if not (usable[row] and np.isnan(celsius[row]))
        and _take(history, int(t_ns[row]), float(celsius[row]) if usable[row] else float("nan"))
    ]
    return np.array(taken, dtype=np.intp)


def trim(history: History) -> None:
    """Forget what is too old, once the rows that came with the newest readings were looked up."""
    if history.t_ns.size:
        old = int(np.searchsorted(history.t_ns, history.t_ns[-1] - KEPT_NS))
        start = max(old, history.t_ns.size - MAX_KEPT)
        history.t_ns, history.lagged_c = history.t_ns[start:], history.lagged_c[start:]


def _take(history: History, t_ns: int, celsius: float) -> bool:
    at = int(np.searchsorted(history.t_ns, t_ns))
    if not _is_news(history, at, t_ns, celsius):
        return False
    history.t_ns = np.insert(history.t_ns, at, t_ns)
    history.lagged_c = np.insert(history.lagged_c, at, np.nan, axis=0)
    history.lagged_c[at, 0] = celsius
    for row in range(at, history.t_ns.size):
        _lag(history, row)
    return True


def _is_news(history: History, at: int, t_ns: int, celsius: float) -> bool:
    if at < history.t_ns.size and history.t_ns[at] - t_ns < SPACING_NS:
        return False
    if at == 0:
        return True
    toggles = np.isnan(celsius) != np.isnan(history.lagged_c[at - 1, 0])
    return bool(toggles) or t_ns - int(history.t_ns[at - 1]) >= SPACING_NS


def _lag(history: History, row: int) -> None:
    """First-order lag τ y' = T − y, T a straight line from the reading before (first-order hold: Franklin, Powell and
    Workman, Digital Control of Dynamic Systems, 3rd ed. 1998, section 6.3.2); across an outage that is the best guess.
    """
    reading = history.lagged_c[row, 0]
    before = history.lagged_c[row - 1, 1:] if row else np.full(_LAG_NS.size, np.nan)
    if np.isnan(reading):
        history.lagged_c[row, 1:] = before
        return
    last = history.lagged_c[row - 1, 0] if row else np.nan
    rise = 0.0 if np.isnan(last) else reading - last
    ratio = float(history.t_ns[row] - history.t_ns[row - 1]) / _LAG_NS if row else np.zeros(_LAG_NS.size)
    keep = np.exp(-ratio)
    known = np.where(np.isnan(before), reading, before)
    trail = rise * (1.0 - keep) / ratio if row else 0.0
    history.lagged_c[row, 1:] = reading - trail + keep * (known - reading + rise)


def look_up(history: History, t_ns: NDArray[np.int64], newest: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    """(k, len(LAGS_H)) lagged temperature at each of `t_ns`, NaN where no reading is fresh enough.

    Args:
        history: readings.
        t_ns: (k,) UTC.
        newest: (k,) how many readings of `history` had been journalled by each row; None: all.
    """
    out = np.full((t_ns.size, len(LAGS_H)), np.nan)
    at = _known_by(history, t_ns, newest)
    found = at > 0
    found[found] = t_ns[found] - history.t_ns[at[found] - 1] <= MAX_AGE_NS
    rows = history.lagged_c[at[found] - 1]
    rows[np.isnan(rows[:, 0])] = np.nan
    out[found] = rows
    return out


def unsettled(history: History, t_ns: NDArray[np.int64], newest: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
    """(k,) where an outage of the thermometer is so near that the lags are a guess (arguments as of `look_up`)."""
    reading = np.flatnonzero(np.isfinite(history.lagged_c[:, 0]))
    if not reading.size:
        return np.zeros(t_ns.size, dtype=np.bool_)
    times = history.t_ns[reading]
    out_ns = np.diff(times, prepend=times[0])
    ends = np.where(out_ns > OUTAGE_NS, times + np.minimum(out_ns, SETTLES_NS), times)
    until = np.maximum.accumulate(ends)
    at = np.searchsorted(reading, _known_by(history, t_ns, newest))
    return np.asarray((at > 0) & (t_ns < until[np.maximum(at, 1) - 1]))


def _known_by(history: History, t_ns: NDArray[np.int64], newest: NDArray[np.int64] | None) -> NDArray[np.int64]:
    at = np.searchsorted(history.t_ns, t_ns, side="right")
    return at if newest is None else np.minimum(at, newest)

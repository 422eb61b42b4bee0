"""Is it the sensor or the structure? Checks of scalar readings one by one, and of windows all at once.

A fault of a sensor looks different from anything a structure does: a value that freezes, a jump that is gone at the
next reading, a value that the sensor cannot give. A step that stays is the structure's.
"""

from __future__ import annotations

import math
from enum import IntFlag

import msgspec
import numpy as np
from numpy.typing import NDArray

SHARE_READINGS = 48  # memory of the shares of bad and missing readings
LEARN_READINGS = 24  # changes of value seen before a sensor is known to vary, and its steps to be known
STEP_READINGS = 300  # memory of the usual step
SPIKE_STEPS = 30.0  # × the mean step; real temperatures and cracks reach 17 (12 weeks at 15 min, 5 sensors)
STEP_STAYS = 3  # readings after which a jump is a step of the structure
MAX_BRIDGED = 4.0  # a jump across a gap may be larger, by the root of the gap up to this factor
MIN_STUCK_RUN = 12
STUCK_RUNS = 5  # × the longest run of equal readings so far
COARSE_SHARE = 0.2  # of equal neighbours: above it the gauge is coarsely quantised
COARSE_RUNS, COARSE_CHANGES = 10, 60  # × the longest run; and time enough for so many changes


class Fault(IntFlag):
    """What is wrong with a reading. Bits, so that several can hold."""

    NONE = 0
    MISSING = 1
    RANGE = 2
    SPIKE = 4
    STUCK = 8
    CLIPPED = 16
    PENDING = 32  # far from its neighbours: a spike or a step, the next readings tell


class Watch(msgspec.Struct):
    """What has been learned of a scalar sensor.

    Attributes:
        last, last_ns: the newest trusted reading.
        step, quantum: mean and least size of changes between neighbours.
        equal_share: share of neighbours that are equal.
        changes: how many changes were seen, up to where it matters.
        run, longest_run: equal readings up to now, and the longest such run while the sensor was in order.
        held, held_run: a level that readings have jumped to, and for how long.
        jumped_to: where the newest jump went.
        bad_share, missing_share: of the newest readings.
    """

    last: float = math.nan
    last_ns: int = 0
    step: float = 0.0
    quantum: float = math.inf
    equal_share: float = 0.0
    changes: int = 0
    run: int = 0
    longest_run: int = 1
    held: float = math.nan
    held_run: int = 0
    jumped_to: float = math.nan
    bad_share: float = 0.0
    missing_share: float = 0.0


def look(watch: Watch, t_ns: int, value: float, plausible: tuple[float, float], interval_ns: int) -> Fault:
    """Judge the next reading and learn from it.

    Args:
        watch: changed in place.
        t_ns: UTC of the reading.
        value: the reading, NaN where missing.
        plausible: what the sensor can give at all.
        interval_ns: usual time between readings.

    Returns:
        What is wrong. SPIKE says that the reading before was one; every other bit is about this reading.
    """
    fault = _judge(watch, t_ns, value, plausible, interval_ns)
    missing = bool(fault & Fault.MISSING)
    watch.missing_share += (float(missing) - watch.missing_share) / SHARE_READINGS
    if not missing:
        bad = bool(fault & (Fault.RANGE | Fault.SPIKE))
        watch.bad_share += (float(bad) - watch.bad_share) / SHARE_READINGS
    return fault


def _judge(watch: Watch, t_ns: int, value: float, plausible: tuple[float, float], interval_ns: int) -> Fault:
    if math.isnan(value):
        return Fault.MISSING
    if not plausible[0] <= value <= plausible[1]:
        return Fault.RANGE
    if math.isnan(watch.last):
        _accept(watch, t_ns, value, learn=False)
        return Fault.NONE
    if _is_far(watch, t_ns, value, interval_ns):
        return _jumped(watch, t_ns, value)
    was_held, watch.held, watch.held_run = watch.held_run, math.nan, 0
    _accept(watch, t_ns, value, learn=True)
    fault = Fault.SPIKE if was_held else Fault.NONE
    return fault | (Fault.STUCK if is_stuck(watch) else Fault.NONE)


def _reach(watch: Watch) -> float:
    return max(SPIKE_STEPS * watch.step, 3 * watch.quantum)


def _is_far(watch: Watch, t_ns: int, value: float, interval_ns: int) -> bool:
    if watch.changes < LEARN_READINGS:
        return False
    bridged = math.sqrt(max(1.0, (t_ns - watch.last_ns) / interval_ns))
    return abs(value - watch.last) > _reach(watch) * min(bridged, MAX_BRIDGED)


def _jumped(watch: Watch, t_ns: int, value: float) -> Fault:
    """Far from the last trusted reading: another spike, or a level that may have come to stay."""
    if watch.held_run and abs(value - watch.held) <= _reach(watch):
        watch.held_run += 1
        watch.held = value
        if watch.held_run >= STEP_STAYS:
            watch.held, watch.held_run = math.nan, 0
            _accept(watch, t_ns, value, learn=False)
            return Fault.NONE
        return Fault.PENDING
    fault = Fault.SPIKE | Fault.PENDING if watch.held_run else Fault.PENDING
    watch.held = watch.jumped_to = value
    watch.held_run = 1
    return fault


def _accept(watch: Watch, t_ns: int, value: float, *, learn: bool) -> None:
    change = abs(value - watch.last) if learn else 0.0
    if learn and change == 0:
        watch.run += 1
    else:
        if not is_stuck(watch):
            watch.longest_run = max(watch.longest_run, watch.run)
        watch.run = 1
    if learn and not is_stuck(watch):
        _learn(watch, change)
    watch.last, watch.last_ns = value, t_ns


def _learn(watch: Watch, change: float) -> None:
    if change > 0:
        watch.changes = min(watch.changes + 1, STEP_READINGS)
        watch.quantum = min(watch.quantum, change)
    memory = max(1, min(watch.changes, STEP_READINGS))
    watch.step += (change - watch.step) / memory
    watch.equal_share += (float(change == 0) - watch.equal_share) / memory


def is_stuck(watch: Watch) -> bool:
    """Whether a sensor that used to vary gives one value for far longer than it ever did."""
    if watch.changes < LEARN_READINGS:
        return False
    if watch.equal_share > COARSE_SHARE:
        usual = COARSE_CHANGES / (1 - min(watch.equal_share, 0.999))
        return watch.run >= max(usual, COARSE_RUNS * watch.longest_run)
    return watch.run >= max(MIN_STUCK_RUN, STUCK_RUNS * watch.longest_run)


MISSING_SHARE = 0.2  # of a window's samples: above it the window is not used
FLAT_SAMPLES, FLAT_SHARE = 6, 0.005  # samples at a window's extreme that make it flat-topped …
FLAT_LEVELS = 64  # … if it spans so many of the converter's levels
WINDOW_SPIKE = 40.0  # × the mean second difference
SPIKE_FOOT = 0.2  # neighbours of a spike differ by less than this share of it: a blow rings, a spike does not


def look_at_windows(
    windows: NDArray[np.float32], plausible: tuple[float, float], flags_clipped: NDArray[np.bool_], *, varied: bool
) -> tuple[NDArray[np.uint8], bool]:
    """Faults of windows (k, n), oldest first.

    Args:
        windows: samples, NaN where missing.
        plausible: what the sensor can give at all.
        flags_clipped: (k,) whether the source flagged clipping.
        varied: whether the channel has been seen to vary, so that a constant window is a stuck sensor.

    Returns:
        bits of `Fault`, shape (k,), and whether the channel has been seen to vary by now.
    """
    known = np.isfinite(windows)
    filled = np.where(known, windows, np.float32(0))
    high = np.where(known, windows, -np.inf).max(axis=1)
    low = np.where(known, windows, np.inf).min(axis=1)
    faults = np.zeros(len(windows), dtype=np.uint8)
    any_known = known.any(axis=1)
    constant = any_known & (high == low)
    faults[known.mean(axis=1) < 1 - MISSING_SHARE] |= np.uint8(Fault.MISSING)
    faults[any_known & ((high > plausible[1]) | (low < plausible[0]))] |= np.uint8(Fault.RANGE)
    faults[flags_clipped] |= np.uint8(Fault.CLIPPED)
    has_varied = np.logical_or.accumulate(any_known & ~constant) | varied
    faults[constant & has_varied] |= np.uint8(Fault.STUCK)
    for row in _maybe_flat(windows, low, high):
        if row not in np.flatnonzero(constant) and _flat_topped(windows[row], float(low[row]), float(high[row])):
            faults[row] |= np.uint8(Fault.CLIPPED)
    for row in _maybe_spiked(filled):
        if known[row].all() and _spiked(windows[row].astype(np.float64)):
            faults[row] |= np.uint8(Fault.SPIKE)
    return faults, bool(has_varied[-1:].any()) or varied


def _maybe_flat(windows: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[np.intp]:
    least = max(FLAT_SAMPLES, math.ceil(FLAT_SHARE * windows.shape[1]))
    at_end = np.maximum((windows == high[:, None]).sum(axis=1), (windows == low[:, None]).sum(axis=1))
    return np.flatnonzero(at_end >= least)


def _flat_topped(window: NDArray[np.float32], low: float, high: float) -> bool:
    """Many samples at one extreme, in runs, of a window that is not merely coarse."""
    levels = np.unique(window[np.isfinite(window)])
    quantum = float(np.diff(levels).min()) if levels.size > 1 else math.inf
    if (high - low) < FLAT_LEVELS * quantum:
        return False
    pairs = max(np.count_nonzero((window[1:] == end) & (window[:-1] == end)) for end in (low, high))
    return bool(pairs >= FLAT_SAMPLES // 2)


def _maybe_spiked(filled: NDArray[np.float32]) -> NDArray[np.intp]:
    if filled.shape[1] < 5:
        return np.empty(0, dtype=np.intp)
    bend = np.abs(filled[:, 1:-1] - (filled[:, 2:] + filled[:, :-2]) / 2)
    return np.flatnonzero(bend.max(axis=1) > WINDOW_SPIKE * np.maximum(bend.mean(axis=1), 1e-12))


def _spiked(window: NDArray[np.float64]) -> bool:
    """Whether a sample stands alone: its neighbours on both sides lie together."""
    bend = np.abs(window[1:-1] - (window[2:] + window[:-2]) / 2)
    at = int(np.argmax(bend)) + 1
    around = window[max(at - 3, 0) : at + 4]
    rest = np.delete(around, min(at, 3))
    return bool(np.ptp(rest) < SPIKE_FOOT * bend[at - 1])

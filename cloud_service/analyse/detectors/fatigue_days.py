"""The memory of the fatigue detector: the history's open turning points, figures of each day, and how to go back."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.coverage import Coverage
from cloud_service.analyse.detector import Batch
from cloud_service.analyse.detectors import thermal_strain
from cloud_service.analyse.detectors.thermal_strain import Thermal
from models import fatigue, rainflow
from telltale.channel_details import FatigueDetail
from telltale.clock import NS_PER_DAY

DAY, CYCLES, DAMAGE, RANGE_MAX, SECONDS, SLOW_MIN, SLOW_MAX = range(7)


class Short(msgspec.Struct):
    """How things stood before the newest window, where that was cut short.

    Attributes:
        t_ns, samples: of the window.
        residue, thermal: as of `State`, before it was counted.
        day_row: the row of its day then; empty where there was none.
    """

    t_ns: int
    samples: int
    residue: NDArray[np.float64]
    day_row: NDArray[np.float64]
    thermal: Thermal


class State(msgspec.Struct):
    """Attributes:
    residue: (m,) rainflow's open turning points, µε.
    covered: times counted, so that a late window is counted once.
    days: (n, 7) raw figures of each UTC day, ascending: day, cycles, damage, largest range (MPa), recorded seconds,
        least and greatest window median (µε).
    damage_before: damage of days no longer kept, and of windows of unknown time.
    judged_day: the newest day after which life was judged.
    undated_day: the newest day on which it was refused because times cannot be relied on.
    thermal: what temperature explains, of continuous recordings.
    short: see `Short`; None where the newest window was whole.
    faulty_day, refused_day: the newest day with distrusted windows, and on which life was refused because a day had no
        others.
    """

    residue: NDArray[np.float64]
    covered: Coverage
    days: NDArray[np.float64]
    damage_before: float = 0.0
    judged_day: int = -(2**31)
    undated_day: int = -(2**31)
    thermal: Thermal = msgspec.field(default_factory=Thermal)
    short: Short | None = None
    faulty_day: int = -(2**31)
    refused_day: int = -(2**31)


def windows_of(
    batch: Batch, rows: NDArray[np.bool_] | NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Samples (k, n) and medians (k,) of windows, µε, and recorded seconds."""
    assert batch.windows is not None
    windows = batch.windows[rows].astype(np.float64)
    missing = int(np.isnan(windows).sum())
    medians = np.nanmedian(windows, axis=1) if missing else np.median(windows, axis=1)
    recorded = (windows.size - missing) / batch.rate_hz if batch.rate_hz > 0 else 0.0
    return windows, medians, recorded


def totals(state: State) -> NDArray[np.float64]:
    """(n,) damage up to and with each day that is kept, added in one order wherever it is told."""
    return np.asarray(state.damage_before + np.cumsum(state.days[:, DAMAGE]))


def count_day(state: State, detail: FatigueDetail, batch: Batch, rows: NDArray[np.bool_]) -> None:
    """Count windows that continue the history, all of one day; one by one, so that sums do not depend on batches."""
    for at in np.flatnonzero(rows).tolist():
        window, median, seconds = windows_of(batch, np.array([at]))
        if detail.duty_cycle < 1:
            window -= median[:, None]
        else:
            window -= thermal_strain.take(state.thermal, median, batch.temperature_c[[at]])[:, None]
        state.residue, closed = rainflow.feed(state.residue, window.reshape(-1))
        add(day_row(state, int(batch.t_ns[at]) // NS_PER_DAY), closed, detail, seconds, median)


def count_late(state: State, detail: FatigueDetail, batch: Batch, rows: NDArray[np.bool_]) -> set[int]:
    """Late windows are a record of their own: the stream's residue has moved on."""
    touched: set[int] = set()
    for day in np.unique(batch.t_ns[rows] // NS_PER_DAY):
        windows, medians, seconds = windows_of(batch, rows & (batch.t_ns // NS_PER_DAY == day))
        if detail.duty_cycle < 1:
            windows -= medians[:, None]
        add(day_row(state, int(day)), rainflow.count(windows.reshape(-1)), detail, seconds, medians)
        touched.add(int(day))
    if touched:
        state.short = None  # its figures of the day are no longer those to go back to
        touched.add(int(state.days[-1, DAY]))  # its running total changed
    return touched


def note_short(state: State, batch: Batch, newest: int) -> Short:
    """How things stand before row `newest` of a batch of short windows is counted."""
    assert batch.windows is not None
    t_ns = int(batch.t_ns[newest])
    day = t_ns // NS_PER_DAY
    is_known = state.days.size > 0 and state.days[-1, DAY] == day
    row = state.days[-1].copy() if is_known else np.empty(0)
    thermal = msgspec.structs.replace(state.thermal, today=state.thermal.today.copy())
    return Short(t_ns, batch.windows.shape[1], state.residue, row, thermal)


def take_back_short(state: State, batch: Batch) -> None:
    """Uncount the newest window where it was cut short and more of it comes now."""
    short = state.short
    assert batch.windows is not None
    if short is None or batch.windows.shape[1] <= short.samples or short.t_ns not in batch.t_ns:
        return
    day = short.t_ns // NS_PER_DAY
    if state.days.size and state.days[-1, DAY] == day:
        state.days = state.days[:-1]
    if short.day_row.size:
        state.days = np.vstack((state.days, short.day_row))
    state.residue, state.thermal, state.short = short.residue, short.thermal, None
    state.covered.last_ns = short.t_ns - 1


def day_row(state: State, day: int) -> NDArray[np.float64]:
    """The day's figures to add to, inserted in order where the day is new."""
    at = int(np.searchsorted(state.days[:, DAY], day))
    if at == len(state.days) or state.days[at, DAY] != day:
        fresh = np.array([day, 0, 0, 0, 0, np.inf, -np.inf], dtype=np.float64)
        state.days = np.insert(state.days, at, fresh, axis=0)
    row: NDArray[np.float64] = state.days[at]
    return row


def add(
    row: NDArray[np.float64],
    cycles: rainflow.Cycles,
    detail: FatigueDetail,
    seconds: float,
    medians: NDArray[np.float64],
) -> None:
    """Add counted cycles, recorded seconds and window medians to a day's row."""
    ranges = fatigue.stress_ranges_mpa(cycles.ranges, detail.youngs_modulus_gpa)
    row[CYCLES] += cycles.total()
    row[DAMAGE] += damage_of(cycles, detail)
    row[RANGE_MAX] = max(row[RANGE_MAX], ranges.max(initial=0.0))
    row[SECONDS] += seconds
    row[SLOW_MIN] = min(row[SLOW_MIN], medians.min())
    row[SLOW_MAX] = max(row[SLOW_MAX], medians.max())


def open_figures(state: State, detail: FatigueDetail) -> tuple[float, float, float]:
    """Damage, cycles and largest range (MPa) of the residue, counted as half cycles."""
    cycles = rainflow.finish(state.residue)
    ranges = fatigue.stress_ranges_mpa(cycles.ranges, detail.youngs_modulus_gpa)
    return damage_of(cycles, detail), cycles.total(), float(ranges.max(initial=0.0))


def damage_of(cycles: rainflow.Cycles, detail: FatigueDetail) -> float:
    """Miner's sum of the cycles on the detail."""
    ranges = fatigue.stress_ranges_mpa(cycles.ranges, detail.youngs_modulus_gpa)
    return fatigue.damage(ranges, cycles.counts, detail.category_mpa, detail.partial_factor)


def end_history(state: State, detail: FatigueDetail) -> None:
    """What follows has another zero: the open turning points are counted as half cycles (ASTM E1049-85, 5.4.4), and
    what temperature explains is learned anew. The medians of the newest day no longer compare.
    """
    if state.days.size:
        row = state.days[-1]
        cycles = rainflow.finish(state.residue)
        row[CYCLES] += cycles.total()
        row[DAMAGE] += damage_of(cycles, detail)
        row[RANGE_MAX] = max(row[RANGE_MAX], open_figures(state, detail)[2])
        row[SLOW_MIN] = row[SLOW_MAX] = np.nan
    state.residue, state.thermal, state.short = np.empty(0), Thermal(), None


def weekly(days: NDArray[np.float64]) -> NDArray[np.float64]:
    """(weeks, 2) damage and recorded seconds of blocks of 7 days, counted back from the newest day."""
    week = ((days[-1, DAY] - days[:, DAY]) // 7).astype(np.int64)
    count = int(week.max()) + 1
    sums: NDArray[np.float64] = np.stack(
        [np.bincount(week, weights=days[:, column], minlength=count) for column in (DAMAGE, SECONDS)], axis=1
    )
    return sums[sums[:, 1] > 0]

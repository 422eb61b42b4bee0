"""Fatigue of a strain channel: rainflow → EN 1993-1-9 → Miner damage → remaining life.

Continuous recordings (duty cycle 1) are counted as one history: the residue is carried from window to window. Windows
that sample the traffic (duty cycle below 1) are each taken about their own median first: what happened between two
windows was not seen, and slow thermal strain would otherwise close false cycles. The daily ground cycle of those
medians is reported beside the damage and not counted in it: free thermal strain is no stress.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from cloud_service.analyse import coverage
from cloud_service.analyse.coverage import Coverage
from cloud_service.analyse.detector import Batch, Output
from cloud_service.analyse.detectors.lives import life_finding, life_of, life_rows, refusal
from cloud_service.store.schema import Rows
from models import fatigue, life, rainflow
from models.standards import cite
from telltale.clock import NS_PER_DAY, NS_PER_S, NS_PER_YEAR
from telltale.detail_categories import DETAILS
from telltale.findings import Finding, Life, Refusal
from telltale.settings import Settings
from telltale.site import FatigueDetail, Place

DAY, CYCLES, DAMAGE, RANGE_MAX, SECONDS, SLOW_MIN, SLOW_MAX = range(7)
STANDARDS = ("en_1993_1_9", "astm_e1049")


class FatigueSettings(Settings, frozen=True):
    """How fatigue life is judged.

    Attributes:
        min_history_days: below it life is refused: self-set, four weekly blocks.
        kept_days: days whose damage is kept for the bootstrap.
        horizon_years: a P10 before it is a warning; P50 within `alarm_years` is an alarm.
    """

    min_history_days: Annotated[int, Meta(ge=14)] = 28
    kept_days: Annotated[int, Meta(ge=28, le=800)] = 400
    horizon_years: float = 10.0
    alarm_years: float = 1.0


class State(msgspec.Struct):
    """Attributes:
    residue: (m,) rainflow's open turning points, µε.
    covered: times counted, so that a late window is counted once.
    days: (n, 7) raw figures of each UTC day, ascending: day, cycles, damage, largest range (MPa), recorded seconds,
        least and greatest window median (µε).
    damage_before: damage of days no longer kept.
    judged_day: the newest day after which life was judged.
    """

    residue: NDArray[np.float64]
    covered: Coverage
    days: NDArray[np.float64]
    damage_before: float = 0.0
    judged_day: int = -(2**31)


class FatigueDetector:
    """Owns `Reason.LIFE` of strain channels that name a fatigue detail."""

    name = "fatigue"
    state_type = State
    partial_windows = True  # the last, shorter window of a record has cycles too

    def __init__(self, settings: FatigueSettings | None = None) -> None:
        self._settings = settings or FatigueSettings()

    def applies(self, place: Place) -> bool:
        """Strain windows with a fatigue detail."""
        channel = place.channel
        return channel.kind == "strain" and channel.is_waveform and channel.fatigue is not None

    def initial(self, place: Place) -> State:  # noqa: ARG002 - the port's signature
        """Nothing counted."""
        return State(residue=np.empty(0), covered=Coverage(), days=np.empty((0, 7)))

    def step(self, place: Place, state: State, batch: Batch) -> tuple[State, Output]:
        """Count the batch's windows day by day; judge life once a day is over."""
        output = Output()
        detail = place.channel.fatigue
        if detail is None or batch.windows is None or len(batch) == 0:
            return state, output
        before = state.covered.last_ns
        fresh = coverage.take(state.covered, batch.t_ns, round(place.channel.interval_s * NS_PER_S))
        usable = fresh & ~batch.faulty & np.isfinite(batch.windows).any(axis=1)
        late = usable & (batch.t_ns <= before)
        touched = self._count_late(state, detail, batch, late)
        if touched:
            touched.add(int(state.days[-1, DAY]))  # its running total changed
        for day in np.unique(batch.t_ns[usable & ~late] // NS_PER_DAY):
            of_day = usable & ~late & (batch.t_ns // NS_PER_DAY == day)
            if state.days.size and day > state.days[-1, DAY]:
                self._close_day(place, state, output)
                output.caused_by(int(batch.t_ns[of_day][0]))
            self._count_day(state, detail, batch, of_day, int(day))
            touched.add(int(day))
        if touched:
            output.rows.append(self._rows(place, state, sorted(touched)))
        self._forget_old_days(state)
        return state, output

    def _count_day(self, state: State, detail: FatigueDetail, batch: Batch, rows: NDArray[np.bool_], day: int) -> None:
        history, medians, seconds = _history(batch, rows, detail)
        state.residue, closed = rainflow.feed(state.residue, history)
        _add(_day_row(state, day), closed, detail, seconds, medians)

    def _count_late(self, state: State, detail: FatigueDetail, batch: Batch, rows: NDArray[np.bool_]) -> set[int]:
        """Late windows are a record of their own: the stream's residue has moved on."""
        touched: set[int] = set()
        for day in np.unique(batch.t_ns[rows] // NS_PER_DAY):
            history, medians, seconds = _history(batch, rows & (batch.t_ns // NS_PER_DAY == day), detail)
            _add(_day_row(state, int(day)), rainflow.count(history), detail, seconds, medians)
            touched.add(int(day))
        return touched

    def _rows(self, place: Place, state: State, days: list[int]) -> Rows:
        """A row a day, written anew while the day lasts; the newest day carries the residue as half cycles."""
        detail = place.channel.fatigue
        assert detail is not None
        open_damage, open_cycles, open_range = _open(state, detail)
        kept = state.days
        total = state.damage_before + np.cumsum(kept[:, DAMAGE])
        chosen = np.isin(kept[:, DAY], days)
        newest = (kept[:, DAY] == kept[-1, DAY]).astype(float) if kept.size else np.empty(0)
        scale = 1.0 / detail.duty_cycle
        columns = {
            "cycles": kept[:, CYCLES] + newest * open_cycles,
            "damage": scale * (kept[:, DAMAGE] + newest * open_damage),
            "damage_total": scale * (total + newest * open_damage),
            "range_max_mpa": np.maximum(kept[:, RANGE_MAX], newest * open_range),
        }
        t_ns = kept[:, DAY].astype(np.int64) * NS_PER_DAY
        return Rows("fatigue", place.channel.id, t_ns[chosen], {k: v[chosen] for k, v in columns.items()})

    def _close_day(self, place: Place, state: State, output: Output) -> None:
        """The newest day is over: its row without the residue, and a judgement of life."""
        day = int(state.days[-1, DAY])
        if day <= state.judged_day:
            return
        state.judged_day = day
        row = self._rows(place, state, [day])
        detail = place.channel.fatigue
        assert detail is not None
        kept = state.days[-1]
        scale = 1.0 / detail.duty_cycle
        total = scale * (state.damage_before + float(state.days[:, DAMAGE].sum()))
        output.rows.append(
            Rows(
                "fatigue",
                place.channel.id,
                row.t_ns,
                {
                    "cycles": kept[[CYCLES]],
                    "damage": scale * kept[[DAMAGE]],
                    "damage_total": np.array([total]),
                    "range_max_mpa": kept[[RANGE_MAX]],
                },
            )
        )
        estimate = self._life(place, state, detail, (day + 1) * NS_PER_DAY)
        output.lives.append(estimate)
        output.rows.append(life_rows(estimate))
        output.findings.append(self._finding(state, detail, estimate))

    def _life(self, place: Place, state: State, detail: FatigueDetail, t_ns: int) -> Life:
        channel, settings = place.channel, self._settings
        kept = state.days[state.days[:, SECONDS] > 0]
        damage = state.damage_before + float(kept[:, DAMAGE].sum())
        history_days = int(kept[-1, DAY] - kept[0, DAY]) + 1 if kept.size else 0
        if history_days < settings.min_history_days:
            text = f"{history_days} days of strain recorded, at least {settings.min_history_days} are needed"
            return refusal(channel.id, t_ns, Refusal.INSUFFICIENT_HISTORY, text, _source(detail))
        if damage <= 0:
            text = f"no stress range exceeded the cut-off limit, largest {kept[:, RANGE_MAX].max():.3g} MPa"
            return refusal(channel.id, t_ns, Refusal.NO_TREND, text, _source(detail))
        blocks = _weekly(kept)
        years = blocks[:, 1] / detail.duty_cycle * NS_PER_S / NS_PER_YEAR
        consumed = damage / detail.duty_cycle
        draws = life.fatigue_years(blocks[:, 0] / detail.duty_cycle, years, consumed, life.seed_of(channel.id))
        text = f"Miner damage {consumed:.3g} in {history_days} days, {len(blocks)} weekly blocks"
        return life_of(channel.id, t_ns, draws, detail=text, assumptions=_assumptions(detail), source=_source(detail))

    def _finding(self, state: State, detail: FatigueDetail, estimate: Life) -> Finding:
        newest = state.days[-1]
        e_gpa = detail.youngs_modulus_gpa
        ground = fatigue.stress_ranges_mpa(newest[[SLOW_MAX]] - newest[[SLOW_MIN]], e_gpa)
        evidence: dict[str, float | str] = {
            "damage_day": float(newest[DAMAGE]) / detail.duty_cycle,
            "range_max_mpa": float(newest[RANGE_MAX]),
            "ground_cycle_mpa": float(ground[0]),
            "duty_cycle": detail.duty_cycle,
        }
        return life_finding(estimate, self._settings.horizon_years, self._settings.alarm_years, evidence)

    def _forget_old_days(self, state: State) -> None:
        excess = len(state.days) - self._settings.kept_days
        if excess > 0:
            state.damage_before += float(state.days[:excess, DAMAGE].sum())
            state.days = state.days[excess:]


def _history(
    batch: Batch, rows: NDArray[np.bool_], detail: FatigueDetail
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Samples to count (µε), window medians, and recorded seconds."""
    assert batch.windows is not None
    windows = batch.windows[rows].astype(np.float64)
    medians = np.nanmedian(windows, axis=1)
    if detail.duty_cycle < 1:
        windows -= medians[:, None]
    recorded = int(np.isfinite(windows).sum()) / batch.rate_hz if batch.rate_hz > 0 else 0.0
    return windows.reshape(-1), medians, recorded


def _day_row(state: State, day: int) -> NDArray[np.float64]:
    """The day's figures to add to, inserted in order where the day is new."""
    at = int(np.searchsorted(state.days[:, DAY], day))
    if at == len(state.days) or state.days[at, DAY] != day:
        fresh = np.array([day, 0, 0, 0, 0, np.inf, -np.inf], dtype=np.float64)
        state.days = np.insert(state.days, at, fresh, axis=0)
    row: NDArray[np.float64] = state.days[at]
    return row


def _add(
    row: NDArray[np.float64],
    cycles: rainflow.Cycles,
    detail: FatigueDetail,
    seconds: float,
    medians: NDArray[np.float64],
) -> None:
    ranges = fatigue.stress_ranges_mpa(cycles.ranges, detail.youngs_modulus_gpa)
    row[CYCLES] += cycles.total()
    row[DAMAGE] += fatigue.damage(ranges, cycles.counts, detail.category_mpa, detail.partial_factor)
    row[RANGE_MAX] = max(row[RANGE_MAX], ranges.max(initial=0.0))
    row[SECONDS] += seconds
    row[SLOW_MIN] = min(row[SLOW_MIN], medians.min())
    row[SLOW_MAX] = max(row[SLOW_MAX], medians.max())


def _open(state: State, detail: FatigueDetail) -> tuple[float, float, float]:
    """Damage, cycles and largest range (MPa) of the residue, counted as half cycles."""
    cycles = rainflow.finish(state.residue)
    ranges = fatigue.stress_ranges_mpa(cycles.ranges, detail.youngs_modulus_gpa)
    damage = fatigue.damage(ranges, cycles.counts, detail.category_mpa, detail.partial_factor)
    return damage, cycles.total(), float(ranges.max(initial=0.0))


def _weekly(days: NDArray[np.float64]) -> NDArray[np.float64]:
    """(weeks, 2) damage and recorded seconds of blocks of 7 days, counted back from the newest day."""
    week = ((days[-1, DAY] - days[:, DAY]) // 7).astype(np.int64)
    count = int(week.max()) + 1
    sums: NDArray[np.float64] = np.stack(
        [np.bincount(week, weights=days[:, column], minlength=count) for column in (DAMAGE, SECONDS)], axis=1
    )
    return sums[sums[:, 1] > 0]


def _assumptions(detail: FatigueDetail) -> tuple[str, ...]:
    sampled = f"windows cover {detail.duty_cycle:.3g} of the time and stand for the rest"
    named = f" ({DETAILS[detail.detail].description}; {DETAILS[detail.detail].clause})" if detail.detail else ""
    return (
        f"Δσ_C {detail.category_mpa:g} MPa{named}, γ_Mf {detail.partial_factor:g}, E {detail.youngs_modulus_gpa:g} GPa",
        "no damage before monitoring began",
        "traffic like the recorded weeks, growing 1.5 ± 1 % a year; a year varies by 15 %",
        "scatter of the S-N curve 0.2 in log10 N, design curve at its 5 % quantile",
        sampled if detail.duty_cycle < 1 else "recorded continuously",
    )


def _source(detail: FatigueDetail) -> str:
    named = ("en_1993_1_9_details",) if detail.detail else ()
    return "; ".join(cite(key) for key in (*STANDARDS, *named))

"""Fatigue of a strain channel: rainflow → EN 1993-1-9 → Miner damage → remaining life.

Continuous recordings (duty cycle 1) are counted as one history: the residue is carried from window to window, and what
temperature explains of the level is taken out (`thermal_strain`). Windows that sample the traffic (duty cycle below 1)
are each taken about their own median first: what happened between two windows was not seen, and slow thermal strain
would otherwise close false cycles. The daily ground cycle of the medians is reported beside the damage and not counted
in it: free thermal strain is no stress (decision 028).

A window that was cut short and comes again longer, before any later one, is counted anew from where the history stood
before it. Windows of unknown time have done their damage, each counted by itself, but are no part of any day: on a day
that brings some, life is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from cloud_service.analyse import coverage
from cloud_service.analyse.coverage import Coverage
from cloud_service.analyse.detector import Batch, Output
from cloud_service.analyse.detectors import thermal_strain
from cloud_service.analyse.detectors.fatigue_days import (
    CYCLES,
    DAMAGE,
    DAY,
    RANGE_MAX,
    SECONDS,
    SLOW_MAX,
    SLOW_MIN,
    State,
    count_day,
    count_late,
    damage_of,
    end_history,
    note_short,
    open_figures,
    take_back_short,
    totals,
    weekly,
    windows_of,
)
from cloud_service.analyse.detectors.lives import (
    faulty_refusal,
    life_finding,
    life_of,
    life_rows,
    refusal,
    undated_refusal,
)
from cloud_service.baseline_record import Act, BaselineEvent
from cloud_service.store.schema import Rows
from models import fatigue, life, rainflow
from models.standards import cite
from telltale.channel_details import FatigueDetail
from telltale.clock import NS_PER_DAY, NS_PER_S, NS_PER_YEAR
from telltale.detail_categories import DETAILS
from telltale.findings import Finding, Life, Refusal
from telltale.settings import Settings
from telltale.site import Channel, Place

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


@dataclass(frozen=True, slots=True)
class _New:
    """Which rows of a batch continue the history, and which of all rows can be counted."""

    rows: NDArray[np.bool_]
    sound: NDArray[np.bool_]


class FatigueDetector:
    """Owns `Reason.LIFE` of strain channels that name a fatigue detail."""

    name = "fatigue"
    state_type = State
    has_baseline = True  # of what temperature explains; damage that was done stays done
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

    def renewed(self, place: Place, state: State, event: BaselineEvent) -> State:
        """A sensor that was moved measures another detail. Else the damage stands, and the history is cut."""
        if event.act is Act.SENSOR_MOVED:
            return self.initial(place)
        end_history(state, _detail(place))
        return state

    def step(self, place: Place, state: State, batch: Batch) -> tuple[State, Output]:
        """Count the batch's windows day by day; judge life once a day is over."""
        output = Output()
        if batch.windows is not None:
            for part in _by_date(batch):
                self._take(place, state, part, output)
        return state, output

    def _take(self, place: Place, state: State, batch: Batch, output: Output) -> None:
        """Rows that can all be dated, or none of them."""
        detail = _detail(place)
        assert batch.windows is not None
        sound = ~batch.faulty & np.isfinite(batch.windows).any(axis=1)
        if batch.undated is not None and batch.undated.any():
            touched = self._count_undated(place, state, batch, sound, output)
        else:
            take_back_short(state, batch)
            before_ns = state.covered.last_ns
            fresh = coverage.take(state.covered, batch.t_ns, round(place.channel.interval_s * NS_PER_S))
            touched = count_late(state, detail, batch, fresh & sound & (batch.t_ns <= before_ns))
            touched |= self._count_new(place, state, batch, _New(fresh & (batch.t_ns > before_ns), sound), output)
        if touched:
            output.rows.append(self._rows(place, state, sorted(touched)))
        self._forget_old_days(state)

    def _count_new(self, place: Place, state: State, batch: Batch, new: _New, output: Output) -> set[int]:
        """What continues the history, day by day; the newest window by itself where it is cut short."""
        assert batch.windows is not None
        detail = _detail(place)
        touched: set[int] = set()
        if not new.rows.any():
            return touched
        newest = int(np.flatnonzero(new.rows)[-1])
        is_short = batch.windows.shape[1] < place.channel.window_samples
        state.short = None
        for day in np.unique(batch.t_ns[new.rows] // NS_PER_DAY).tolist():
            of_day = new.rows & (batch.t_ns // NS_PER_DAY == day)
            self._end_days(place, state, int(batch.t_ns[of_day][0]), output)
            if (of_day & batch.faulty).any():
                state.faulty_day = max(state.faulty_day, day)
            of_day &= new.sound
            if not of_day.any():
                continue
            touched.add(day)
            if is_short and of_day[newest]:
                of_day[newest] = False
                count_day(state, detail, batch, of_day)
                state.short = note_short(state, batch, newest)
                of_day[:] = False
                of_day[newest] = True
            count_day(state, detail, batch, of_day)
        if is_short and state.short is None:
            state.short = note_short(state, batch, newest)
        return touched

    def _end_days(self, place: Place, state: State, t_ns: int, output: Output) -> None:
        """A window at `t_ns` ends the days before it: judge the newest, and say of one without a trusted window."""
        day, newest = t_ns // NS_PER_DAY, int(state.days[-1, DAY]) if state.days.size else -(2**31)
        if state.days.size and day > newest:
            self._close_day(place, state, output)
            output.caused_by(t_ns)
        if max(newest, state.refused_day) < state.faulty_day < day:
            state.refused_day = state.faulty_day
            estimate = faulty_refusal(place.channel.id, state.faulty_day, _source(_detail(place)))
            output.lives.append(estimate)
            output.rows.append(life_rows(estimate))

    def _count_undated(
        self, place: Place, state: State, batch: Batch, rows: NDArray[np.bool_], output: Output
    ) -> set[int]:
        """Damage of windows of unknown time, each a record of its own; and that life cannot be told."""
        if not rows.any():
            return set()
        detail = _detail(place)
        windows, _, _ = windows_of(batch, rows)
        for window in windows:
            state.damage_before += damage_of(rainflow.count(window), detail)
        known = {int(state.days[-1, DAY])} if state.days.size else set()
        for day in np.unique(batch.t_ns[rows] // NS_PER_DAY).tolist():
            day_or_newest = max(day, *known) if known else day
            if day_or_newest > state.undated_day:
                state.undated_day = day_or_newest
                estimate = undated_refusal(place.channel.id, day_or_newest, _source(detail))
                output.lives.append(estimate)
                output.rows.append(life_rows(estimate))
        return known

    def _rows(self, place: Place, state: State, days: list[int]) -> Rows:
        """A row a day, written anew while the day lasts; the newest day carries the residue as half cycles."""
        detail = _detail(place)
        open_damage, open_cycles, open_range = open_figures(state, detail)
        kept = state.days
        total = totals(state)
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
        thermal_strain.close_day(state.thermal)
        detail = _detail(place)
        kept = state.days[-1]
        scale = 1.0 / detail.duty_cycle
        total = scale * float(totals(state)[-1])
        output.rows.append(
            Rows(
                "fatigue",
                place.channel.id,
                np.array([day * NS_PER_DAY], dtype=np.int64),
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
        blocks = weekly(kept)
        years = blocks[:, 1] / detail.duty_cycle * NS_PER_S / NS_PER_YEAR
        consumed = damage / detail.duty_cycle
        draws = life.fatigue_years(blocks[:, 0] / detail.duty_cycle, years, consumed, life.seed_of(channel.id))
        text = f"Miner damage {consumed:.3g} in {history_days} days, {len(blocks)} weekly blocks"
        return life_of(channel.id, t_ns, draws, detail=text, assumptions=_assumptions(channel), source=_source(detail))

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


def _detail(place: Place) -> FatigueDetail:
    detail = place.channel.fatigue
    assert detail is not None  # see `applies`
    return detail


def _by_date(batch: Batch) -> Iterator[Batch]:
    """The batch in runs of rows that can be dated or cannot, so that what comes first is taken first."""
    if batch.undated is None or not batch.undated.any():
        yield batch
        return
    edges = [0, *(np.flatnonzero(np.diff(batch.undated)) + 1).tolist(), len(batch)]
    for start, stop in pairwise(edges):
        yield batch.take(slice(start, stop))


def _assumptions(channel: Channel) -> tuple[str, ...]:
    detail = channel.fatigue
    assert detail is not None
    thermal = "strain that temperature explains" if channel.temperature else "nothing, without a temperature channel,"
    sampled = f"windows cover {detail.duty_cycle:.3g} of the time and stand for the rest"
    named = f" ({DETAILS[detail.detail].description}; {DETAILS[detail.detail].clause})" if detail.detail else ""
    return (
        f"Δσ_C {detail.category_mpa:g} MPa{named}, γ_Mf {detail.partial_factor:g}, E {detail.youngs_modulus_gpa:g} GPa",
        "no damage before monitoring began",
        "traffic like the recorded weeks, growing 1.5 ± 1 % a year; a year varies by 15 %",
        "scatter of the S-N curve 0.2 in log10 N, design curve at its 5 % quantile",
        sampled if detail.duty_cycle < 1 else f"recorded continuously; {thermal} is taken for thermal",
    )


def _source(detail: FatigueDetail) -> str:
    named = ("en_1993_1_9_details",) if detail.detail else ()
    return "; ".join(cite(key) for key in (*STANDARDS, *named))

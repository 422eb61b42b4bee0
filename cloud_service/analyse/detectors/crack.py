"""Crack growth: temperature and season taken out, a trend that must be sure and matter, and when the limit is met.

Judged once a day, when the day is over, so that the verdict does not depend on how readings were batched.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from cloud_service.analyse.detector import Batch, Output
from cloud_service.analyse.detectors.crack_days import (
    State,
    add,
    close_day,
    daily,
    new_state,
    r2_below_36h,
    replace_gauge,
)
from cloud_service.analyse.detectors.crack_life import CrackHistory, LifeRules
from cloud_service.analyse.detectors.crack_lives import LIFE_MODELS
from cloud_service.analyse.detectors.lives import faulty_refusal, life_finding, life_rows, undated_refusal, years_to
from cloud_service.baseline_record import Act, BaselineEvent
from cloud_service.store.schema import Rows
from models.crack import earlier_gauges, growth
from models.crack_growth import Growth
from models.standards import CONDITION_SCHEMES, cite
from telltale.clock import NS_PER_DAY
from telltale.findings import Finding, Life, Reason, Refusal, Tier
from telltale.settings import Settings
from telltale.site import Place

SOURCE = "self-set: rate that matters in a crack that should be at rest"
MIN_FIT_DAYS = 14
MAX_SCORE = 5.0


class CrackSettings(Settings, frozen=True):
    """When a crack's growth is reported.

    Attributes:
        min_history_days: no verdict and no life before.
        rate_mm_per_year: growth slower than that is not reported.
        sure: probability that growth is faster than that, at which it is; below `doubtful` the verdict clears.
        days_in_a_row: so many daily verdicts must agree before one is not clear.
        interval: coverage of the interval in the `trend` rows.
        life: see `LifeRules`.
    """

    min_history_days: Annotated[int, Meta(ge=14)] = 28
    rate_mm_per_year: Annotated[float, Meta(gt=0)] = 0.1
    sure: Annotated[float, Meta(gt=0.9, lt=1)] = 0.99
    doubtful: Annotated[float, Meta(gt=0.5, lt=1)] = 0.9
    days_in_a_row: Annotated[int, Meta(ge=1)] = 3
    interval: Annotated[float, Meta(gt=0.5, lt=1)] = 0.9
    life: LifeRules = LifeRules()


class CrackDetector:
    """Owns `Reason.CRACK_TREND`, and `Reason.LIFE` of crack channels."""

    name = "crack"
    state_type = State
    has_baseline = True

    def __init__(self, settings: CrackSettings | None = None) -> None:
        self._settings = settings or CrackSettings()

    def applies(self, place: Place) -> bool:
        """Scalar crack channels."""
        return place.channel.kind == "crack" and not place.channel.is_waveform

    def initial(self, place: Place) -> State:  # noqa: ARG002 - the port's signature
        """No reading yet."""
        return new_state()

    def renewed(self, place: Place, state: State, event: BaselineEvent) -> State:
        """Another gauge at the same place: the history goes on, by an offset. All other acts begin another one."""
        if event.act is not Act.SENSOR_REPLACED:
            return self.initial(place)
        replace_gauge(state, event.declared_ns // NS_PER_DAY)
        return state

    def step(self, place: Place, state: State, batch: Batch) -> tuple[State, Output]:
        """Sum readings by day; judge each day that is over."""
        output = Output()
        trusted = np.isfinite(batch.values) & ~batch.faulty
        undated = np.zeros(len(batch), dtype=np.bool_) if batch.undated is None else batch.undated
        day_of = batch.t_ns // NS_PER_DAY
        for day in sorted(set(day_of.tolist())):
            of_day = (day_of == day) & ~undated
            if of_day.any():
                self._end_days(place, state, int(batch.t_ns[of_day][0]), output)
                self._take_day(state, day, batch, of_day & trusted)
                if (of_day & batch.faulty).any():
                    state.faulty_day = max(state.faulty_day, day)
            if (trusted & undated & (day_of == day)).any():
                self._refuse_undated(place, state, day, output)
        return state, output

    def _end_days(self, place: Place, state: State, t_ns: int, output: Output) -> None:
        """A reading at `t_ns` ends the days before it: judge the open one, and say of one without a trusted reading."""
        day = t_ns // NS_PER_DAY
        if day > state.open_day and state.days.size and not state.closed:
            close_day(state)
            self._judge(place, state, output)
            output.caused_by(t_ns)
            state.closed = True
        if max(state.open_day, state.refused_day) < state.faulty_day < day:
            state.refused_day = state.faulty_day
            estimate = faulty_refusal(place.channel.id, state.faulty_day)
            output.lives.append(estimate)
            output.rows.append(life_rows(estimate))

    def _take_day(self, state: State, day: int, batch: Batch, rows: NDArray[np.bool_]) -> None:
        if not rows.any():
            return
        if day > state.open_day:
            state.open_day, state.closed = day, False
        add(state, batch, rows)

    def _refuse_undated(self, place: Place, state: State, day: int, output: Output) -> None:
        """Readings of unknown time are no part of a trend; said once a day, as of the newest day known."""
        day = max(day, state.open_day)
        if day <= state.undated_day:
            return
        state.undated_day = day
        estimate = undated_refusal(place.channel.id, day)
        output.lives.append(estimate)
        output.rows.append(life_rows(estimate))

    def _judge(self, place: Place, state: State, output: Output) -> None:
        expected = NS_PER_DAY / 1e9 / place.channel.interval_s
        day, width, lagged_c = daily(state, state.open_day, expected)
        t_ns = (state.open_day + 1) * NS_PER_DAY
        replaced = np.array(state.replaced, dtype=np.float64)
        found = growth(day, width, lagged_c, replaced=replaced) if day.size >= MIN_FIT_DAYS else None
        of_one_gauge = width if found is None else width - earlier_gauges(day, replaced) @ found.offsets_mm
        history = CrackHistory(day, of_one_gauge, found)
        settings = self._settings
        life_model = LIFE_MODELS[place.channel.crack.material if place.channel.crack else "concrete"]
        estimate = life_model(
            place.channel, t_ns, history, min_history_days=settings.min_history_days, rules=settings.life
        )
        output.lives.append(estimate)
        output.rows.append(life_rows(estimate))
        if found is None:
            return
        now_mm = found.compensated(width, lagged_c)
        output.rows.append(self._row(place, state, found, now_mm, t_ns=t_ns))
        if found.history_days + 1 < self._settings.min_history_days:
            return
        trend = self._finding(place, state, found, estimate)
        output.findings.append(trend)
        if place.channel.crack is not None and place.channel.crack.limit_mm is not None:
            output.findings.append(self._life_finding(state, estimate, dict(trend.evidence)))

    def _life_finding(self, state: State, estimate: Life, evidence: dict[str, float | str]) -> Finding:
        rules = self._settings.life
        finding = life_finding(estimate, rules.horizon_years, rules.alarm_years, evidence)
        state.short_days = 0 if finding.tier is Tier.CLEAR else state.short_days + 1
        if state.short_days < self._settings.days_in_a_row:
            return msgspec.structs.replace(finding, tier=Tier.CLEAR)
        return finding

    def _row(self, place: Place, state: State, found: Growth, now_mm: float, *, t_ns: int) -> Rows:
        rate, low, high = found.trend(self._settings.interval)
        columns = {
            "compensated": now_mm,
            "trend_per_year": rate,
            "low_per_year": low,
            "high_per_year": high,
            "temperature_effect_per_c": found.temperature_effect_per_c,
            "r2_below_36h": r2_below_36h(state.breathing),
        }
        values = {name: np.array([value]) for name, value in columns.items()}
        return Rows("trend", place.channel.id, np.array([t_ns], dtype=np.int64), values)

    def _finding(self, place: Place, state: State, found: Growth, estimate: Life) -> Finding:
        settings = self._settings
        threshold = settings.rate_mm_per_year
        opens, closes = found.trend_faster(threshold), 1 - found.trend_faster(-threshold)
        sure = max(opens, closes)
        state.sure_days = state.sure_days + 1 if sure > settings.sure else 0
        state.warned = state.sure_days >= settings.days_in_a_row or (state.warned and sure > settings.doubtful)
        soon = years_to(estimate, estimate.p50_ns) < settings.life.alarm_years
        tier = (Tier.ALARM if soon else Tier.WARN) if state.warned else Tier.CLEAR
        evidence = _evidence(place, state, found, sure, settings.interval)
        if state.warned and estimate.refused not in (None, Refusal.NO_LIMIT):
            evidence["refused"] = estimate.refused.value  # a warning that stands, and no date: why
        return Finding(
            channel=place.channel.id,
            t_ns=estimate.t_ns,
            reason=Reason.CRACK_TREND,
            tier=tier,
            score=min(float(np.log(max(1 - sure, 1e-300)) / np.log(1 - settings.sure)), MAX_SCORE),
            value=found.rate(),
            limit=threshold if opens >= closes else -threshold,
            unit="mm/year",
            limit_source=SOURCE,
            evidence=evidence,
        )


def _evidence(place: Place, state: State, found: Growth, sure: float, coverage: float) -> dict[str, float | str]:
    rate, low, high = found.trend(coverage)
    evidence: dict[str, float | str] = {
        "trend_per_year": rate,
        "low_per_year": low,
        "high_per_year": high,
        "probability": sure,
        "acceleration_per_year2": found.acceleration(),
        "temperature_effect_per_c": found.temperature_effect_per_c,
        "r2_below_36h": r2_below_36h(state.breathing),
        "history_days": found.history_days,
        "width_mm": found.level(),
    }
    if found.offsets_mm.size:
        evidence["gauge_offset_mm"] = -float(found.offsets_mm[-1])
    scheme = CONDITION_SCHEMES.get(place.channel.condition_scheme)
    if scheme is not None:
        evidence["grade_proposal"] = scheme(found.level())
        evidence["grade_source"] = f"{cite(place.channel.condition_scheme)}; a proposal that an engineer signs"
    return evidence

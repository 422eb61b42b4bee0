"""What the detectors said of a file, as one object: the JSON answer, and what the summary and the picture show."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import numpy as np

from cloud_service.analyse.outcome import Judged
from cloud_service.analyse_file.arguments import Arguments
from cloud_service.analyse_file.run import TEMPERATURE, VALUE, Found
from cloud_service.analyse_file.series import Series
from telltale.findings import SENSOR_FAULTS, Finding, Life, Refusal, Tier


class Flagged(msgspec.Struct, frozen=True, kw_only=True):
    """A time during which one reason held; `to` is the last time it was seen to hold."""

    flag: str
    column: str
    from_: str = msgspec.field(name="from")
    to: str
    detail: dict[str, float | str] = {}


class Anomaly(msgspec.Struct, frozen=True, kw_only=True):
    """A time during which the structure was judged not to be in order, with its worst verdict."""

    reason: str
    tier: str
    from_: str = msgspec.field(name="from")
    to: str
    score: float
    value: float
    limit: float
    unit: str
    source: str
    provisional: bool
    evidence: dict[str, float | str]


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """Dates by which the limit is reached with 10, 50 and 90 % probability."""

    p10: str
    p50: str
    p90: str
    detail: str
    assumptions: tuple[str, ...]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no estimate: `telltale.findings.Refusal`, and in words."""

    refused: str
    detail: str


class Fatigue(msgspec.Struct, frozen=True, kw_only=True):
    """Cycles and Miner damage of the record, its residue counted as half cycles."""

    cycles: float
    damage: float
    range_max_mpa: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `telltale analyse --json`; rates in the value's base unit a year, None where there is no trend."""

    file: str
    kind: str
    unit: str
    from_: str = msgspec.field(name="from")
    to: str
    rows: int
    missing: int
    quality: tuple[Flagged, ...]
    trend_per_year: float | None
    interval_per_year: tuple[float, float] | None
    interval_coverage: float = 0.9
    temperature_effect_per_c: float | None
    r2_below_36h: float | None
    anomalies: tuple[Anomaly, ...]
    life: Quantiles | Refused
    fatigue: Fatigue | None
    notes: tuple[str, ...]


def report(asked: Arguments, series: Series, found: Found) -> Report:
    """Sum up what was found."""
    trend = {name: _last(found, "trend", name) for name in _TREND}
    bounds = (trend["low_per_year"], trend["high_per_year"])
    faults = [f"detector {fault.detector} failed on {fault.channel}: {fault.error}" for fault in found.result.faults]
    return Report(
        file=str(asked.file),
        kind=asked.kind,
        unit=series.unit,
        from_=iso(int(series.t_ns[0])),
        to=iso(int(series.t_ns[-1])),
        rows=series.rows,
        missing=int(np.count_nonzero(np.isnan(series.value))),
        quality=tuple(_quality(asked, found)),
        trend_per_year=trend["trend_per_year"],
        interval_per_year=None if bounds[0] is None or bounds[1] is None else (bounds[0], bounds[1]),
        temperature_effect_per_c=trend["temperature_effect_per_c"],
        r2_below_36h=trend["r2_below_36h"],
        anomalies=tuple(_anomalies(found)),
        life=_life(asked, found),
        fatigue=_fatigue(found),
        notes=(*series.notes, *dict.fromkeys(faults)),
    )


_TREND = ("trend_per_year", "low_per_year", "high_per_year", "temperature_effect_per_c", "r2_below_36h")


def iso(t_ns: int) -> str:
    """UTC as ISO 8601, to the second."""
    return datetime.fromtimestamp(t_ns // 1_000_000_000, tz=UTC).isoformat().replace("+00:00", "Z")


def _last(found: Found, measurement: str, column: str) -> float | None:
    for rows in reversed(found.result.rows):
        if rows.measurement == measurement and rows.subject == VALUE:
            value = float(rows.columns[column][-1])
            return value if math.isfinite(value) else None
    return None


def held(judged: list[Judged]) -> Iterator[list[Finding]]:
    """Runs of findings of one channel and reason that are not clear, in order of their start."""
    open_runs: dict[tuple[str, str], list[Finding]] = {}
    runs: list[list[Finding]] = []
    for item in judged:
        finding = item.finding
        key = (finding.channel, finding.reason.value)
        if finding.tier is Tier.CLEAR:
            open_runs.pop(key, None)
            continue
        if key not in open_runs:
            open_runs[key] = []
            runs.append(open_runs[key])
        open_runs[key].append(finding)
    yield from sorted(runs, key=lambda run: run[0].t_ns)


def _quality(asked: Arguments, found: Found) -> Iterator[Flagged]:
    columns = {VALUE: asked.value, TEMPERATURE: asked.temperature}
    for run in held(found.result.judged):
        if run[0].reason in SENSOR_FAULTS:
            yield Flagged(
                flag=run[0].reason.value,
                column=columns[run[0].channel],
                from_=iso(run[0].t_ns),
                to=iso(run[-1].t_ns),
                detail=run[-1].evidence,
            )


def _anomalies(found: Found) -> Iterator[Anomaly]:
    for run in held(found.result.judged):
        if run[0].channel != VALUE or run[0].reason in SENSOR_FAULTS:
            continue
        worst = max(run, key=lambda finding: (list(Tier).index(finding.tier), finding.score))
        yield Anomaly(
            reason=worst.reason.value,
            tier=worst.tier.value,
            from_=iso(run[0].t_ns),
            to=iso(run[-1].t_ns),
            score=worst.score,
            value=worst.value,
            limit=worst.limit,
            unit=worst.unit,
            source=worst.limit_source,
            provisional=worst.provisional,
            evidence=worst.evidence,
        )


def _life(asked: Arguments, found: Found) -> Quantiles | Refused:
    lives = [life for life in found.result.lives if life.channel == VALUE]
    if lives:
        return _stated(lives[-1])
    channel = found.place.channel
    has_limit = channel.fatigue is not None or (asked.kind == "crack" and asked.limit is not None)
    if not has_limit:
        remedy = {"crack": "--limit", "strain": "--detail-category"}.get(asked.kind)
        text = f"no limit is known; give {remedy}" if remedy else "life is estimated for cracks and fatigue details"
        return Refused(refused=Refusal.NO_LIMIT.value, detail=text)
    if any(run[0].channel == VALUE and run[0].reason in SENSOR_FAULTS for run in held(found.result.judged)):
        return Refused(refused=Refusal.SENSOR_FAULT.value, detail="the sensor is distrusted, see quality")
    return Refused(refused=Refusal.INSUFFICIENT_HISTORY.value, detail="the record does not hold one whole day")


def _stated(life: Life) -> Quantiles | Refused:
    if life.p10_ns is None or life.p50_ns is None or life.p90_ns is None:
        refused = life.refused or Refusal.INSUFFICIENT_HISTORY
        return Refused(refused=refused.value, detail=life.detail)
    return Quantiles(
        p10=iso(life.p10_ns)[:10],
        p50=iso(life.p50_ns)[:10],
        p90=iso(life.p90_ns)[:10],
        detail=life.detail,
        assumptions=life.assumptions,
    )


def _fatigue(found: Found) -> Fatigue | None:
    """Rows are written anew while a day lasts: the last of each day counts."""
    days: dict[int, tuple[float, float, float]] = {}
    for rows in found.result.rows:
        if rows.measurement == "fatigue":
            columns = [rows.columns[name] for name in ("cycles", "damage", "range_max_mpa")]
            for t_ns, *figures in zip(rows.t_ns.tolist(), *columns, strict=True):
                days[t_ns] = (float(figures[0]), float(figures[1]), float(figures[2]))
    if not days:
        return None
    cycles, damage, ranges = zip(*days.values(), strict=True)
    return Fatigue(cycles=sum(cycles), damage=sum(damage), range_max_mpa=max(ranges))

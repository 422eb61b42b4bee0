"""Remaining life as the product states it: dates, store rows and findings, the same for every detector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cloud_service.store.schema import Rows
from models.life import PLANNING_RANGE_YEARS, quantiles
from telltale.clock import NS_PER_DAY, NS_PER_YEAR
from telltale.findings import Finding, Life, Reason, Refusal, Tier

MAX_SCORE = 100.0


def refusal(channel: str, t_ns: int, reason: Refusal, detail: str, source: str = "") -> Life:
    """No estimate, and why."""
    return Life(channel=channel, t_ns=t_ns, refused=reason, detail=detail, source=source)


def undated_refusal(channel: str, day: int, source: str = "") -> Life:
    """No estimate because of readings of unknown time, said as of the end of a UTC day."""
    text = "the gateway's clock could not be trusted: it was wrong, or nothing confirmed the times that readings state"
    return refusal(channel, (day + 1) * NS_PER_DAY, Refusal.CLOCK_UNRELIABLE, text, source)


def faulty_refusal(channel: str, day: int, source: str = "") -> Life:
    """No estimate because the sensor is distrusted, said as of the end of a UTC day."""
    text = "the sensor is distrusted, see its findings"
    return refusal(channel, (day + 1) * NS_PER_DAY, Refusal.SENSOR_FAULT, text, source)


def life_of(
    channel: str,
    t_ns: int,
    draws_years: NDArray[np.float64],
    *,
    detail: str,
    assumptions: tuple[str, ...],
    source: str,
) -> Life:
    """An estimate from draws of the years that remain."""
    years = quantiles(draws_years)
    return life_at(channel, t_ns, years, detail=detail, assumptions=assumptions, source=source)


def life_at(
    channel: str,
    t_ns: int,
    years: tuple[float, float, float, float, float],
    *,
    detail: str,
    assumptions: tuple[str, ...],
    source: str,
) -> Life:
    """An estimate from P5, P10, P50, P90, P95 of the years that remain."""
    p5, p10, p50, p90, p95 = (t_ns + round(one * NS_PER_YEAR) for one in years)
    return Life(
        channel=channel,
        t_ns=t_ns,
        p5_ns=p5,
        p10_ns=p10,
        p50_ns=p50,
        p90_ns=p90,
        p95_ns=p95,
        detail=detail,
        assumptions=assumptions,
        source=source,
    )


def years_to(estimate: Life, date_ns: int | None) -> float:
    """Years from the estimate's time to one of its dates; NaN where refused."""
    return float("nan") if date_ns is None else (date_ns - estimate.t_ns) / NS_PER_YEAR


def life_rows(estimate: Life) -> Rows:
    """The estimate as a row of measurement `life`."""
    dates = {
        "p5_years": estimate.p5_ns,
        "p10_years": estimate.p10_ns,
        "p50_years": estimate.p50_ns,
        "p90_years": estimate.p90_ns,
        "p95_years": estimate.p95_ns,
    }
    columns: dict[str, object] = {
        name: np.array([years_to(estimate, date)]) for name, date in dates.items() if date is not None
    }
    columns["refused"] = [estimate.refused.value if estimate.refused else ""]
    return Rows("life", estimate.channel, np.array([estimate.t_ns], dtype=np.int64), columns)  # type: ignore[arg-type]


def life_finding(estimate: Life, horizon_years: float, alarm_years: float, evidence: dict[str, float | str]) -> Finding:
    """WARN when P10 comes before the planning horizon, ALARM when P50 comes within `alarm_years`; else CLEAR."""
    p10, p50 = years_to(estimate, estimate.p10_ns), years_to(estimate, estimate.p50_ns)
    refused = estimate.refused is not None
    tier = Tier.CLEAR
    if p10 < horizon_years:
        tier = Tier.ALARM if p50 < alarm_years else Tier.WARN
    more: dict[str, float | str] = (
        {"refused": estimate.refused.value} if estimate.refused else {"p10_years": p10, "p50_years": p50}
    )
    return Finding(
        channel=estimate.channel,
        t_ns=estimate.t_ns,
        reason=Reason.LIFE,
        tier=tier,
        score=0.0 if refused else min(horizon_years / max(p10, 1e-6), MAX_SCORE),
        value=float(PLANNING_RANGE_YEARS) if refused else p10,
        limit=horizon_years,
        unit="years",
        limit_source=f"self-set: planning horizon; {estimate.source}",
        evidence={**evidence, **more, "detail": estimate.detail},
    )

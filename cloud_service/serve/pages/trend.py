"""The trend of a crack as its chart and its caption state it: from the newest verdict and the life estimate."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from cloud_service.serve.status import ChannelStatus
from cloud_service.wording.dates import iso
from cloud_service.wording.evidence import trend_text
from cloud_service.wording.lives import life_words
from telltale.clock import NS_PER_DAY
from telltale.findings import Finding, Reason

DRAWN_DAYS = 30  # so far back: growth may have begun or sped up before, and the rate is the one of now
NEEDED = ("trend_per_year", "low_per_year", "high_per_year", "width_mm", "history_days")


def trend_finding(status: ChannelStatus) -> Finding | None:
    """The newest verdict on growth that carries a trend with its interval; None without one."""
    for finding in status.findings:
        numbers = [finding.evidence.get(name) for name in NEEDED]
        if finding.reason is Reason.CRACK_TREND and not any(isinstance(n, str) or n is None for n in numbers):
            return finding
    return None


def trend_words(status: ChannelStatus, zone: tzinfo) -> str:
    """`Trend 0.342 mm/year (90 % interval …). Limit of 0.3 mm expected: 10 May – 13 May 2026 (P10 – P90).`"""
    finding = trend_finding(status)
    if finding is None:
        return ""
    said = f"Trend {trend_text(finding.evidence, 'mm')}."
    limit_mm, life = _limit_mm(status), status.life
    if limit_mm is None or life is None or life.p10_ns is None:
        return said
    return f"{said} Limit of {limit_mm:g} mm expected: {life_words(life, zone).headline} (P10 – P90)."


def trend_spec(status: ChannelStatus) -> dict[str, Any] | None:
    """The present trend: a straight line that ends at the newest width, and those of its interval."""
    finding = trend_finding(status)
    if finding is None:
        return None
    evidence = finding.evidence
    return {
        "at": iso(finding.t_ns),
        "from": iso(finding.t_ns - int(min(float(evidence["history_days"]), DRAWN_DAYS) * NS_PER_DAY)),
        "value": evidence["width_mm"],
        "per_year": [evidence[name] for name in ("low_per_year", "trend_per_year", "high_per_year")],
    }


def forecast_spec(status: ChannelStatus) -> dict[str, Any] | None:
    """From the newest width to the limit at P10, P50 and P90; None where no life is estimated."""
    life, finding, limit_mm = status.life, trend_finding(status), _limit_mm(status)
    if life is None or finding is None or limit_mm is None:
        return None
    dates = (life.p10_ns, life.p50_ns, life.p90_ns)
    if life.refused is not None or any(date is None for date in dates):
        return None
    return {
        "at": iso(finding.t_ns),
        "value": finding.evidence["width_mm"],
        "limit": limit_mm,
        "dates": [iso(date) for date in dates if date is not None],
    }


def _limit_mm(status: ChannelStatus) -> float | None:
    """The width at which life ends, as the gauge would read it."""
    crack = status.place.channel.crack
    return None if crack is None or crack.limit_mm is None else crack.limit_mm + crack.datum_mm

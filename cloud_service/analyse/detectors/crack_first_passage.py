"""When a crack reaches its limit: first passage of its growth, or a refusal by name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detectors.crack_life import CrackHistory, LifeRules
from cloud_service.analyse.detectors.lives import life_of, refusal
from models import life
from models.crack_growth import Growth
from telltale.clock import DAYS_PER_YEAR
from telltale.findings import Life, Refusal
from telltale.site import Channel

LIKELY_SIGN, SURE_OF_SIGN = 0.9, 0.975  # probability that the crack moves towards its limit


def first_passage(
    channel: Channel, t_ns: int, history: CrackHistory, *, min_history_days: int, rules: LifeRules
) -> Life:
    """Remaining life of a crack channel as of `t_ns`: see `CrackLife`."""
    found, width = history.found, history.width
    detail = channel.crack
    if detail is None or detail.limit_mm is None:
        return refusal(channel.id, t_ns, Refusal.NO_LIMIT, "the channel's settings name no crack.limit_mm")
    days = 0.0 if found is None else found.history_days + 1
    if found is None or days < min_history_days:
        text = f"{days:.0f} days of history, at least {min_history_days} are needed"
        return refusal(channel.id, t_ns, Refusal.INSUFFICIENT_HISTORY, text, detail.source)
    limit = detail.datum_mm + detail.limit_mm
    began = float(np.median(width[: max(3, min_history_days // 4)]))
    side = 1.0 if limit >= began else -1.0
    rng = np.random.default_rng(life.seed_of(channel.id))
    draws = found.draws(rng, life.DRAWS)
    towards = side * draws[:, 1]
    reached = side * (limit - found.level()) <= 0
    leads = _leads(found, side, rules)
    if not reached and leads < LIKELY_SIGN:
        return _no_trend(channel, t_ns, found, limit, side)
    # Just after an onset the acceleration is hardly known: it may double the rate in one more history, not faster.
    most = np.maximum(towards, 0.0) / (days / DAYS_PER_YEAR)
    years = life.first_passage_years(side * (limit - draws[:, 0]), towards, np.minimum(side * draws[:, 2], most))
    years = life.unsteady(years, days / DAYS_PER_YEAR, rng)
    estimate = _estimate(channel, t_ns, found, limit=limit, years=years, rules=rules)
    if estimate.refused is None and not reached and leads < SURE_OF_SIGN:
        return _no_trend(channel, t_ns, found, limit, side)
    return estimate


def _leads(found: Growth, side: float, rules: LifeRules) -> float:
    """Probability that the trend leads to the limit: in a short history, fast enough to be reported at all."""
    least = 0.0 if found.history_days >= DAYS_PER_YEAR else rules.least_mm_per_year
    faster = found.trend_faster(side * least)
    return faster if side > 0 else 1 - faster


def _no_trend(channel: Channel, t_ns: int, found: Growth, limit: float, side: float) -> Life:
    rate, low, high = found.trend()
    text = f"growth {rate:.3g} mm/year, 90 % interval {low:.3g} to {high:.3g}, does not surely lead to {limit:g} mm"
    source = channel.crack.source if channel.crack else ""
    if side < 0 < rate:
        text = f"monitoring began above the limit of {limit:g} mm and the crack opens further; {text}"
        return refusal(channel.id, t_ns, Refusal.OUTSIDE_MODEL_RANGE, text, source)
    return refusal(channel.id, t_ns, Refusal.NO_TREND, text, source)


def _estimate(
    channel: Channel, t_ns: int, found: Growth, *, limit: float, years: NDArray[np.float64], rules: LifeRules
) -> Life:
    assert channel.crack is not None
    source = channel.crack.source
    _, _, median, late, _ = life.quantiles(years)
    history = (found.history_days + 1) / DAYS_PER_YEAR
    if median > rules.median_reach * history or late > rules.late_reach * history:
        text = (
            f"{found.history_days + 1:.0f} days of history carry {rules.median_reach:g} times as far;"
            f" {limit:g} mm would be reached in about {median:.2g} years (P90 {late:.2g})"
        )
        return refusal(channel.id, t_ns, Refusal.INSUFFICIENT_HISTORY, text, source)
    rate, low, high = found.trend()
    text = (
        f"first passage of {limit:g} mm from {found.level():.3f} mm at {rate:.3g} ({low:.3g} to {high:.3g}) mm/year,"
        f" {found.history_days + 1:.0f} days of history"
    )
    return life_of(channel.id, t_ns, years, detail=text, assumptions=_assumptions(channel, found), source=source)


def _assumptions(channel: Channel, found: Growth) -> tuple[str, ...]:
    at = f"{found.reference_c[0]:.1f} °C" if found.reference_c.size else "the recorded days' mean"
    material = channel.crack.material if channel.crack else ""
    steel = ("trend and first passage: no stress range is known, so Paris' law is not applied",)
    return (
        f"widths are judged at {at}; on colder days a crack in a warm body is wider",
        "growth goes on as it does now; acceleration counts, up to doubling the rate in one more such history",
        "slowing down does not count; the rate fluctuates from month to month",
        "a season that temperature does not explain is held by a prior: 15 % of the temperature's yearly effect",
        *(steel if material == "steel" else ()),
    )

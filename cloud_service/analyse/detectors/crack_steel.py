"""When a crack in steel is as long as its limit: Paris' law with the rate that it shows, or a refusal by name.

From its own history alone (`models.crack_rate`), or, where the site file brings enough histories of earlier cracks of
its kind, from those too (`models.crack_fleet`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detectors.crack_first_passage import first_passage
from cloud_service.analyse.detectors.crack_life import CrackHistory, LifeRules
from cloud_service.analyse.detectors.lives import life_at, refusal
from models.crack_fleet import MIN_HISTORIES, History, Readings, comparable, conformal_quantiles, fleet_cycles_to
from models.crack_rate import MIN_STEPS, cycles_to, fit_rate
from models.crack_steps import growth_steps
from models.life import PLANNING_RANGE_YEARS, QUANTILES, quantiles, unsteady_sd, widened
from models.standards import cite
from models.stress_intensity import Loaded
from telltale.channel_details import CrackDetail
from telltale.clock import DAYS_PER_YEAR, NS_PER_DAY
from telltale.findings import Life, Refusal
from telltale.site import Channel
from telltale.steel_crack import SteelCrack

Floats = NDArray[np.float64]


def steel_life(channel: Channel, t_ns: int, history: CrackHistory, *, min_history_days: int, rules: LifeRules) -> Life:
    """Remaining life by Paris' law; by first passage of the trend where the channel names no `crack.steel`."""
    detail = channel.crack
    if detail is None or detail.steel is None or detail.limit_mm is None:
        return first_passage(channel, t_ns, history, min_history_days=min_history_days, rules=rules)
    if history.days < min_history_days:
        text = f"{history.days:.0f} days of history, at least {min_history_days} are needed"
        return refusal(channel.id, t_ns, Refusal.INSUFFICIENT_HISTORY, text, detail.source)
    day, length_mm = growth_steps(history.day, history.width)
    limit_mm = detail.datum_mm + detail.limit_mm
    if length_mm[-1] >= limit_mm:
        text = f"{length_mm[-1]:.4g} mm long, the limit of {limit_mm:g} mm is reached"
        return life_at(channel.id, t_ns, (0.0,) * 5, detail=text, assumptions=(), source=detail.source)
    refused = _refused(channel.id, t_ns, length_mm, detail)
    if refused is not None:
        return refused
    readings = Readings(history.width, history.day * detail.steel.cycles_per_day)
    own = History(length_mm, day * detail.steel.cycles_per_day)
    return _estimate(channel, t_ns, (own, readings), limit_mm, rules)


def _refused(channel: str, t_ns: int, length_mm: Floats, detail: CrackDetail) -> Life | None:
    if length_mm[0] <= 0:
        text = f"a length of {length_mm[0]:.3g} mm has no stress intensity; the channel must read the crack's length"
        return refusal(channel, t_ns, Refusal.OUTSIDE_MODEL_RANGE, text, detail.source)
    if length_mm.size <= MIN_STEPS:
        text = (
            f"{length_mm.size - 1} growth steps stand out from the readings' scatter, from {length_mm[0]:.4g} to"
            f" {length_mm[-1]:.4g} mm; {MIN_STEPS} are needed"
        )
        return refusal(channel, t_ns, Refusal.NO_TREND, text, detail.source)
    return None


def _estimate(
    channel: Channel, t_ns: int, history: tuple[History, Readings], limit_mm: float, rules: LifeRules
) -> Life:
    (own, readings), detail = history, channel.crack
    assert detail is not None
    assert detail.steel is not None
    steel = detail.steel
    loaded = Loaded(steel.stress_range_mpa, steel.factor, steel.plate_width_mm)
    found, how = _cycles(own, readings, steel, limit_mm, loaded)
    cycles = _under_traffic(np.array(found), float(own.cycles[-1] - own.cycles[0]), steel)
    since_days = t_ns / NS_PER_DAY - own.cycles[-1] / steel.cycles_per_day
    years = np.clip((cycles / steel.cycles_per_day - since_days) / DAYS_PER_YEAR, 0, PLANNING_RANGE_YEARS)
    p5, p10, p50, p90, p95 = years.tolist()
    if cycles[-1] > rules.widest * cycles[0]:
        text = (
            f"{own.length_mm.size - 1} growth steps do not settle the rate: {limit_mm:g} mm would be reached in"
            f" {p5:.2g} to {p95:.2g} years (P5 to P95)"
        )
        return refusal(channel.id, t_ns, Refusal.INSUFFICIENT_HISTORY, text, detail.source)
    text = (
        f"Paris' law from {own.length_mm[-1]:.4g} to {limit_mm:g} mm, {how}, {own.length_mm.size - 1} growth steps from"
        f" {own.length_mm[0]:.4g} mm"
    )
    source = "; ".join(filter(None, (detail.source, cite("bs_7910"))))
    return life_at(
        channel.id, t_ns, (p5, p10, p50, p90, p95), detail=text, assumptions=_assumptions(steel), source=source
    )


def _cycles(
    own: History, readings: Readings, steel: SteelCrack, limit_mm: float, loaded: Loaded
) -> tuple[tuple[float, ...], str]:
    """The quantiles of the cycles that are left, and how they were found."""
    fleet = [History(np.array(one.length_mm), np.array(one.cycles)) for one in steel.histories]
    usable = comparable(fleet, float(own.length_mm[-1]), limit_mm)
    if len(usable) >= MIN_HISTORIES:
        draws = fleet_cycles_to(own, usable, limit_mm, loaded, readings)
        return conformal_quantiles(draws, QUANTILES), f"rates compared with {len(usable)} earlier cracks"
    fit = fit_rate(own.length_mm, own.cycles, loaded)
    text = f"rate now {np.exp(fit.log_rate()):.3g} mm/cycle, exponent {fit.slope():.2f}"
    return quantiles(cycles_to(fit, limit_mm, loaded)), text


def _under_traffic(cycles: Floats, seen_cycles: float, steel: SteelCrack) -> Floats:
    """Quantiles of cycles, as if every day brought its mean, with what better and worse months add."""
    a_year = steel.cycles_per_day * DAYS_PER_YEAR
    median = cycles[QUANTILES.index(0.5), None] / a_year
    return widened(cycles, float(unsteady_sd(median, seen_cycles / a_year, steel.traffic_sd)[0]))


def _assumptions(steel: SteelCrack) -> tuple[str, ...]:
    plate = f", a central crack in a plate of {steel.plate_width_mm:g} mm" if steel.plate_width_mm else ""
    few = (
        f"{len(steel.histories)} earlier histories do not reach, {MIN_HISTORIES} are needed: the crack alone is judged"
    )
    load = f"{steel.cycles_per_day:g} cycles of {steel.stress_range_mpa:g} MPa a day go on"
    return (
        f"{load}, better and worse months differing by {steel.traffic_sd:.0%}",
        f"geometry factor {steel.factor:g}{plate}; the channel reads the crack's length",
        *((few,) if 0 < len(steel.histories) < MIN_HISTORIES else ()),
    )

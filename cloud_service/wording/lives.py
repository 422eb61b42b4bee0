"""Remaining life in words: always a range with its probabilities, or the named reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from cloud_service.wording.dates import day, duration, moment, month
from telltale.clock import NS_PER_DAY, NS_PER_YEAR
from telltale.findings import Life, Refusal

# Beyond this the planning range ends and the date is a cap, not an estimate (telltale.findings.Life).
PLANNING_RANGE_YEARS = 100

# A range within about a season is given by the day: in months, both ends may read the same.
DAYS_COUNT_NS = 92 * NS_PER_DAY

REFUSALS = {
    Refusal.NO_TREND: "no trend that stands out from the scatter, so there is no date to give",
    Refusal.INSUFFICIENT_HISTORY: "the record is still too short for an estimate",
    Refusal.CLOCK_UNRELIABLE: "the times of the readings are not reliable enough",
    Refusal.OUTSIDE_MODEL_RANGE: "the readings lie outside the range that the model is valid for",
    Refusal.NO_LIMIT: "no limit is set for this channel, so there is nothing to be reached",
    Refusal.SENSOR_FAULT: "the sensor is faulty, so its readings cannot carry an estimate",
}


@dataclass(frozen=True, slots=True)
class LifeWords:
    """Attributes:
    headline: the range, or that there is no estimate.
    detail: the probabilities in a sentence, or the refusal in words with its name.
    """

    headline: str
    detail: str


def life_words(life: Life, zone: tzinfo) -> LifeWords:
    """What an estimate or refusal says."""
    if life.refused is not None:
        why = f"{REFUSALS[life.refused]} ({life.refused.value})"
        return LifeWords(
            "No estimate",
            " ".join(f"{part[0].upper()}{part[1:].removesuffix('.')}." for part in (why, life.detail) if part),
        )
    early, late = _date(life, life.p10_ns, zone), _date(life, life.p90_ns, zone)
    if _capped(life, life.p10_ns):
        return LifeWords(f"After {early.removeprefix('after ')}", "The limit is not expected to be reached before.")
    middle = _date(life, life.p50_ns, zone)
    chances = f"by {early} with 10\u00a0% probability, by {middle} with 50\u00a0% and by {late} with 90\u00a0%"
    return LifeWords(_range(life, zone), f"The limit is reached {chances}.")


@dataclass(frozen=True, slots=True)
class Quantile:
    """One date of an estimate: `P10`, how likely, the date, and in how long."""

    name: str
    chance: str
    date: str
    left: str


def quantiles(life: Life, zone: tzinfo) -> list[Quantile]:
    """P5 to P95 of an estimate; empty where it is refused."""
    dates = {5: life.p5_ns, 10: life.p10_ns, 50: life.p50_ns, 90: life.p90_ns, 95: life.p95_ns}
    return [
        Quantile(f"P{percent}", f"{percent}\u00a0%", _date(life, at_ns, zone), duration(at_ns - life.t_ns))
        for percent, at_ns in dates.items()
        if at_ns is not None
    ]


def _date(life: Life, at_ns: int | None, zone: tzinfo) -> str:
    if at_ns is None:
        return "an unknown date"
    text = day(at_ns, zone) if _by_the_day(life) else month(at_ns, zone)
    return f"after {text}" if _capped(life, at_ns) else text


def _range(life: Life, zone: tzinfo) -> str:
    """`12 May – 24 May 2026`, `May 2026 – June 2027`; one date where both ends are the same."""
    early, late = _date(life, life.p10_ns, zone), _date(life, life.p90_ns, zone)
    if early == late:
        return early
    if life.p10_ns is not None and life.p90_ns is not None and _by_the_day(life):
        first, last = moment(life.p10_ns, zone), moment(life.p90_ns, zone)
        if first.year == last.year:
            early = early.removesuffix(f" {first.year}")
    return f"{early} – {late}"


def _by_the_day(life: Life) -> bool:
    ends = (life.p10_ns, life.p90_ns)
    if ends[0] is None or ends[1] is None or _capped(life, ends[1]):
        return False
    return ends[1] - ends[0] <= DAYS_COUNT_NS


def _capped(life: Life, at_ns: int | None) -> bool:
    # A month of grace: the cap is computed in years of 365.25 days.
    return at_ns is not None and at_ns >= life.t_ns + PLANNING_RANGE_YEARS * NS_PER_YEAR - NS_PER_YEAR // 12

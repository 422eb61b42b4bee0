"""How sure a verdict is: its interval, its rate of false alarms, or that it has neither and why. A table by reason."""

from __future__ import annotations

from collections.abc import Callable

from cloud_service.wording.dates import duration
from cloud_service.wording.evidence import TREND_COVERAGE_PERCENT, interval_text, share_text
from cloud_service.wording.lives import REFUSALS
from telltale.clock import DAYS_PER_YEAR, NS_PER_S
from telltale.findings import Finding, Reason, Refusal
from telltale.site import Group, Structure

NBSP = "\u00a0"
_COUNTED = "Counted, not estimated: there is no interval to give."


def certainty(finding: Finding, structure: Structure | None = None) -> str:
    """A sentence or two on how sure the verdict is.

    Args:
        finding: any.
        structure: that holds its channel; None where it is not of this site any more.
    """
    return _WORDS.get(finding.reason, _fault)(finding, structure)


def _limit(finding: Finding, _structure: Structure | None) -> str:
    evidence = finding.evidence
    what = str(evidence.get("quantity", "value"))
    judged = "The reading itself" if what == "value" else f"The {what} of the window itself"
    return f"{judged}, no estimate: it is as exact as the sensor and its calibration, and has no interval of its own."


def _velocity(_finding: Finding, _structure: Structure | None) -> str:
    return (
        f"The largest of one window. The instrument's band reads 1 and 80{NBSP}Hz 16{NBSP}% low (DIN 45669-1) and"
        " between them truly; the sensor's own error comes on top."
    )


def _novelty(finding: Finding, _structure: Structure | None) -> str:
    if "baseline_needs_days" in finding.evidence:
        return "Nothing is judged before the baseline is learned."
    return (
        f"The threshold is set for at most one false warning a sensor-year, from the quiet weeks of the channel; σ is"
        f" the scatter that temperature and level leave (z {_signed(finding)})."
    )


def _provisional(_finding: Finding, _structure: Structure | None) -> str:
    return "Provisional: the reference is days, not seasons, so that no rate of false warnings can be promised yet."


def _group(finding: Finding, structure: Structure | None) -> str:
    if "baseline_needs_rows" in finding.evidence:
        return "Nothing is judged before the group's baseline is learned."
    group = _group_of(finding, structure)
    if group is None:
        return "The limit is what left-out stretches of the group's own baseline exceed with the chance that was set."
    every_s = group.every_s or _interval_s(group, structure)
    stretch = duration(int(group.baseline_rows // group.stretches * every_s * NS_PER_S))
    far = " Channels that wander far exceed it about twice as often." if group.wanders else ""
    return f"While nothing changes, {stretch} exceed the limit with a probability of {share_text(group.chance)}.{far}"


def _trend(finding: Finding, _structure: Structure | None) -> str:
    evidence = finding.evidence
    interval = interval_text(evidence, "mm/year")
    sure = evidence.get("probability")
    said = f"{TREND_COVERAGE_PERCENT}{NBSP}% interval {interval}. " if interval else ""
    if not isinstance(sure, str) and sure is not None:
        said += (
            f"Probability {share_text(sure)} that growth is faster than the limit; told after several days in a row."
        )
    return said.strip() or "The interval is not known."


def _life(finding: Finding, _structure: Structure | None) -> str:
    refused = str(finding.evidence.get("refused", ""))
    if refused:
        return f"No estimate: {REFUSALS[Refusal(refused)] if refused in set(Refusal) else refused}."
    early, middle = (finding.evidence.get(name) for name in ("p10_years", "p50_years"))
    if early is None or middle is None or isinstance(early, str) or isinstance(middle, str):
        return "The quantiles are not known."
    return (
        f"10{NBSP}% probability within {_years(early)}, 50{NBSP}% within {_years(middle)}; the whole range of dates"
        " stands beside the estimate."
    )


def _fault(_finding: Finding, _structure: Structure | None) -> str:
    return f"{_COUNTED} A single bad reading is told; it is cleared a day after the last one."


def _noise(_finding: Finding, _structure: Structure | None) -> str:
    return f"{_COUNTED} The quietest windows of two days in a row agree."


def _rate(_finding: Finding, _structure: Structure | None) -> str:
    return f"{_COUNTED} Whole hours of windows without a gap agree, so that single stamps do not matter."


def _clock(_finding: Finding, _structure: Structure | None) -> str:
    return f"{_COUNTED} As the gateway itself says of its clock, and as its frames follow each other."


def _silence(_finding: Finding, _structure: Structure | None) -> str:
    return f"{_COUNTED} Measured on the clock of this service."


_WORDS: dict[Reason, Callable[[Finding, Structure | None], str]] = {
    Reason.LIMIT: _limit,
    Reason.VIBRATION_VELOCITY: _velocity,
    Reason.NOVELTY: _novelty,
    Reason.NOVELTY_PROVISIONAL: _provisional,
    Reason.NOVELTY_GROUP: _group,
    Reason.CRACK_TREND: _trend,
    Reason.LIFE: _life,
    Reason.SENSOR_NOISE: _noise,
    Reason.SENSOR_CLOCK: _rate,
    Reason.GATEWAY_CLOCK: _clock,
    Reason.SILENT_CHANNEL: _silence,
    Reason.SILENT_GATEWAY: _silence,
}


def _signed(finding: Finding) -> str:
    z = finding.evidence.get("z")
    return "unknown" if z is None or isinstance(z, str) else f"{z:+.3g}"


def _years(years: float) -> str:
    days = years * DAYS_PER_YEAR
    return f"{days:.0f} days" if days < 730 else f"{years:.1f} years"


def _group_of(finding: Finding, structure: Structure | None) -> Group | None:
    groups = structure.groups if structure else ()
    return next((group for group in groups if group.id == finding.evidence.get("group")), None)


def _interval_s(group: Group, structure: Structure | None) -> float:
    channels = structure.channels if structure else ()
    return next(channel.interval_s for channel in channels if channel.id == group.channels[0])

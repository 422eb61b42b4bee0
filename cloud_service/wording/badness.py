"""How bad, in words: the value against its limit."""

from __future__ import annotations

from cloud_service.wording.dates import duration
from cloud_service.wording.faults import FAULTS
from cloud_service.wording.numbers import number, quantity
from telltale.clock import NS_PER_DAY, NS_PER_S, NS_PER_YEAR
from telltale.findings import Finding, Reason

_SILENT = (Reason.SILENT_CHANNEL, Reason.SILENT_GATEWAY)
_NOVEL = (Reason.NOVELTY, Reason.NOVELTY_PROVISIONAL, Reason.NOVELTY_GROUP)


def badness(finding: Finding) -> str:
    """`0.77 mm/year against a limit of 0.3 mm/year`; of a sensor, what is wrong; empty where nothing is known."""
    if finding.reason in _SILENT and finding.unit in ("s", ""):
        silent, allowed = (duration(int(value * NS_PER_S)) for value in (finding.value, finding.limit))
        return f"silent for {silent}; at most {allowed} is expected"
    if finding.reason in FAULTS:
        return FAULTS[finding.reason](finding)
    if number(finding.value) == "–":
        return ""
    return _against_limit(finding)


def _against_limit(finding: Finding) -> str:
    if finding.reason is Reason.LIFE and finding.unit == "years":
        planned = _span(finding.limit)
        return f"10\u00a0% probability of reaching the limit within {_span(finding.value)}; planned for {planned}"
    if finding.reason in _NOVEL and not finding.unit:
        return f"{number(finding.score)} times the threshold{_most(finding)}"
    if number(finding.limit) == "–":
        return quantity(finding.value, finding.unit)
    return f"{quantity(finding.value, finding.unit)} against a limit of {quantity(finding.limit, finding.unit)}"


def _most(finding: Finding) -> str:
    """The sensor that a group's verdict blames."""
    name = finding.evidence.get("contributes_most")
    return f", most of it by {name}" if name else ""


def _span(years: float) -> str:
    if number(years) == "–":
        return "an unknown time"
    days = years * NS_PER_YEAR / NS_PER_DAY
    return f"{days:.0f} days" if days < 730 else f"{number(round(years, 1))} years"

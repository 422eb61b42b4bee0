"""How bad, in words: the value against its limit, and the evidence with its units."""

from __future__ import annotations

from cloud_service.wording.dates import duration
from cloud_service.wording.faults import FAULTS
from cloud_service.wording.numbers import number, quantity
from telltale.clock import NS_PER_DAY, NS_PER_S, NS_PER_YEAR
from telltale.findings import Finding, Reason

_SILENT = (Reason.SILENT_CHANNEL, Reason.SILENT_GATEWAY)
_NOVEL = (Reason.NOVELTY, Reason.NOVELTY_PROVISIONAL)
# Endings of evidence names that are units, as people read them.
_UNITS = {
    "_per_year": " per year",
    "_per_c": " per °C",
    "_hz": " (Hz)",
    "_h": " (h)",
    "_days": " (days)",
    "_s": " (s)",
    "_mm": " (mm)",
    "_mpa": " (MPa)",
    "_c": " (°C)",
}


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
        return f"{number(finding.score)} times the threshold"
    if number(finding.limit) == "–":
        return quantity(finding.value, finding.unit)
    return f"{quantity(finding.value, finding.unit)} against a limit of {quantity(finding.limit, finding.unit)}"


def evidence(finding: Finding) -> list[tuple[str, str]]:
    """(name, value) of everything that the finding rests on, for the engineer."""
    return [(_name(key), value if isinstance(value, str) else number(value)) for key, value in finding.evidence.items()]


def _span(years: float) -> str:
    if number(years) == "–":
        return "an unknown time"
    days = years * NS_PER_YEAR / NS_PER_DAY
    return f"{days:.0f} days" if days < 730 else f"{number(round(years, 1))} years"


def _name(key: str) -> str:
    for ending, unit in _UNITS.items():
        if key.endswith(ending):
            return key.removesuffix(ending).replace("_", " ") + unit
    return key.replace("_", " ")

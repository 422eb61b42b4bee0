"""Evidence as label and value with unit, for pages and mails: `trend` → `0.342 mm/year (90 % interval 0.333 – 0.351)`.

Keys that belong together become one line; shares of nothing and missing numbers are left out; a key that nobody has
put into words yet is shown as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from cloud_service.wording.dates import duration
from cloud_service.wording.lives import REFUSALS
from cloud_service.wording.numbers import number, unit_text
from models.spectra import BANDS, MODES
from telltale.clock import DAYS_PER_YEAR, NS_PER_HOUR, NS_PER_S
from telltale.findings import Finding, Refusal

Evidence = Mapping[str, float | str]
NBSP = "\u00a0"
TREND_COVERAGE_PERCENT = 90  # of low_per_year … high_per_year (CrackSettings.interval)

_FEATURES = {
    "modes_hz": "all tracked frequencies together",
    "crest": "crest factor (peak over rms)",
    "kurtosis": "kurtosis (how impulsive)",
    **{f"mode{i}_hz": f"frequency of mode {i}" for i in range(1, MODES + 1)},
    **{f"band{i}": f"energy in frequency band {i + 1} of {BANDS}" for i in range(BANDS)},
}
# key → label, unit; `{unit}` is the channel's base unit.
_PLAIN: dict[str, tuple[str, str]] = {
    "acceleration_per_year2": ("acceleration", "{unit}/year²"),
    "temperature_effect_per_c": ("temperature effect", "{unit}/°C"),
    "gauge_offset_mm": ("the new gauge reads more by", "mm"),
    "width_mm": ("width without temperature", "mm"),
    "grade_proposal": ("proposed condition grade", ""),
    "grade_source": ("grade according to", ""),
    "detail": ("method", ""),
    "age": ("age of the asset", ""),
    "model": ("remaining-life model", ""),
    "damage_day": ("Miner damage of the newest day", ""),
    "range_max_mpa": ("largest stress range of the day", "MPa"),
    "ground_cycle_mpa": ("daily thermal range, not counted", "MPa"),
    "sign": ("direction", ""),
    "z": ("deviation", "σ"),
    "shift_db": ("shift", "dB"),
    "shift_percent": ("shift", "%"),
    "conditioned_on": ("corrected for", ""),
    "group": ("group", ""),
    "contributes_most": ("contributes most", ""),
    "t_of_limit": ("T, how far the group moves together, over its limit", ""),
    "q_of_limit": ("Q, how far it falls apart, over its limit", ""),
    "channel_of_limit": ("largest single sensor over its limit", ""),
    "shift": ("shift", "{unit}"),
    "channels_present": ("sensors judged together", ""),
    "baseline_rows": ("rows of baseline", ""),
    "baseline_needs_rows": ("baseline needs rows", ""),
    "baseline_since": ("baseline begun anew after", ""),
    "temperature_c": ("temperature", "°C"),
    "superseded_by": ("now judged by", ""),
    "windows": ("windows so far", ""),
    "needs_windows": ("windows needed", ""),
    "windows_judged_together": ("windows judged together", ""),
    "reference_windows": ("windows of reference", ""),
    "equal_readings": ("equal readings in a row", ""),
    "longest_before": ("longest such run before", ""),
    "derived_from": ("computed from", ""),
    "frequency_hz": ("at the frequency of", "Hz"),
    "guide_mm_s": ("guide value at this frequency", "mm/s"),
    "quantity": ("quantity judged", ""),
    "side": ("side of the limit", ""),
    "clock_step_s": ("the gateway's clock jumped by", "s"),
    "clock_drift_ppm": ("drift against the service's clock", "ppm"),
    "judged_over": ("judged over", "windows"),
}
_SHARES = {
    "probability": "probability of growth beyond the limit",
    "r2_below_36h": "daily movement explained by temperature",
    "duty_cycle": "share of the time recorded",
    "bad_share": "bad readings",
    "missing_share": "missing readings",
}
_DAYS = {
    "history_days": "history",
    "reference_days": "reference",
    "baseline_days": "baseline",
    "baseline_needs_days": "baseline needs",
}
_HOURS = {
    "scale_h": "time scale",
    "last_bad_hours_ago": "last bad reading before",
    "unsynchronised_h": "not synchronised for",
}
_SECONDS = {"quiet_s": "quiet for", "expected_interval_limit_s": "at most expected"}
_YEARS = {
    "expected_years": "life left by the trees alone, before their errors on unseen assets",
    "p10_years": "limit reached, 10 % probability",
    "p50_years": "limit reached, 50 % probability",
}
_NO_NUMBER = {"", "nan", "inf", "-inf"}  # as cloud_service.analyse.verdicts.finite writes them
_LEFT_OUT_WHEN_ZERO = {"bad_share", "missing_share", "equal_readings", "longest_before", "last_bad_hours_ago"}
_TOLD_WITH_ANOTHER = {"low_per_year", "high_per_year", "plausible_high"}


def facts(finding: Finding, unit: str) -> list[tuple[str, str]]:
    """(label, value) of what the finding rests on.

    Args:
        finding: any.
        unit: base unit of its channel.
    """
    told = []
    for key, value in finding.evidence.items():
        if key in _TOLD_WITH_ANOTHER or (key in _LEFT_OUT_WHEN_ZERO and not value):
            continue
        if value in _NO_NUMBER or (isinstance(value, float) and not math.isfinite(value)):
            continue
        told.append(_fact(key, value, finding.evidence, unit_text(unit)))
    return told


def _fact(key: str, value: float | str, evidence: Evidence, unit: str) -> tuple[str, str]:
    if key in _COMPOSED:
        return _COMPOSED[key](evidence, unit)
    if key in _PLAIN:
        label, own = _PLAIN[key]
        return label, _with_unit(value, own.format(unit=unit))
    for table, text in _KINDS:
        if key in table and not isinstance(value, str):
            return table[key], text(value)
    return key.replace("_", " "), _with_unit(value, "")


def _with_unit(value: float | str, unit: str) -> str:
    return f"{_short(value)} {unit}".rstrip()


def _short(value: float | str) -> str:
    """Three significant digits: evidence is no measurement."""
    if isinstance(value, str):
        return value
    return number(float(f"{value:.3g}") if abs(value) < 1000 else value)


def share_text(value: float) -> str:
    """`12.5 %`; what is nearly all or nearly nothing as `> 99.9 %`, `< 0.1 %`."""
    if 0.999 < value <= 1:
        return f"> 99.9{NBSP}%"
    if 0 < value < 0.001:
        return f"< 0.1{NBSP}%"
    return f"{float(f'{100 * value:.3g}'):g}{NBSP}%"


def _days(value: float) -> str:
    return f"{value:.0f} day" if round(value) == 1 else f"{value:.0f} days"


def _years(value: float) -> str:
    return f"in {value:.1f} years" if value >= 1 else f"in {_days(value * DAYS_PER_YEAR)}"


_KINDS: tuple[tuple[Mapping[str, str], Callable[[float], str]], ...] = (
    (_SHARES, share_text),
    (_DAYS, _days),
    (_HOURS, lambda value: duration(int(value * NS_PER_HOUR))),
    (_SECONDS, lambda value: duration(int(value * NS_PER_S))),
    (_YEARS, _years),
)


def trend_text(evidence: Evidence, unit: str) -> str:
    """`0.342 mm/year (90 % interval 0.333 – 0.351)`."""
    rate, interval = f"{_short(evidence['trend_per_year'])} {unit}/year", interval_text(evidence)
    return f"{rate} ({TREND_COVERAGE_PERCENT}{NBSP}% interval {interval})" if interval else rate


def interval_text(evidence: Evidence, unit: str = "") -> str:
    """`0.333 – 0.351 mm/year` of a trend; empty where it is not known."""
    low, high = evidence.get("low_per_year"), evidence.get("high_per_year")
    return "" if low is None or high is None else f"{_short(low)} – {_short(high)} {unit}".rstrip()


def _trend(evidence: Evidence, unit: str) -> tuple[str, str]:
    return "trend", trend_text(evidence, unit)


def _range(evidence: Evidence, unit: str) -> tuple[str, str]:
    low, high = _short(evidence["plausible_low"]), _short(evidence.get("plausible_high", "–"))
    return "what the sensor can give", f"{low} – {high} {unit}".rstrip()


def _feature(evidence: Evidence, _unit: str) -> tuple[str, str]:
    name = str(evidence["feature"])
    return "feature", _FEATURES.get(name, name)


def _refused(evidence: Evidence, _unit: str) -> tuple[str, str]:
    name = str(evidence["refused"])
    return "no estimate", REFUSALS[Refusal(name)] if name in set(Refusal) else name


_STATISTICS = {
    "T": "T²: the group moves together as it does, but further",
    "Q": "Q: one leaves what the others say of it",
    "channel": "one sensor by itself is far from its normal",
}


def _statistic(evidence: Evidence, _unit: str) -> tuple[str, str]:
    name = str(evidence["statistic"])
    return "what stands out", _STATISTICS.get(name, name)


_COMPOSED: dict[str, Callable[[Evidence, str], tuple[str, str]]] = {
    "trend_per_year": _trend,
    "plausible_low": _range,
    "feature": _feature,
    "statistic": _statistic,
    "refused": _refused,
}

# Every key that has words; what a detector adds is put into words here.
WORDED = frozenset().union(_COMPOSED, _PLAIN, _TOLD_WITH_ANOTHER, *(table for table, _ in _KINDS))

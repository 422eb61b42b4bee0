"""What is wrong with a sensor, in words: a table of phrases, one a reason, made from the finding's evidence."""

from __future__ import annotations

import math
from collections.abc import Callable

from cloud_service.wording.dates import duration
from cloud_service.wording.numbers import quantity
from telltale.clock import NS_PER_HOUR, NS_PER_S
from telltale.findings import Finding, Reason


def _spikes(finding: Finding) -> str:
    share = _share(finding, "bad_share")
    last = f"; the last jump went to {_value(finding)}" if math.isfinite(finding.value) else ""
    return f"{share} of the newest readings jump and return at once{last}" if share else f"single readings jump{last}"


def _dropouts(finding: Finding) -> str:
    share = _percent(finding.value)
    if not share:
        return "readings are missing"
    most = _percent(finding.limit)
    return f"{share} of the newest readings are missing" + (f"; at most {most} is accepted" if most else "")


def _stuck(finding: Finding) -> str:
    equal, before = (_number(finding, name) for name in ("equal_readings", "longest_before"))
    said = f"stays at {_value(finding)}" if math.isfinite(finding.value) else "does not change"
    if equal < 2:
        return said
    known = f", at most {before:.0f} before" if before >= 1 else ""
    return f"{said}: {equal:.0f} equal readings in a row{known}"


def _range(finding: Finding) -> str:
    low, high = (_number(finding, name) for name in ("plausible_low", "plausible_high"))
    if math.isfinite(low) and math.isfinite(high):
        bounds = f"outside what is plausible ({quantity(low, '')} to {quantity(high, finding.unit)})"
    else:
        bounds = f"beyond what is plausible ({quantity(finding.limit, finding.unit)})"
    return f"reads {_value(finding)}, {bounds}"


def _clipped(finding: Finding) -> str:
    value = f" ({_value(finding)})" if math.isfinite(finding.value) else ""
    return f"readings reach the end of the sensor's range{value}"


def _noise(finding: Finding) -> str:
    if not (math.isfinite(finding.value) and finding.value > 0):
        return "the noise of its quietest minutes is another one"
    return f"the noise of its quietest minutes is {quantity(finding.value, '')} times what it was"


def _rate(finding: Finding) -> str:
    percent = f"{abs(finding.value):.2g}\u00a0%"
    return f"samples come {percent} {'faster' if finding.value > 0 else 'slower'} than their rate says"


def _clock(finding: Finding) -> str:
    if not math.isfinite(finding.value) or "value" in finding.evidence:  # as analyse.verdicts.finite tells a NaN
        said = "neither the gateway nor the time of arrival confirms its clock"
    else:
        way = "ahead of" if finding.value > 0 else "behind"
        said = f"{duration(abs(int(finding.value * NS_PER_S)))} {way} the service's clock"
    hours = _number(finding, "unsynchronised_h")
    return said + (f"; not synchronised for {duration(int(hours * NS_PER_HOUR))}" if hours > 0 else "")


def _derived(finding: Finding) -> str:
    inputs = finding.evidence.get("derived_from")
    return f"computed from {inputs}, which is faulty" if inputs else "computed from an input that is faulty"


FAULTS: dict[Reason, Callable[[Finding], str]] = {
    Reason.SENSOR_SPIKES: _spikes,
    Reason.SENSOR_DROPOUTS: _dropouts,
    Reason.SENSOR_STUCK: _stuck,
    Reason.SENSOR_RANGE: _range,
    Reason.SENSOR_CLIPPED: _clipped,
    Reason.SENSOR_NOISE: _noise,
    Reason.SENSOR_CLOCK: _rate,
    Reason.SENSOR_DERIVED: _derived,
    Reason.GATEWAY_CLOCK: _clock,
}


def _value(finding: Finding) -> str:
    return quantity(finding.value, finding.unit)


def _number(finding: Finding, name: str) -> float:
    value = finding.evidence.get(name, math.nan)
    return value if not isinstance(value, str) else math.nan


def _share(finding: Finding, name: str) -> str:
    return _percent(_number(finding, name))


def _percent(share: float) -> str:
    """`2 %`, with its decimal below 1 %; empty for none and for what is no share."""
    if not 0 < share <= 1:
        return ""
    percent = 100 * share
    return f"{percent:.0f}\u00a0%" if percent >= 1 else f"{percent:.1f}\u00a0%"

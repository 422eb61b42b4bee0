"""The newest verdicts of a channel as its page lists them: what stands first, the clear ones apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloud_service.wording.evidence import facts
from cloud_service.wording.reasons import SEVERITY
from telltale.findings import Finding, Reason, Tier

# What each reason checks, said so that it is true of a clear verdict too.
CHECKS: dict[Reason, str] = {
    Reason.LIMIT: "Fixed limits",
    Reason.VIBRATION_VELOCITY: "Vibration velocity against the guide value",
    Reason.NOVELTY: "Vibration against its baseline",
    Reason.NOVELTY_PROVISIONAL: "Vibration against the last days",
    Reason.NOVELTY_GROUP: "The group of like sensors against its baseline",
    Reason.CRACK_TREND: "Crack growth",
    Reason.LIFE: "Remaining life",
    Reason.SENSOR_STUCK: "Sensor: same value again and again",
    Reason.SENSOR_SPIKES: "Sensor: spikes",
    Reason.SENSOR_DROPOUTS: "Sensor: missing readings",
    Reason.SENSOR_CLIPPED: "Sensor: driven beyond its range",
    Reason.SENSOR_RANGE: "Sensor: impossible values",
    Reason.SENSOR_NOISE: "Sensor: noise floor",
    Reason.SENSOR_CLOCK: "Sensor: sample rate",
    Reason.SENSOR_DERIVED: "Sensor: faulty input",
    Reason.SILENT_CHANNEL: "Readings arrive",
    Reason.SILENT_GATEWAY: "Gateway is heard",
    Reason.GATEWAY_CLOCK: "Gateway's clock",
}
_ORDER = {reason: place for place, reason in enumerate(Reason)}


@dataclass(frozen=True, slots=True)
class Check:
    """A verdict with its evidence in words, less what an earlier one of the list has said already."""

    finding: Finding
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Checks:
    """Attributes:
    standing: verdicts that are not clear, worst first, the structure's before the sensor's.
    clear: the others, in the order of `Reason`.
    """

    standing: Sequence[Check]
    clear: Sequence[Check]


def sort_checks(findings: Sequence[Finding], unit: str) -> Checks:
    """The verdicts on a channel in the order in which a person wants them.

    Args:
        findings: the newest of each reason.
        unit: base unit of the channel.
    """
    ordered = sorted(findings, key=lambda finding: (-SEVERITY[finding.tier], _ORDER[finding.reason]))
    return Checks(
        _told([finding for finding in ordered if finding.tier is not Tier.CLEAR], unit),
        _told([finding for finding in ordered if finding.tier is Tier.CLEAR], unit),
    )


def _told(findings: Sequence[Finding], unit: str) -> list[Check]:
    said: set[tuple[str, str]] = set()
    told = []
    for finding in findings:
        found = facts(finding, unit)
        told.append(Check(finding, [fact for fact in found if fact not in said]))
        said.update(found)
    return told

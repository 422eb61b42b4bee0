"""Group: which reasons are one matter to the people who are told. A table, and for sensors whose matter it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from telltale.findings import Finding, Reason

SENSOR, SILENCE = "sensor", "silence"

# A fixed limit is a matter of its own: that it is reached is news to those who knew that it would be.
GROUP_OF: dict[Reason, str] = {
    Reason.LIMIT: "limit",
    Reason.VIBRATION_VELOCITY: "velocity",
    Reason.NOVELTY: "novelty",
    Reason.NOVELTY_PROVISIONAL: "novelty",
    Reason.NOVELTY_GROUP: "novelty",
    Reason.CRACK_TREND: "deterioration",
    Reason.LIFE: "deterioration",
    Reason.SENSOR_STUCK: SENSOR,
    Reason.SENSOR_SPIKES: SENSOR,
    Reason.SENSOR_DROPOUTS: SENSOR,
    Reason.SENSOR_CLIPPED: SENSOR,
    Reason.SENSOR_RANGE: SENSOR,
    Reason.SENSOR_NOISE: SENSOR,
    Reason.SENSOR_CLOCK: SENSOR,
    Reason.SENSOR_DERIVED: SENSOR,
    Reason.SILENT_CHANNEL: SILENCE,
    Reason.SILENT_GATEWAY: "gateway",
    Reason.GATEWAY_CLOCK: "clock",
}

# What a faulty input does to the values that are corrected with it; being stuck or silent is the sensor's own fault.
SPOILT_BY_INPUT = frozenset((Reason.SENSOR_DERIVED, Reason.SENSOR_SPIKES, Reason.SENSOR_RANGE))

# Sensors fail one by one and are repaired one by one: each has its own incident.
OF_EACH_CHANNEL = frozenset((SENSOR, SILENCE))


def sensor_at_fault(finding: Finding, inputs: Sequence[str], standing: Mapping[str, Collection[str]]) -> str:
    """The channel whose sensor `finding` is about: for a spoilt value the faulty input, so that both are one matter.

    Args:
        finding: of a group in `OF_EACH_CHANNEL`.
        inputs: what its channel is derived from.
        standing: sensor at fault → "channel reason" of all that stands because of it.
    """
    if finding.reason not in SPOILT_BY_INPUT or not inputs:
        return finding.channel
    member = member_of(finding)
    for sensor, members in standing.items():
        if member in members:
            return sensor
    for name in inputs:
        for sensor, members in standing.items():
            if any(other.partition(" ")[0] == name for other in members):
                return sensor
    return inputs[0] if finding.reason is Reason.SENSOR_DERIVED else finding.channel


def leads(finding: Finding, other: Finding) -> bool:
    """Whether an incident is told by `finding`, and `other` is evidence to it whatever their tiers.

    A crack's trend is what can be inspected, its remaining life follows from it; a faulty sensor is what can be
    repaired, the values derived from it follow.
    """
    if other.reason is Reason.LIFE:
        return finding.reason is Reason.CRACK_TREND and finding.channel == other.channel
    return other.reason is Reason.SENSOR_DERIVED and finding.reason is not Reason.SENSOR_DERIVED


def member_of(finding: Finding) -> str:
    """`channel reason`: what stands in a matter."""
    return f"{finding.channel} {finding.reason.value}"

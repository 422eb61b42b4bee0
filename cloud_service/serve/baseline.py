"""How far each baseline of a channel is, and the acts that ended one, as its page tells them: from `state.db` alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cloud_service.baseline_record import BaselineEvent, read
from cloud_service.serve.status import ChannelStatus
from cloud_service.wording.dates import duration
from models.novelty import FREEZE_DAYS, QUARANTINE_DAYS
from telltale.clock import NS_PER_S
from telltale.findings import Finding, Reason
from telltale.site import Group


@dataclass(frozen=True, slots=True)
class State:
    """One baseline: of what, how far it is, and the act that it began with (empty: monitoring)."""

    of: str
    state: str
    since: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """Every baseline that a channel has a part in, and the acts on it and its groups, newest first."""

    states: Sequence[State]
    acts: Sequence[BaselineEvent]


def baseline_now(state: sqlite3.Connection, status: ChannelStatus) -> Baseline:
    """As of the newest verdicts."""
    place = status.place
    groups = [group for group in place.structure.groups if place.channel.id in group.channels]
    learned = [group_now([status], group)[1] for group in groups]
    states = [*_own(status), *(found for found in learned if found is not None)]
    concerned = {place.channel.id, *(channel for group in groups for channel in group.channels)}
    return Baseline(states, [event for event in read(state) if event.channel in concerned][::-1])


def _own(status: ChannelStatus) -> Iterator[State]:
    for finding in status.findings:
        if finding.reason is Reason.NOVELTY:
            yield State("Vibration", _vibration(finding), _since(finding))
        if finding.reason is Reason.SENSOR_NOISE:
            days = _number(finding, "reference_days")
            yield State("Noise floor of the sensor", f"known from {days:.0f} days", _since(finding))


def _vibration(finding: Finding) -> str:
    days, needs = _number(finding, "baseline_days"), _number(finding, "baseline_needs_days")
    if needs:
        return f"learning, day {days:.0f} of {needs:.0f}; until then it is judged by the last days, provisionally"
    if days >= FREEZE_DAYS:
        return f"closed: {days:.0f} days are learned, nothing is added any more"
    return f"{days:.0f} days are learned; a quiet day is added after {QUARANTINE_DAYS} quiet ones, up to {FREEZE_DAYS}"


def group_now(channels: Sequence[ChannelStatus], group: Group) -> tuple[Finding | None, State | None]:
    """The newest verdict on a group, and how far its baseline is; None each before the first."""
    for status in channels:
        for finding in status.findings:
            if finding.reason is Reason.NOVELTY_GROUP and finding.evidence.get("group") == group.id:
                return finding, State(f"Group {group.id}", _group(group, finding), _since(finding))
    return None, None


def _group(group: Group, finding: Finding) -> str:
    rows, needs = _number(finding, "baseline_rows"), _number(finding, "baseline_needs_rows")
    every = f", each of {duration(int(group.every_s * NS_PER_S))}" if group.every_s else ""
    if needs:
        return f"learning, row {rows:.0f} of {needs:.0f}{every}; nothing is judged until then"
    if rows + group.baseline_rows // group.stretches > group.freeze_rows:
        return f"closed: {rows:.0f} rows are learned{every}"
    return f"{rows:.0f} rows are learned{every}; quiet ones are added, up to {group.freeze_rows}"


def _since(finding: Finding) -> str:
    return str(finding.evidence.get("baseline_since", ""))


def _number(finding: Finding, name: str) -> float:
    value = finding.evidence.get(name, 0.0)
    return 0.0 if isinstance(value, str) else value

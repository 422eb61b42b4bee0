"""The newest verdict of each reason on each channel, and which verdicts are worth a row in the store."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from cloud_service.analyse.outcome import Judged
from cloud_service.analyse.states import States
from telltale.clock import NS_PER_DAY
from telltale.findings import Finding, Tier


class Verdict(msgspec.Struct):
    """State of one reason: its newest finding, and the event times of the newest rows, in time and late."""

    finding: Finding
    row_ns: int
    late_row_ns: int = -(2**62)


class Verdicts(msgspec.Struct):
    """State of one channel: reason → verdict."""

    by_reason: dict[str, Verdict] = {}


def note(states: States, judged: Sequence[Judged]) -> tuple[list[Finding], dict[str, dict[str, Finding]]]:
    """Take findings, in order.

    Returns:
        those for the store (tier changed, or once a day while not clear), and for every channel concerned its newest
        finding of each reason.
    """
    worth: list[Finding] = []
    touched: dict[str, Verdicts] = {}
    for item in judged:
        channel = item.finding.channel
        if channel not in touched:
            touched[channel] = states.get(channel, "verdicts", Verdicts, Verdicts)
            states.put(channel, "verdicts", touched[channel])
        if _note(touched[channel], item.finding):
            worth.append(item.finding)
    now = {
        channel: {reason: verdict.finding for reason, verdict in verdicts.by_reason.items()}
        for channel, verdicts in touched.items()
    }
    return worth, now


def _note(verdicts: Verdicts, finding: Finding) -> bool:
    """Whether the finding is worth a row."""
    before = verdicts.by_reason.get(finding.reason.value)
    if before is None:
        verdicts.by_reason[finding.reason.value] = Verdict(finding, finding.t_ns)
        return finding.tier is not Tier.CLEAR
    if finding.t_ns < before.finding.t_ns:
        return _note_late(before, finding)
    changed = finding.tier is not before.finding.tier
    due = finding.tier is not Tier.CLEAR and finding.t_ns - before.row_ns >= NS_PER_DAY
    before.finding = finding
    if changed or due:
        before.row_ns = finding.t_ns
    return changed or due


def _note_late(before: Verdict, finding: Finding) -> bool:
    if finding.tier is Tier.CLEAR or abs(finding.t_ns - before.late_row_ns) < NS_PER_DAY:
        return False
    before.late_row_ns = finding.t_ns
    return True


def finite(finding: Finding) -> Finding:
    """The finding without NaN and infinity, which JSON does not have: evidence tells them in words."""
    # A sum is finite only where all its terms are: by far the most findings need no second look.
    known = finding.score + finding.value + finding.limit
    for value in finding.evidence.values():
        if not isinstance(value, str):
            known += value
    if math.isfinite(known):
        return finding
    odd: dict[str, Any] = {
        name: str(value) for name in ("score", "value", "limit") if not math.isfinite(value := getattr(finding, name))
    }
    strange = {
        name: str(value)
        for name, value in finding.evidence.items()
        if not isinstance(value, str) and not math.isfinite(value)
    }
    if not odd and not strange:
        return finding
    evidence = {**finding.evidence, **strange, **odd}
    return msgspec.structs.replace(finding, evidence=evidence, **dict.fromkeys(odd, 0.0))

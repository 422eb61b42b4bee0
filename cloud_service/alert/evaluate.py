"""Evaluate: one watch a channel and reason turns verdicts into confirmed changes.

Verdicts are counted in event time. Data that comes late is judged by what is known since: a warning that has cleared
changes nothing; an alarm is told even if it has cleared; a warning in a backlog waits until the data has caught up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from cloud_service.alert.settings import AlertSettings
from telltale.clock import NS_PER_HOUR, NS_PER_S
from telltale.findings import SENSOR_FAULTS, Finding, Reason, Tier

RANK = {Tier.CLEAR: 0, Tier.SUSPECT: 1, Tier.WARN: 2, Tier.ALARM: 3}
TIER = {rank: tier for tier, rank in RANK.items()}

# Silence has lasted when it is found, and a sensor's fault holds for hours after its newest sign: they need no second
# look, and their end none either.
SELF_CONFIRMED = SENSOR_FAULTS

# A peak velocity is the largest of hundreds of samples, and a blast is over within one window: one look is enough.
RAISED_BY_ONE = SELF_CONFIRMED | {Reason.VIBRATION_VELOCITY}

LONG_AGO = -(2**62)


class Streak(msgspec.Struct):
    """Evaluations in a row that were at least of one rank: how many, since when (event time, ns)."""

    count: int = 0
    since_ns: int = 0

    def take(self, holds: bool, t_ns: int) -> None:
        """One more evaluation."""
        if not holds:
            self.count = 0
            return
        if self.count == 0:
            self.since_ns = t_ns
        self.count += 1


class Watch(msgspec.Struct):
    """State of one channel and reason.

    Attributes:
        newest_ns: event time of the newest verdict.
        rank: confirmed and told; 0: nothing stands.
        streaks: for ranks 1, 2, 3; `late` the streak of alarms in late data.
        clear: clear evaluations in a row.
        held, held_ns: the worst verdict of a confirmed condition in a backlog, and the run's clock then.
    """

    newest_ns: int = LONG_AGO
    rank: int = 0
    streaks: list[Streak] = msgspec.field(default_factory=lambda: [Streak(), Streak(), Streak()])
    late: Streak = msgspec.field(default_factory=Streak)
    late_ns: int = LONG_AGO
    clear: int = 0
    held: Finding | None = None
    held_ns: int = 0


class Change(StrEnum):
    """What a watch says happened."""

    RAISED = "raised"  # the condition stands, at this tier
    CLEARED = "cleared"  # it no longer stands
    PASSED = "passed"  # late data: it crossed alarm level once, and has cleared since


@dataclass(frozen=True, slots=True)
class Event:
    """A confirmed change.

    Attributes:
        change, tier: what.
        finding: the verdict that confirmed it.
        occurred_ns: event time at which it began.
        heard_ns: the run's clock when it was found.
        spacing_ns: time between the evaluations that confirmed it; 0 where one did.
    """

    change: Change
    tier: Tier
    finding: Finding
    occurred_ns: int
    heard_ns: int
    spacing_ns: int = 0


def evaluate(watch: Watch, finding: Finding, heard_ns: int, settings: AlertSettings) -> Event | None:
    """Take one verdict into `watch` (changed in place); the event that it confirms, if any."""
    if finding.t_ns <= watch.newest_ns:
        return _late(watch, finding, heard_ns, settings)
    watch.newest_ns = finding.t_ns
    rank = RANK[finding.tier]
    for least, streak in enumerate(watch.streaks, start=1):
        streak.take(rank >= least, finding.t_ns)
    is_clear = rank == 0 and not finding.score >= settings.clear_score  # a NaN score is no reason to hold on
    watch.clear = watch.clear + 1 if is_clear else 0
    if watch.clear >= _clears(finding, settings):
        return _clear(watch, finding, heard_ns)
    confirmed = _confirmed(watch, finding, settings) if rank else 0  # a clear verdict ends every streak
    if confirmed > watch.rank:
        return _raise(watch, confirmed, finding, heard_ns, settings)
    return None


def release(watch: Watch, heard_ns: int, settings: AlertSettings) -> Event | None:
    """A held warning whose channel has brought nothing newer for too long: the newest verdict stands."""
    held = watch.held
    if held is None or heard_ns - watch.held_ns < settings.late_hold_h * NS_PER_HOUR:
        return None
    return _tell(watch, RANK[held.tier], held, heard_ns)


def _confirmed(watch: Watch, finding: Finding, settings: AlertSettings) -> int:
    for rank in (3, 2, 1):
        streak = watch.streaks[rank - 1]
        lasted = (finding.t_ns - streak.since_ns) / NS_PER_S >= settings.confirm_min_s
        instant = rank == 3 and finding.score >= settings.instant_score
        if finding.reason in RAISED_BY_ONE:
            if streak.count:
                return rank
        elif streak.count >= settings.confirm_evaluations and (lasted or instant):
            return rank
    return 0


def _clears(finding: Finding, settings: AlertSettings) -> int:
    return 1 if finding.reason in SELF_CONFIRMED else settings.clear_evaluations


def _clear(watch: Watch, finding: Finding, heard_ns: int) -> Event | None:
    stood, watch.rank, watch.held = watch.rank, 0, None
    if not stood:
        return None
    return Event(Change.CLEARED, Tier.CLEAR, finding, finding.t_ns, heard_ns)


def _raise(watch: Watch, rank: int, finding: Finding, heard_ns: int, settings: AlertSettings) -> Event | None:
    is_fresh = heard_ns - finding.t_ns <= settings.late_after_h * NS_PER_HOUR
    # A sensor's fault in a backlog waits with the operators' mail, and is void if it ends before that.
    if is_fresh or rank == RANK[Tier.ALARM] or finding.reason in SELF_CONFIRMED:
        return _tell(watch, rank, finding, heard_ns)
    watch.held, watch.held_ns = msgspec.structs.replace(finding, tier=TIER[rank]), heard_ns
    return None


def _tell(watch: Watch, rank: int, finding: Finding, heard_ns: int) -> Event:
    watch.rank, watch.held = rank, None
    streak = watch.streaks[0]
    # Where a verdict between clear and limit came since, the streak is over: it began no later than this verdict.
    occurred_ns = streak.since_ns if streak.count else finding.t_ns
    spacing_ns = (finding.t_ns - occurred_ns) // (streak.count - 1) if streak.count > 1 else 0
    return Event(Change.RAISED, TIER[rank], finding, occurred_ns, heard_ns, spacing_ns)


def _late(watch: Watch, finding: Finding, heard_ns: int, settings: AlertSettings) -> Event | None:
    """Verdicts older than the newest one: only an alarm that has cleared since is news."""
    if finding.t_ns <= watch.late_ns:
        watch.late.count = 0
    watch.late_ns = finding.t_ns
    watch.late.take(finding.tier is Tier.ALARM, finding.t_ns)
    needed = 1 if finding.reason in SELF_CONFIRMED else settings.confirm_evaluations
    if watch.late.count != needed or watch.rank == RANK[Tier.ALARM]:
        return None
    return Event(Change.PASSED, Tier.ALARM, finding, watch.late.since_ns, heard_ns)

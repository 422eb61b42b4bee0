"""History through the service as it is set and as it would be: alerts a day, and which came or went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from cloud_service.backtest.changes import Setup
from cloud_service.backtest.history import History
from cloud_service.backtest.trial import Told, Trial
from cloud_service.wording.dates import iso
from telltale.clock import NS_PER_DAY
from telltale.errors import UserError
from telltale.findings import Tier


class Count(msgspec.Struct, frozen=True):
    """Incidents that reached each tier, and mails."""

    warn: int = 0
    alarm: int = 0
    suspect: int = 0
    mails: int = 0


class Day(msgspec.Struct, frozen=True):
    """One UTC day."""

    day: str
    before: Count
    after: Count


@dataclass(frozen=True, slots=True)
class Compared:
    """What the backtest found.

    Attributes:
        days: every day of the span.
        gone, new: alerts of one run alone; the same alert reaches the same tier on the same channel, for the same
            reason, on the same day.
        samples: judged, of the span and of what was learned from.
        lost_windows: windows whose samples are no longer kept.
        faults: detectors that failed, as "detector on channel: error".
    """

    days: tuple[Day, ...]
    gone: tuple[Told, ...]
    new: tuple[Told, ...]
    samples: int
    lost_windows: int
    faults: tuple[str, ...]


def compare(history: History, before: Setup, after: Setup, *, learn_ns: int, start_ns: int, end_ns: int) -> Compared:
    """Judge the history of [start, end) both ways; detectors learn from `learn_ns` on.

    Raises:
        UserError: nothing is stored of the span.
    """
    acts = history.acts()
    trials = Trial(before, acts), Trial(after, acts)
    newest_ns = 0
    for frames in history.frames(learn_ns, end_ns):
        newest_ns = max(newest_ns, *(frame.heard_ns for frame in frames))
        for trial in trials:
            trial.take(frames)
    if newest_ns < start_ns:
        told = f"the newest before it are of {iso(newest_ns)}" if newest_ns else f"nor since {iso(learn_ns)}"
        raise UserError(f"no readings are stored from {iso(start_ns)} to {iso(end_ns)}", told)
    for trial in trials:
        trial.tick(end_ns - 1)
    old, new = ([told for told in trial.told if start_ns <= told.t_ns < end_ns] for trial in trials)
    return Compared(
        days=tuple(_days(trials, start_ns, end_ns)),
        gone=_without(old, new),
        new=_without(new, old),
        samples=history.seen.samples,
        lost_windows=history.seen.lost_windows,
        faults=tuple(sorted({f"{one.detector} on {one.channel}: {one.error}" for t in trials for one in t.faults})),
    )


def _days(trials: tuple[Trial, Trial], start_ns: int, end_ns: int) -> Iterable[Day]:
    for day in range(start_ns // NS_PER_DAY, -(-end_ns // NS_PER_DAY)):
        span = max(day * NS_PER_DAY, start_ns), min((day + 1) * NS_PER_DAY, end_ns)
        yield Day(iso(day * NS_PER_DAY)[:10], *(_count(trial, *span) for trial in trials))


def _count(trial: Trial, start_ns: int, end_ns: int) -> Count:
    reached = Counter(told.tier for told in trial.told if start_ns <= told.t_ns < end_ns)
    mails = sum(start_ns <= at_ns < end_ns for at_ns in trial.mailed_ns)
    return Count(reached[Tier.WARN], reached[Tier.ALARM], reached[Tier.SUSPECT], mails)


def _without(some: list[Told], others: list[Told]) -> tuple[Told, ...]:
    left = Counter(map(_matter, others))
    found = []
    for told in some:
        if left[_matter(told)]:
            left[_matter(told)] -= 1
        else:
            found.append(told)
    return tuple(found)


def _matter(told: Told) -> tuple[object, ...]:
    return told.channel, told.reason, told.tier, told.t_ns // NS_PER_DAY

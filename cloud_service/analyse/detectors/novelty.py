"""Novelty of a vibration channel once it has a baseline (see `models.novelty` for the method).

A verdict for each row; before there is a baseline, the first row of each UTC day says how far it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import Batch, Output
from cloud_service.analyse.detectors.novelty_rows import read
from cloud_service.analyse.detectors.vibration_rows import (
    describe_shift,
    feature_names,
    groups,
    has_windows,
    measured,
)
from cloud_service.store.schema import Rows
from models import novelty, novelty_state
from models.averages import SCALES_H
from models.blocks import BLOCK_NS, Pending, fold, no_block
from models.commissioning import BASELINE_DAYS
from models.environment import LAG_COUNT
from models.novelty import RULES, Rules
from models.novelty_state import Scores
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from telltale.findings import Finding, Reason, Tier
from telltale.site import Channel, Place, Structure

ALARM_SCORE = 1.5  # self-set: half as far again as the channel's own quiet weeks allow
SOURCE = "self-set: learned from this channel's quiet weeks, at most one false warning a sensor-year"
# Like channels of a structure share what a structure may warn falsely in a year: about one, half of what is promised.
SHARED_BY = 2
_SCALES_H = np.array(SCALES_H)


class State(msgspec.Struct):
    """The model's memory, the half-hour block that is open (continuous recordings only), and in which bands modes were
    sought. It is written in two parts: see `cloud_service.analyse.states.Parted`.
    """

    model: novelty_state.State
    pending: Pending
    modes_hz: tuple[tuple[float, float], ...] | None = None

    part_type: ClassVar[type[Any]] = novelty_state.Learned

    def revision(self) -> int:
        """See `Parted`."""
        return self.model.closed_days

    def take_part(self) -> novelty_state.Learned | None:
        """See `Parted`."""
        return self.model.take_learned()

    def put_part(self, part: novelty_state.Learned) -> None:
        """See `Parted`."""
        self.model.put_learned(part)

    def suits(self, channel: Channel) -> bool:
        """Whether it was learned from what the channel brings now: another version or other settings may have made it.
        One that does not know its bands is of the version before that.
        """
        known = self.modes_hz is None or self.modes_hz == channel.modes_hz
        return known and self.model.suits(len(feature_names(channel)))


class NoveltyDetector:
    """Owns `Reason.NOVELTY` of vibration waveforms."""

    name = "novelty"
    state_type = State
    has_baseline = True

    def __init__(self, rules: Rules = RULES) -> None:
        self._rules = rules

    def applies(self, place: Place) -> bool:
        """Vibration windows."""
        return has_windows(place.channel)

    def initial(self, place: Place) -> State:
        """Nothing learned."""
        channel = place.channel
        interval_h = max(channel.interval_s * NS_PER_S, BLOCK_NS) / NS_PER_HOUR
        columns = LAG_COUNT + 1 + len(feature_names(channel))
        return State(novelty_state.initial_state(groups(channel), interval_h), no_block(columns), channel.modes_hz)

    def step(self, place: Place, state: State, batch: Batch) -> tuple[State, Output]:
        """Follow the batch's trusted windows; verdicts once there is a baseline, before that only `CLEAR`."""
        (stepped,) = self.step_many([place], [state], [batch])
        if isinstance(stepped, Exception):
            raise stepped
        return stepped

    def step_many(
        self, places: Sequence[Place], states: Sequence[State], batches: Sequence[Batch]
    ) -> list[tuple[State, Output] | Exception]:
        """See `cloud_service.analyse.detector.ManyDetector`."""
        rules = self._rules_by_structure(places)
        members = [
            _Member(place, feature_names(place.channel), rules[id(place.structure)], state)
            for place, state in zip(places, states, strict=True)
        ]
        for member in members:
            if not member.state.suits(member.place.channel):
                member.state = self.initial(member.place)
            member.state.modes_hz = member.place.channel.modes_hz
        for names, alike in _by_names(members, batches).items():
            _read([members[i] for i in alike], [batches[i] for i in alike], names)
        for day in range(max((len(member.days) for member in members), default=0)):
            _judge_day([member for member in members if day < len(member.days) and member.error is None], day)
        return [member.error or (member.state, member.said()) for member in members]

    def _rules_by_structure(self, places: Sequence[Place]) -> dict[int, Rules]:
        structures = {id(place.structure): place.structure for place in places}
        rules = self._rules
        return {
            key: replace(rules, return_weeks=rules.return_weeks * _shares(structure))
            for key, structure in structures.items()
        }


@dataclass(slots=True)
class _Member:
    """One channel on its way through a step.

    Attributes:
        place, names, rules, state: whose, its features, how it is judged, what it remembers.
        days: its rows, by UTC day: what a verdict says of the baseline is as of its day, whatever else came with it.
        caused: (time of each row, of the window that led to it) where they differ.
        output: what was said of it.
        error: why nothing was.
    """

    place: Place
    names: tuple[str, ...]
    rules: Rules
    state: State
    days: list[novelty_state.Rows] = field(default_factory=list)
    caused: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    output: Output = field(default_factory=Output)
    error: Exception | None = None

    def said(self) -> Output:
        """The output, with what led to each finding."""
        if self.caused is not None:
            t_ns, caused_ns = self.caused
            said_ns = np.array([finding.t_ns for finding in self.output.findings], dtype=np.int64)
            self.output.caused_ns = caused_ns[np.searchsorted(t_ns, said_ns)].tolist()
        return self.output


def _by_names(members: Sequence[_Member], batches: Sequence[Batch]) -> dict[tuple[str, ...], list[int]]:
    """Members whose batches bring the same features; one that lacks a feature is an error of its own."""
    found: dict[tuple[str, ...], list[int]] = {}
    for index, (member, batch) in enumerate(zip(members, batches, strict=True)):
        missing = measured(member.names) - batch.features.keys()
        if missing or "rms" not in batch.features:
            member.error = KeyError(f"the batch has no {min(missing, default='rms')!r}")
        else:
            found.setdefault(member.names, []).append(index)
    return found


def _shares(structure: Structure) -> float:
    """How much rarer a channel's false warnings must be, so that its structure keeps its promise."""
    return max(1.0, sum(has_windows(channel) for channel in structure.channels) / SHARED_BY)


def _read(members: Sequence[_Member], batches: Sequence[Batch], names: tuple[str, ...]) -> None:
    """The rows of each member: windows, or half-hour means of them where they come faster."""
    after_ns = [max(member.state.model.last_ns, member.state.pending.last_ns) for member in members]
    for member, (t_ns, table, sees_all) in zip(members, read(batches, names, after_ns), strict=True):
        if t_ns.size:
            _take_rows(member, t_ns, table, sees_all=sees_all)


def _take_rows(member: _Member, t_ns: NDArray[np.int64], table: NDArray[np.float64], *, sees_all: bool) -> None:
    """A row of `table`: lagged temperatures (`sees_all`: all known), ln rms, features. A mean is known once the next
    half hour has begun.
    """
    if member.place.channel.interval_s * NS_PER_S < BLOCK_NS:
        window_ns = t_ns
        t_ns, table = fold(member.state.pending, t_ns, table)
        led = np.searchsorted(window_ns // BLOCK_NS, t_ns // BLOCK_NS, side="right")
        member.caused, sees_all = (t_ns, window_ns[led]), False  # the mean may hold others
    rows = novelty_state.Rows(t_ns, table[:, :LAG_COUNT], table[:, LAG_COUNT], table[:, LAG_COUNT + 1 :])
    sighted = novelty.all_sighted if sees_all else novelty.sighted
    member.days = list(novelty.days_of(sighted(member.state.model, rows)))


def _judge_day(members: Sequence[_Member], day: int) -> None:
    before = [member.state.model.seen.day for member in members]
    turns = [novelty.Turn(member.state.model, member.days[day], member.rules) for member in members]
    novelty.take_turns(turns)
    for member, turn, day_before in zip(members, turns, before, strict=True):
        member.error = turn.error
        if turn.error is None:
            _say(member, turn, day_before)


def _say(member: _Member, turn: novelty.Turn, day_before: int) -> None:
    rows, scores, output = turn.rows, turn.scores, member.output
    first_ns = int(rows.t_ns[0])
    judged = 0 if scores is None else scores.t_ns.size
    if judged < rows.t_ns.size and day_before < first_ns // NS_PER_DAY:
        output.findings.append(_not_yet(member.place.channel, turn.state, first_ns))
    if scores is not None:
        temperature_c = rows.temperature_c[-judged:, 0]
        output.findings += _findings(member, scores, temperature_c)
        output.rows.append(_stored(member, scores, temperature_c))


def _findings(member: _Member, scores: Scores, temperature_c: NDArray[np.float64]) -> list[Finding]:
    """One for each row that was judged."""
    channel, model, names = member.place.channel.id, member.state.model, member.names
    columns = [column.tolist() for column in scores]
    found = []
    for (t_ns, score, z, threshold, feature, scale, shift, blind), celsius in zip(
        zip(*columns, strict=True), temperature_c.tolist(), strict=True
    ):
        key, shown = describe_shift(names[feature], shift)
        evidence: dict[str, float | str] = {
            "feature": names[feature],
            "sign": "higher" if z > 0 else "lower",
            "scale_h": SCALES_H[scale],
            "z": z,
            key: shown,
            "conditioned_on": _conditioning(model, blind),
            "baseline_days": model.learned_days,
        }
        if math.isfinite(celsius):
            evidence["temperature_c"] = celsius
        found.append(
            Finding(
                channel=channel,
                t_ns=t_ns,
                reason=Reason.NOVELTY,
                tier=_tier(score, blind),
                score=score,
                value=abs(z),
                limit=threshold,
                unit="σ",
                limit_source=SOURCE,
                evidence=evidence,
            )
        )
    return found


def _tier(score: float, blind: bool) -> Tier:
    """Without temperature a verdict is a warning at most: a cold night can look like damage."""
    if score < 1.0:
        return Tier.CLEAR
    return Tier.ALARM if score >= ALARM_SCORE and not blind else Tier.WARN


def _conditioning(model: novelty_state.State, blind: bool) -> str:
    if not model.thermal:
        return "level only: no temperature in the baseline"
    return "level; temperature missing now" if blind else "temperature and level"


def _stored(member: _Member, scores: Scores, temperature_c: NDArray[np.float64]) -> Rows:
    names = member.names
    return Rows(
        "novelty",
        member.place.channel.id,
        scores.t_ns,
        {
            "score": scores.score,
            "z": scores.z,
            "threshold": scores.threshold,
            "feature": [names[i] for i in scores.feature.tolist()],
            "sign": np.sign(scores.z).astype(np.int64),
            "scale_h": _SCALES_H[scores.scale],
            "temperature_c": temperature_c,
        },
    )


def _not_yet(channel: Channel, model: novelty_state.State, t_ns: int) -> Finding:
    """There is no baseline yet: clear, and why."""
    return Finding(
        channel=channel.id,
        t_ns=t_ns,
        reason=Reason.NOVELTY,
        tier=Tier.CLEAR,
        score=0.0,
        value=0.0,
        limit=0.0,
        unit="σ",
        limit_source=SOURCE,
        evidence={"baseline_days": model.seen.days, "baseline_needs_days": BASELINE_DAYS},
    )

"""Novelty of a group of like sensors (see `models.group_novelty` for the method).

The first `baseline_rows` rows are learned. From then on each row is judged; a block of them (a stretch of the
first baseline; of a group that wanders, a block of `models.wander`) enters the baseline only when `quarantine_rows`
quiet ones have followed. Then the model is learned anew; of a group that wanders its levels follow, and the rest is
learned anew when the baseline has doubled. A block that is not quiet empties the quarantine. At `freeze_rows` learning
ends.
Rows of the first baseline are scored, for the store, once it is complete: what disturbed it can be seen.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import Output
from cloud_service.analyse.group_detector import GroupBatch, GroupPlace
from cloud_service.store.schema import Rows
from models import group_novelty
from models.group_novelty_state import STATISTICS, Averages, Model, Rule, Scores, start
from telltale.clock import NS_PER_DAY
from telltale.findings import Finding, Reason, Tier
from telltale.site import Group

ALARM_SCORE = 1.5  # as of single channels: half as far again as the limit
QUIET_SCORE = 0.75  # a block that comes nearer to a limit is not learned
QUARANTINE_BLOCKS = 4  # where the group does not say
GROWN = 2
ABSURD = 1e30  # what no sensor gives counts as missing
MOST_STRETCHES = 12  # a longer baseline is cut into longer stretches
SOURCE = "self-set: what left-out stretches of the group's own baseline exceed with the chance that was set"
WANDERS = (
    "self-set: what the group exceeds with the chance that was set, so long after its channels last stood where known"
)


class State(msgspec.Struct):
    """Attributes:
    table: (n, c + e) rows of the baseline, values then environment.
    block, worst: the rows since the last block ended, and the highest score among them.
    averages, model: at rest and None before there is a baseline.
    waiting: quiet blocks in quarantine, oldest first.
    first_ns: times of the baseline's rows until it is complete.
    last_ns: newest row.
    told_day: UTC day that was last told how far the baseline is.
    """

    table: NDArray[np.float32]
    block: NDArray[np.float32]
    averages: Averages
    waiting: list[NDArray[np.float32]]
    model: Model | None = None
    worst: float = 0.0
    first_ns: list[int] = []
    last_ns: int = -(2**62)
    told_day: int = -(2**31)


class GroupNoveltyDetector:
    """Owns `Reason.NOVELTY_GROUP`."""

    name = "group_novelty"
    state_type = State

    def initial(self, place: GroupPlace) -> State:
        """Nothing learned."""
        none = np.empty((0, 0), dtype=np.float32)
        return State(none, none, start(len(place.channels)), [])

    def step(self, place: GroupPlace, state: State, batch: GroupBatch) -> tuple[State, Output]:
        """Learn until there is a baseline, then a verdict for each row."""
        output = Output()
        fresh = batch.t_ns > state.last_ns
        wide = np.column_stack([batch.values, batch.outside])[fresh]
        table = np.where(np.abs(wide) < ABSURD, wide, np.nan).astype(np.float32)
        t_ns = batch.t_ns[fresh]
        if not t_ns.size:
            return state, output
        if not state.table.size and not state.block.size:
            state.table = state.block = np.empty((0, table.shape[1]), dtype=np.float32)
        for begin, end in _cuts(place.group, state, len(table)):
            _take(place, state, t_ns[begin:end], table[begin:end], output)
        return state, output


def _cuts(group: Group, state: State, rows: int) -> Iterator[tuple[int, int]]:
    """Parts of a batch that end where a block or the first baseline does."""
    start = 0
    while start < rows:
        room = (
            _block_rows(group, state.model) - len(state.block)
            if state.model
            else group.baseline_rows - len(state.table)
        )
        stop = min(rows, start + room)
        yield start, stop
        start = stop


def _block_rows(group: Group, model: Model) -> int:
    return model.wander.block_rows if model.wander is not None else group.baseline_rows // group.stretches


def _take(place: GroupPlace, state: State, t_ns: NDArray[np.int64], table: NDArray[np.float32], output: Output) -> None:
    state.last_ns = int(t_ns[-1])
    if state.model is None:
        _collect(place, state, t_ns, table, output)
        return
    scores = group_novelty.follow(state.model, state.averages, *_parts(place, table))
    present = np.isfinite(table[:, : len(place.channels)]).sum(axis=1)
    output.findings += _findings(place, state.model, t_ns, scores, present)
    output.rows.append(_stored(place, t_ns, scores))
    state.worst = max(state.worst, float(np.nan_to_num(scores.score).max()))
    state.block = np.concatenate([state.block, table])
    if len(state.block) == _block_rows(place.group, state.model):
        _close_block(place, state, state.model)


def _collect(
    place: GroupPlace, state: State, t_ns: NDArray[np.int64], table: NDArray[np.float32], output: Output
) -> None:
    counted = len(state.table)
    state.table = np.concatenate([state.table, table])
    state.first_ns += t_ns.tolist()
    for at, day in enumerate((t_ns // NS_PER_DAY).tolist()):
        if day > state.told_day:
            state.told_day = day
            output.findings.append(_not_yet(place, int(t_ns[at]), counted + at + 1))
    if len(state.table) == place.group.baseline_rows:
        state.model = _learn(place, state.table)
        scores = group_novelty.look_back(state.model, state.averages, *_parts(place, state.table))
        output.rows.append(_stored(place, np.array(state.first_ns, dtype=np.int64), scores))
        state.first_ns = []


def _learn(place: GroupPlace, table: NDArray[np.float32]) -> Model:
    group = place.group
    stretches = min(max(group.stretches, len(table) * group.stretches // group.baseline_rows), MOST_STRETCHES)
    rule = Rule(smoothing=group.smoothing, stretches=stretches, chance=group.chance, wanders=group.wanders)
    return group_novelty.learn(*_parts(place, table), rule)


def _close_block(place: GroupPlace, state: State, model: Model) -> None:
    """Decide what becomes of a block of judged rows."""
    block, quiet = state.block, state.worst < QUIET_SCORE
    state.block, state.worst = block[:0], 0.0
    if len(state.table) + len(block) > place.group.freeze_rows or not quiet:
        state.waiting.clear()
        return
    state.waiting.append(block)
    quarantine_rows = place.group.quarantine_rows or QUARANTINE_BLOCKS * len(block)
    if sum(map(len, state.waiting[1:])) >= quarantine_rows:
        _learn_more(place, state, model, state.waiting.pop(0))


def _learn_more(place: GroupPlace, state: State, model: Model, block: NDArray[np.float32]) -> None:
    """One block enters the baseline. Levels that wander follow each, and are learned anew with all else when it has
    doubled.
    """
    state.table = np.concatenate([state.table, block])
    rows_since = sum(map(len, state.waiting))
    if model.wander is not None and len(state.table) < GROWN * model.fitted:
        group_novelty.go_on_learning(model, state.averages, *_parts(place, block), rows_since)
        return
    state.model = _learn(place, state.table)
    state.averages.ahead = rows_since
    if model.wander is not None:
        state.waiting.clear()  # blocks may have another length now


def _parts(place: GroupPlace, table: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values and environment."""
    wide, channels = table.astype(np.float64), len(place.channels)
    return wide[:, :channels], wide[:, channels:]


def _findings(
    place: GroupPlace, model: Model, t_ns: NDArray[np.int64], scores: Scores, present: NDArray[np.int64]
) -> list[Finding]:
    found = []
    for at, score in enumerate(scores.score.tolist()):
        if not np.isfinite(score):
            continue
        found.append(
            Finding(
                channel=place.place.channel.id,
                t_ns=int(t_ns[at]),
                reason=Reason.NOVELTY_GROUP,
                tier=_tier(score),
                score=score,
                value=score,
                limit=1.0,
                limit_source=SOURCE if model.wander is None else WANDERS,
                evidence=_evidence(place, model, scores, at) | {"channels_present": float(present[at])},
            )
        )
    return found


def _tier(score: float) -> Tier:
    if score < 1.0:
        return Tier.CLEAR
    return Tier.ALARM if score >= ALARM_SCORE else Tier.WARN


def _evidence(place: GroupPlace, model: Model, scores: Scores, at: int) -> dict[str, float | str]:
    t, q, single = scores.ratios[at].tolist()
    return {
        "group": place.group.id,
        "contributes_most": place.channels[scores.channel[at]].id,
        "sign": "higher" if scores.deviation[at] > 0 else "lower",
        "shift": float(scores.shift[at]),
        "statistic": STATISTICS[scores.statistic[at]],
        "t_of_limit": t,
        "q_of_limit": q,
        "channel_of_limit": single,
        "conditioned_on": "temperature"
        if model.memory[scores.channel[at]] > 0
        else "nothing: temperature foretells nothing",
        "baseline_rows": float(model.rows),
    }


def _not_yet(place: GroupPlace, t_ns: int, rows: int) -> Finding:
    return Finding(
        channel=place.place.channel.id,
        t_ns=t_ns,
        reason=Reason.NOVELTY_GROUP,
        tier=Tier.CLEAR,
        score=0.0,
        value=0.0,
        limit=1.0,
        limit_source=SOURCE,
        evidence={
            "group": place.group.id,
            "baseline_rows": float(rows),
            "baseline_needs_rows": float(place.group.baseline_rows),
        },
    )


def _stored(place: GroupPlace, t_ns: NDArray[np.int64], scores: Scores) -> Rows:
    return Rows(
        "group_novelty",
        place.place.channel.id,
        t_ns,
        {
            "score": scores.score,
            "t": scores.ratios[:, 0],
            "q": scores.ratios[:, 1],
            "single": scores.ratios[:, 2],
            "contributor": [place.channels[at].id for at in scores.channel.tolist()],
            "sign": np.sign(scores.deviation).astype(np.int64),
        },
    )

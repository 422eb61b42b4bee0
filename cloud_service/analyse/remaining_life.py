"""Remaining life by a model of like assets that ran to failure (`telltale model train`).

Readings of an asset's channels are gathered into rows as far apart as the model's (`cloud_service.analyse.gather`);
each row that is complete updates the memory, and the first of a UTC day is answered with an estimate or a named
refusal. A day without a complete row is refused when the next one shows it, a day with readings of unknown time at
once. A refusal takes no warning back: what was told stands until an estimate says otherwise.

A sensor of the asset that was moved or replaced, and a repair, end the memory, not the age: an asset that was replaced
is new since another day, and the site file says so. That its state was accepted makes nothing younger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.baselines import in_words
from cloud_service.analyse.detector import Output
from cloud_service.analyse.detectors.lives import life_at, life_finding, life_rows, refusal, undated_refusal
from cloud_service.analyse.group_detector import GroupBatch
from cloud_service.analyse.life_models import AssetPlace
from cloud_service.baseline_record import Act, BaselineEvent
from models.indicator_history import Memory
from models.life import PLANNING_RANGE_YEARS
from models.remaining_life import Left, life_left, means_after, outside
from telltale.clock import NS_PER_DAY, NS_PER_S, NS_PER_YEAR
from telltale.findings import Life, Refusal, Tier

Floats = NDArray[np.float64]
NAME = "remaining_life"
NEVER = -(2**31)


class State(msgspec.Struct):
    """Attributes:
    model: hash of the model that the memory belongs to; another model begins a memory of its own.
    memory: smoothed indicators.
    first_row: number of the first complete row ever, in spacings since 1970; of the memory, `memory_row`.
    told_day: the newest UTC day that was answered; `undated_day` that was refused for its readings' times.
    warned: whether the newest estimate was not clear.
    act: time and number of the newest act of an operator that was heeded.
    since: what the memory began with, in words; empty: the first row.
    """

    model: str
    memory: Memory
    first_row: int | None = None
    memory_row: int | None = None
    told_day: int = NEVER
    undated_day: int = NEVER
    warned: bool = False
    act: tuple[int, int] = (-(2**62), 0)
    since: str = ""


@dataclass(frozen=True, slots=True)
class _Due:
    """An answer, with the row that led to it: a refusal, or what an estimate is made of."""

    row_ns: int
    t_ns: int
    refused: Life | None = None
    means: Floats | None = None
    age: float = 0.0
    since: str = ""


def initial(place: AssetPlace) -> State:
    """Nothing seen."""
    return State(place.loaded.sha256, place.loaded.model.new_memory())


def step(
    place: AssetPlace,
    state: State,
    batch: GroupBatch,
    undated_days: Sequence[int] = (),
    acts: Sequence[BaselineEvent] = (),
) -> tuple[State, Output]:
    """Take rows in; answer the first of each day.

    Args:
        place: the asset.
        state: changed, and returned.
        batch: rows of `place.sheet`.
        undated_days: on which readings came whose times cannot be relied on.
        acts: of operators on its channels, ascending; each counts for rows that begin at its time or later.
    """
    if state.model != place.loaded.sha256:
        state = begun_anew(place, state, "another model")
    output = Output()
    for day in undated_days:
        _refuse_undated(place, state, day, output)
    due = []
    for row_ns, values in zip(batch.t_ns.tolist(), batch.values, strict=True):
        _heed(place, state, acts, row_ns)
        found = _take(place, state, row_ns, values)
        if found is not None:
            due.append(found)
    _answer(place, state, due, output)
    return state, output


def begun_anew(place: AssetPlace, state: State, since: str) -> State:
    """Nothing seen; what was told stays told. Where the site does not say since when, the asset counts as new again."""
    fresh = initial(place)
    return State(
        fresh.model,
        fresh.memory,
        told_day=state.told_day,
        undated_day=state.undated_day,
        warned=state.warned,
        act=state.act,
        since=since,
    )


def _refuse_undated(place: AssetPlace, state: State, day: int, output: Output) -> None:
    if day > state.undated_day:
        state.undated_day = day
        estimate = undated_refusal(place.place.channel.id, day, _source(place))
        output.lives.append(estimate)
        output.rows.append(life_rows(estimate))


def _heed(place: AssetPlace, state: State, acts: Sequence[BaselineEvent], row_ns: int) -> None:
    """Begin the memory anew where an act before this row, or another `since` of the site file, ended it."""
    for event in acts:
        if state.act < (event.effective_ns, event.id) and event.effective_ns <= row_ns:
            state.act = event.effective_ns, event.id
            if event.act is not Act.RECOMMISSIONED:
                _forget(place, state, in_words(event))
    every_ns, row = place.sheet.every_ns, state.memory_row
    if place.use.since is not None and row is not None and (row + 1) * every_ns <= _new_ns(place, state):
        _forget(place, state, f"new on {place.use.since.isoformat()}")


def _forget(place: AssetPlace, state: State, since: str) -> None:
    state.memory, state.memory_row, state.since = place.loaded.model.new_memory(), None, since


def _take(place: AssetPlace, state: State, row_ns: int, values: Floats) -> _Due | None:
    """A row that has ended: judge its range, remember it, answer once a day."""
    missing = np.flatnonzero(~np.isfinite(values))
    if missing.size:
        return _miss(place, state, row_ns, int(missing[0]))
    t_ns, row = row_ns + place.sheet.every_ns, row_ns // place.sheet.every_ns
    state.first_row = row if state.first_row is None else state.first_row
    indicators = len(place.loaded.card.indicators)
    age = (t_ns - _new_ns(place, state)) / NS_PER_S / place.loaded.card.unit_s
    beyond = outside(place.loaded.model, values[:indicators], values[indicators:], age)
    means = None
    if not beyond:
        state.memory_row = row if state.memory_row is None else state.memory_row
        means = means_after(place.loaded.model, state.memory, values[:indicators], values[indicators:])
    if t_ns // NS_PER_DAY <= state.told_day:
        return None
    state.told_day = t_ns // NS_PER_DAY
    refused = _refused(place, state, t_ns, beyond=beyond, age=age, values=values)
    return _Due(row_ns, t_ns, refused, means, age, state.since)


def _miss(place: AssetPlace, state: State, row_ns: int, missing: int) -> _Due | None:
    """A row that lacks an input is left out; a day of nothing else is refused when it is over."""
    day = (row_ns + place.sheet.every_ns) // NS_PER_DAY
    if state.told_day == NEVER:
        state.told_day = day - 1  # the day on which it began may still bring one
    if day - 1 <= state.told_day:
        return None
    state.told_day = day - 1
    name = (*place.loaded.card.indicators, *place.loaded.card.conditions)[missing]
    channel = place.sheet.columns[missing].channel.id
    text = f"{name} (channel {channel}) brought nothing that can be relied on: see its findings"
    t_ns = day * NS_PER_DAY
    return _Due(row_ns, t_ns, refusal(place.place.channel.id, t_ns, Refusal.SENSOR_FAULT, text, _source(place)))


def _answer(place: AssetPlace, state: State, due: Sequence[_Due], output: Output) -> None:
    """All answers in their order; estimates are made at once, for trees are quick on many rows."""
    estimates = iter(_estimates(place, [one for one in due if one.refused is None]))
    use, model = place.use, place.loaded.sha256[:12]
    for one in due:
        estimate, evidence = (one.refused, {}) if one.refused is not None else next(estimates)
        output.lives.append(estimate)
        output.rows.append(life_rows(estimate))
        if one.refused is not None and state.warned:
            continue
        evidence |= {"model": model} | ({"baseline_since": one.since} if one.since else {})
        finding = life_finding(estimate, use.horizon_years, use.alarm_years, evidence)
        state.warned = finding.tier is not Tier.CLEAR
        output.findings.append(finding)
        output.caused_ns.append(one.row_ns)


def _estimates(place: AssetPlace, due: Sequence[_Due]) -> list[tuple[Life, dict[str, float | str]]]:
    if not due:
        return []
    means = np.stack([one.means for one in due if one.means is not None])
    left = life_left(place.loaded.model, means, np.array([one.age for one in due]))
    return [_estimate(place, one.t_ns, left, row, one.age) for row, one in enumerate(due)]


def _estimate(place: AssetPlace, t_ns: int, left: Left, row: int, age: float) -> tuple[Life, dict[str, float | str]]:
    card = place.loaded.card
    unit_years = card.unit_s * NS_PER_S / NS_PER_YEAR
    p5, p10, p50, p90, p95 = np.minimum(left.quantiles[row] * unit_years, PLANNING_RANGE_YEARS)
    text = (
        f"{left.quantiles[row, 2]:.3g} {card.unit} left (P50) at an age of {age:.3g}, by {card.assets} assets that"
        f" failed; {100 * card.metrics.get('coverage90', np.nan):.0f} % of unseen ones were inside P5 to P95"
    )
    life = life_at(
        place.place.channel.id,
        t_ns,
        (p5, p10, p50, p90, p95),
        detail=text,
        assumptions=_assumptions(place),
        source=_source(place),
    )
    return life, {"age": f"{age:.6g} {card.unit}", "expected_years": float(left.expected[row] * unit_years)}


def _new_ns(place: AssetPlace, state: State) -> int:
    """When the asset was new."""
    if place.use.since is not None:
        return round(datetime.combine(place.use.since, time(), UTC).timestamp()) * NS_PER_S
    assert state.first_row is not None
    return state.first_row * place.sheet.every_ns


def _refused(place: AssetPlace, state: State, t_ns: int, *, beyond: str, age: float, values: Floats) -> Life | None:
    """Why there is no estimate, by name; None where there is one."""
    card, channel = place.loaded.card, place.place.channel.id
    if beyond:
        text = _beyond(place, beyond, age, values)
        return refusal(channel, t_ns, Refusal.OUTSIDE_MODEL_RANGE, text, _source(place))
    needed, had = _rows_needed(place, state), state.memory.rows
    if had < needed:
        names = ", ".join((*card.indicators, *card.conditions)[:4])
        text = f"{had} rows of {card.spacing:g} {card.unit} with {names}, at least {needed} are needed"
        text += f"; history begun anew: {state.since}" if state.since else ""
        return refusal(channel, t_ns, Refusal.INSUFFICIENT_HISTORY, text, _source(place))
    return None


def _beyond(place: AssetPlace, beyond: str, age: float, values: Floats) -> str:
    card, model = place.loaded.card, place.loaded.model
    if beyond == "age":
        return f"age {age:.6g} {card.unit}: the model's assets were between 0 and {model.oldest:.6g} old"
    if beyond == "conditions":
        return f"operating condition {', '.join(card.conditions)}: like none that the model was trained in"
    at = int(beyond)
    low, high = card.ranges[at]
    return f"{card.indicators[at]} {values[at]:.6g}: the model was trained between {low:.6g} and {high:.6g}"


def _rows_needed(place: AssetPlace, state: State) -> int:
    """The shortest span; the longest one where the model's assets had been watched for longer at that age."""
    assert state.memory_row is not None
    model = place.loaded.model
    missed = state.memory_row - _new_ns(place, state) // place.sheet.every_ns
    return model.first_rows if missed <= model.first_rows else int(np.ceil(model.spans.max()))


def _assumptions(place: AssetPlace) -> tuple[str, ...]:
    since, card = place.use.since, place.loaded.card
    return (
        f"the asset was {f'new on {since.isoformat()}' if since else 'new when monitoring began'}",
        "it ages and is loaded as the assets of the model's histories were, and fails as they did",
        f"life beyond {place.loaded.model.cap:.4g} {card.unit} is not told apart",
    )


def _source(place: AssetPlace) -> str:
    loaded = place.loaded
    return f"remaining-life model {loaded.sha256[:12]} of {loaded.card.made}, trained on {loaded.card.data}"

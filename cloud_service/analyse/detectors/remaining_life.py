"""Remaining life by a model of like assets that ran to failure (`telltale model train`).

Readings are averaged over the spacing of the model's rows; each such row updates the memory, and the first row of a UTC
day is answered with an estimate or a named refusal.
"""

from __future__ import annotations

from datetime import UTC, datetime, time

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import Batch, Output
from cloud_service.analyse.detectors.lives import life_at, life_finding, life_rows, refusal
from cloud_service.analyse.life_models import TEMPERATURE, VALUE, LifeModels, input_columns
from cloud_service.model.file import Loaded
from models.indicator_history import Memory
from models.life import PLANNING_RANGE_YEARS
from models.remaining_life import life_left, means_after, outside
from telltale.channel_details import RemainingLifeDetail
from telltale.clock import NS_PER_DAY, NS_PER_S, NS_PER_YEAR
from telltale.findings import Life, Refusal
from telltale.site import Place

Floats = NDArray[np.float64]


class State(msgspec.Struct):
    """Attributes:
    model: hash of the model that the memory belongs to; another model begins a memory of its own.
    memory: smoothed indicators.
    sums, count: (p + c,) of the open row's readings, and how many they are.
    open_row: number of the row that readings arrive for, in spacings since 1970.
    first_row: the first one ever; of the memory, `memory_row`.
    told_day: the newest UTC day that was answered.
    """

    model: str
    memory: Memory
    sums: Floats
    count: int = 0
    open_row: int = -(2**62)
    first_row: int | None = None
    memory_row: int | None = None
    told_day: int = -(2**31)


class RemainingLifeDetector:
    """Owns `Reason.LIFE` of channels that name a remaining-life model."""

    name = "remaining_life"
    state_type = State

    def __init__(self, models: LifeModels | None = None) -> None:
        self._models = models or {}

    def applies(self, place: Place) -> bool:
        """Channels whose model was loaded."""
        detail = place.channel.remaining_life
        return detail is not None and detail.model in self._models

    def initial(self, place: Place) -> State:
        """Nothing seen."""
        _, loaded = self._of(place)
        return _new_state(loaded)

    def step(self, place: Place, state: State, batch: Batch) -> tuple[State, Output]:
        """Average readings by row; remember each row that is over; answer the first of a day."""
        detail, loaded = self._of(place)
        if state.model != loaded.sha256:
            state = _begin_again(state, loaded)
        output = Output()
        table = _inputs(detail, loaded, batch)
        undated = False if batch.undated is None else batch.undated
        usable = np.isfinite(table).all(axis=1) & ~(batch.faulty | batch.inputs_faulty | undated)
        t_ns, table = batch.t_ns[usable], table[usable]
        rows = t_ns // _row_ns(loaded)
        for row in np.unique(rows).tolist():
            if row < state.open_row:
                continue  # late: its row is over
            of_row = rows == row
            if row > state.open_row:
                if state.count:
                    _close(place, detail, loaded, state, output)
                    output.caused_by(int(t_ns[of_row][0]))
                _open(state, row)
            _add(state, table[of_row])
        return state, output

    def _of(self, place: Place) -> tuple[RemainingLifeDetail, Loaded]:
        detail = place.channel.remaining_life
        assert detail is not None
        return detail, self._models[detail.model]


def _new_state(loaded: Loaded) -> State:
    inputs = len(loaded.card.indicators) + len(loaded.card.conditions)
    return State(loaded.sha256, loaded.model.new_memory(), np.zeros(inputs))


def _begin_again(state: State, loaded: Loaded) -> State:
    """Another model's memory; where the site does not say since when, the asset counts as new again."""
    fresh = _new_state(loaded)
    fresh.told_day = state.told_day
    return fresh


def _row_ns(loaded: Loaded) -> int:
    return max(1, round(loaded.card.spacing * loaded.card.unit_s * NS_PER_S))


def _inputs(detail: RemainingLifeDetail, loaded: Loaded, batch: Batch) -> Floats:
    """(k, p + c) in the model's order; NaN where there is none."""
    absent = np.full(len(batch), np.nan)
    known = {VALUE: batch.values, **batch.features, TEMPERATURE: batch.temperature_c[:, 0]}
    return np.stack([known.get(column, absent) for column in input_columns(detail, loaded)], axis=1).astype(np.float64)


def _open(state: State, row: int) -> None:
    state.open_row = row
    state.first_row = row if state.first_row is None else state.first_row
    state.sums, state.count = np.zeros_like(state.sums), 0


def _add(state: State, table: Floats) -> None:
    # One after the other, so that the sum does not depend on how readings were batched.
    state.sums = np.cumsum(np.concatenate((state.sums[None], table)), axis=0)[-1]
    state.count += len(table)


def _close(place: Place, detail: RemainingLifeDetail, loaded: Loaded, state: State, output: Output) -> None:
    """The open row is over: judge its range, remember it, answer once a day."""
    mean = state.sums / state.count
    indicators = len(loaded.card.indicators)
    t_ns = (state.open_row + 1) * _row_ns(loaded)
    age = (t_ns - _new_ns(detail, loaded, state)) / NS_PER_S / loaded.card.unit_s
    beyond = outside(loaded.model, mean[:indicators], mean[indicators:], age)
    means = None
    if not beyond:
        state.memory_row = state.open_row if state.memory_row is None else state.memory_row
        means = means_after(loaded.model, state.memory, mean[:indicators], mean[indicators:])
    if t_ns // NS_PER_DAY <= state.told_day:
        return
    state.told_day = t_ns // NS_PER_DAY
    estimate = _refused(place, detail, loaded, state, beyond=beyond, age=age, mean=mean)
    if estimate is None:
        assert means is not None
        estimate = _estimate(place, detail, loaded, t_ns, means=means, age=age)
    output.lives.append(estimate)
    output.rows.append(life_rows(estimate))
    evidence: dict[str, float | str] = {"age": f"{age:.6g} {loaded.card.unit}", "model": loaded.sha256[:12]}
    output.findings.append(life_finding(estimate, detail.horizon_years, detail.alarm_years, evidence))


def _new_ns(detail: RemainingLifeDetail, loaded: Loaded, state: State) -> int:
    """When the asset was new."""
    if detail.since is not None:
        return round(datetime.combine(detail.since, time(), UTC).timestamp()) * NS_PER_S
    assert state.first_row is not None
    return state.first_row * _row_ns(loaded)


def _refused(
    place: Place, detail: RemainingLifeDetail, loaded: Loaded, state: State, *, beyond: str, age: float, mean: Floats
) -> Life | None:
    """Why there is no estimate, by name; None where there is one."""
    card, t_ns = loaded.card, (state.open_row + 1) * _row_ns(loaded)
    names = (*card.indicators, *card.conditions)
    if beyond:
        text = _beyond(loaded, beyond, age, mean)
        return refusal(place.channel.id, t_ns, Refusal.OUTSIDE_MODEL_RANGE, text, _source(loaded))
    needed, had = _rows_needed(detail, loaded, state), state.memory.rows
    if had < needed:
        text = f"{had} rows of {card.spacing:g} {card.unit} with {', '.join(names[:4])}, at least {needed} are needed"
        return refusal(place.channel.id, t_ns, Refusal.INSUFFICIENT_HISTORY, text, _source(loaded))
    return None


def _beyond(loaded: Loaded, beyond: str, age: float, mean: Floats) -> str:
    card, model = loaded.card, loaded.model
    if beyond == "age":
        return f"age {age:.6g} {card.unit}: the model's assets were between 0 and {model.oldest:.6g} old"
    if beyond == "conditions":
        return f"operating condition {', '.join(card.conditions)}: like none that the model was trained in"
    place = int(beyond)
    low, high = card.ranges[place]
    return f"{card.indicators[place]} {mean[place]:.6g}: the model was trained between {low:.6g} and {high:.6g}"


def _rows_needed(detail: RemainingLifeDetail, loaded: Loaded, state: State) -> int:
    """The shortest span; the longest one where the model's assets had been watched for longer at that age."""
    assert state.memory_row is not None
    model = loaded.model
    missed = state.memory_row - _new_ns(detail, loaded, state) // _row_ns(loaded)
    return model.first_rows if missed <= model.first_rows else int(np.ceil(model.spans.max()))


def _estimate(
    place: Place, detail: RemainingLifeDetail, loaded: Loaded, t_ns: int, *, means: Floats, age: float
) -> Life:
    card = loaded.card
    left = life_left(loaded.model, means[None], np.array([age]))
    p5, p10, p50, p90, p95 = np.minimum(left.quantiles[0] * card.unit_s * NS_PER_S / NS_PER_YEAR, PLANNING_RANGE_YEARS)
    text = (
        f"about {left.expected[0]:.3g} {card.unit} left at an age of {age:.3g}, by {card.assets} assets that failed;"
        f" {100 * card.metrics.get('coverage90', np.nan):.0f} % of unseen ones were inside P5 to P95"
    )
    return life_at(
        place.channel.id,
        t_ns,
        (p5, p10, p50, p90, p95),
        detail=text,
        assumptions=_assumptions(detail, loaded),
        source=_source(loaded),
    )


def _assumptions(detail: RemainingLifeDetail, loaded: Loaded) -> tuple[str, ...]:
    new = f"new on {detail.since.isoformat()}" if detail.since else "new when monitoring began"
    return (
        f"the asset was {new}",
        "it ages and is loaded as the assets of the model's histories were, and fails as they did",
        f"life beyond {loaded.model.cap:.4g} {loaded.card.unit} is not told apart",
    )


def _source(loaded: Loaded) -> str:
    return f"remaining-life model {loaded.sha256[:12]} of {loaded.card.made}, trained on {loaded.card.data}"

"""The assets of one structure: what their channels showed in a segment, gathered into rows, and the life left."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from cloud_service.analyse import remaining_life
from cloud_service.analyse.detector import Output
from cloud_service.analyse.gather import Ended, Shown, gather_kept, readings_of
from cloud_service.analyse.judge import Bench
from cloud_service.analyse.judge_groups import collect
from cloud_service.analyse.life_models import AssetPlace
from cloud_service.analyse.outcome import Fault, StepResult
from cloud_service.analyse.states import States


def judge_assets(assets: Sequence[AssetPlace], shown: Shown, bench: Bench, result: StepResult) -> None:
    """Take the rows of each asset that end with this segment, and add what was said to `result`."""
    for place in assets:
        sheet = place.sheet
        readings = readings_of(sheet, shown)
        if not readings:
            continue
        key = place.place.structure.id, f"asset {place.id}"
        ended, is_other = gather_kept(bench.states, key, sheet, readings, bench.heard_ns)
        if is_other:
            _put(place, remaining_life.begun_anew(place, _memory(place, bench.states), "other inputs"), bench.states)
        if len(ended.batch) or ended.undated_days:
            collect(place.place, ended, _judge(place, ended, bench, result), bench, result)


def _judge(place: AssetPlace, ended: Ended, bench: Bench, result: StepResult) -> Output:
    acts = bench.baselines.of([column.channel.id for column in place.sheet.columns])
    state = _memory(place, bench.states)
    try:
        state, output = remaining_life.step(place, state, ended.batch, ended.undated_days, acts)
    except Exception as error:  # noqa: BLE001 - one asset's fault must not end the stream
        bench.states.forget(*_key(place))  # as committed
        newest_ns = int(ended.batch.t_ns[-1]) if len(ended.batch) else bench.heard_ns[-1]
        text = f"{type(error).__name__}: {error}"
        result.faults.append(Fault(place.place.channel.id, remaining_life.NAME, text, newest_ns))
        return Output()
    _put(place, state, bench.states)
    return output


def _key(place: AssetPlace) -> tuple[str, str]:
    return place.place.structure.id, f"{remaining_life.NAME} {place.id}"


def _memory(place: AssetPlace, states: States) -> remaining_life.State:
    return states.get(*_key(place), remaining_life.State, partial(remaining_life.initial, place))


def _put(place: AssetPlace, state: remaining_life.State, states: States) -> None:
    states.put(*_key(place), state)

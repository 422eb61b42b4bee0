"""An operator's act ends a baseline at its event time: before it nothing changes, after it the past is forgotten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloud_service.analyse.baselines import Baselines
from cloud_service.analyse.detector import Output
from cloud_service.analyse.detectors import DETECTORS
from cloud_service.analyse.outcome import StepResult
from cloud_service.analyse.states import States
from cloud_service.analyse.step import Step
from cloud_service.baseline_record import Act, BaselineEvent, read, record
from cloud_service.state import open_state
from telltale.clock import NS_PER_HOUR
from tests.cloud_service.analyse.detectors import Range, Running
from tests.cloud_service.analyse.site import T0_NS, bridge, decoded, hours

CHANNEL = "bridge.gauge"
ENDS_H = 30


class Learning(Running):
    """A running mean is a baseline."""

    has_baseline = True


LEARNING = (Range(), Learning())


def act(hour: float = ENDS_H, number: int = 1, kind: Act = Act.SENSOR_REPLACED) -> BaselineEvent:
    at_ns = T0_NS + round(hour * NS_PER_HOUR)
    return BaselineEvent(
        id=number, channel=CHANNEL, act=kind, declared_ns=at_ns, recorded_ns=at_ns, effective_ns=at_ns, who="A", why="b"
    )


def play(
    folder: Path, size: int, events: list[BaselineEvent], numbers=range(60), detectors=LEARNING
) -> list[StepResult]:
    step, states = Step(bridge(folder), detectors), States()
    step.baselines = Baselines(events)
    frames = decoded(hours(numbers))
    return [step(states, frames[start : start + size])[1] for start in range(0, len(frames), size)]


def findings(results: list[StepResult]) -> list[tuple[int, float, float, str]]:
    return [
        (j.finding.t_ns, j.finding.value, j.finding.limit, str(j.finding.evidence.get("baseline_since", "")))
        for result in results
        for j in result.judged
        if j.finding.channel == CHANNEL
    ]


def test_before_the_act_nothing_changes_and_after_it_the_past_is_forgotten(tmp_path: Path) -> None:
    with_act, without = findings(play(tmp_path, 7, [act()])), findings(play(tmp_path, 7, []))
    ends_ns = T0_NS + ENDS_H * NS_PER_HOUR
    assert [item for item in with_act if item[0] < ends_ns] == [item for item in without if item[0] < ends_ns]
    after = [item for item in with_act if item[0] >= ends_ns]
    assert len(after) == len([item for item in without if item[0] >= ends_ns])
    assert after[0][2] == pytest.approx(abs(after[0][1]))  # the first reading is its own mean
    assert {item[3] for item in after} == {"sensor replaced, 2025-06-16 21:00 UTC"}


@pytest.mark.parametrize("size", [1, 3, 60])
def test_it_does_not_matter_how_readings_were_batched(tmp_path: Path, size: int) -> None:
    events = [act(), act(30.2, 2), act(45, 3, Act.RECOMMISSIONED)]
    assert findings(play(tmp_path, size, events)) == findings(play(tmp_path, 7, events))


class Distrusting(Learning):
    """What lies above its running mean is faulty."""

    name = "distrusting"

    def step(self, place, state, batch):
        state, output = super().step(place, state, batch)
        said = {finding.t_ns for finding in output.findings if finding.value > finding.limit}
        return state, Output(faulty=np.isin(batch.t_ns, list(said)))


@pytest.mark.parametrize("size", [1, 60])
def test_what_is_faulty_keeps_its_rows_where_an_act_cuts_them(tmp_path: Path, size: int) -> None:
    order = [*range(20), *range(28, 60), *range(20, 28)]
    trusted = findings(play(tmp_path, size, [act(), act(45, 2)], order, (Distrusting(), Running())))
    assert trusted == findings(play(tmp_path, 7, [act(), act(45, 2)], order, (Distrusting(), Running())))
    assert 0 < len(trusted) < 60


def test_readings_of_an_ended_baseline_that_come_late_are_passed_over(tmp_path: Path) -> None:
    order = [*range(20), *range(28, 40), *range(20, 28), *range(40, 44)]
    seen = [t_ns for t_ns, *_ in findings(play(tmp_path, 1, [act(28)], order))]
    assert not [t_ns for t_ns in seen if T0_NS + 20 * NS_PER_HOUR <= t_ns < T0_NS + 28 * NS_PER_HOUR]


def test_a_detector_without_a_baseline_heeds_no_act(tmp_path: Path) -> None:
    assert findings(play(tmp_path, 7, [act()], detectors=(Range(), Running()))) == findings(
        play(tmp_path, 7, [], detectors=(Range(), Running()))
    )


def test_novelty_is_learned_anew_and_what_an_act_leaves_standing_is_not() -> None:
    renewed = {detector.name for detector in DETECTORS if getattr(detector, "has_baseline", False)}
    assert {"novelty", "short_baseline"} <= renewed
    assert not renewed & {"limits", "quality"}
    assert {detector.name for detector in DETECTORS if hasattr(detector, "renewed")} == {"crack", "fatigue"}


class Keeping(Learning):
    """Of its mean it keeps what the act leaves standing: half of its weight."""

    def renewed(self, place, state, event):
        assert event.channel == place.channel.id
        state.total, state.count = state.total / 2, state.count / 2
        return state


@pytest.mark.parametrize("size", [1, 60])
def test_a_detector_may_say_what_an_act_leaves_standing(tmp_path: Path, size: int) -> None:
    kept = findings(play(tmp_path, size, [act(), act(45, 2)], detectors=(Range(), Keeping())))
    anew = findings(play(tmp_path, 7, [act(), act(45, 2)], detectors=LEARNING))
    assert kept == findings(play(tmp_path, 7, [act(), act(45, 2)], detectors=(Range(), Keeping())))
    assert [item[3] for item in kept] == [item[3] for item in anew]
    ends_ns = T0_NS + ENDS_H * NS_PER_HOUR
    assert next(item for item in kept if item[0] >= ends_ns)[2] != next(item for item in anew if item[0] >= ends_ns)[2]


def test_acts_are_kept_as_they_were_recorded(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    record(state, [act(3), act(1, 2, Act.STRUCTURE_REPAIRED)])
    assert list(read(state)) == [act(3), act(1, 2, Act.STRUCTURE_REPAIRED)]
    assert [event.id for event in read(state, after=1)] == [2]
    state.close()

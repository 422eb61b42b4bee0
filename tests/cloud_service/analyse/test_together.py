"""Channels that a detector steps together: the service says of each what it says of it alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_service.analyse.baselines import Baselines
from cloud_service.analyse.outcome import StepResult
from cloud_service.analyse.states import States
from cloud_service.analyse.step import Step
from telltale.clock import NS_PER_HOUR
from telltale.readings import Frame
from tests.cloud_service.analyse.detectors import Alone, Range, Together
from tests.cloud_service.analyse.site import T0_NS, bridge, decoded, frame, hour, hours, scalar
from tests.cloud_service.analyse.test_baselines import act
from tests.cloud_service.analyse.test_step import assert_same


def odd_hours() -> list[Frame]:
    """Fifty hours with a value that raises, and one that comes late."""
    frames = hours(range(50))
    waves, gauge, air = hour(20)
    frames[20] = frame(21, (waves, scalar("bridge.gauge", gauge.t0_ns, 900e3), air), T0_NS + 21 * NS_PER_HOUR)
    frames.insert(33, frames.pop(30))
    return frames


def play(folder: Path, detector: Together, size: int) -> list[StepResult]:
    step, states = Step(bridge(folder), (Range(), detector)), States()
    step.baselines = Baselines([act()])
    entries = decoded(odd_hours())
    return [step(states, entries[start : start + size])[1] for start in range(0, len(entries), size)]


@pytest.mark.parametrize("size", [1, 5])
def test_together_is_as_alone_with_acts_faults_and_late_data(tmp_path: Path, size: int) -> None:
    together, alone = play(tmp_path, Together(), size), play(tmp_path, Alone(), size)
    assert_same(together, alone, rtol=0)
    faults = [(fault.channel, fault.error, fault.t_ns) for result in together for fault in result.faults]
    assert faults == [(fault.channel, fault.error, fault.t_ns) for result in alone for fault in result.faults]
    assert {channel for channel, _, _ in faults} == {"bridge.gauge"}


def test_a_channel_goes_with_those_that_it_does_not_refer_to(tmp_path: Path) -> None:
    """And by itself where an act ends its baseline."""
    detector = Together()
    step, states = Step(bridge(tmp_path), (Range(), detector)), States()
    step(states, decoded(hours(range(3))))
    assert detector.stepped == [["bridge.air"], ["bridge.gauge", "bridge.az"]]
    step.baselines = Baselines([act()])
    detector.stepped.clear()
    step(states, decoded(hours(range(3, 6))))
    assert detector.stepped == [["bridge.air"], ["bridge.az"]]

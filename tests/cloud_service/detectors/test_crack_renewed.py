"""Acts of operators on crack gauges: another gauge is an offset, not growth; another place is another history."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cloud_service.analyse.detectors.crack import CrackDetector
from cloud_service.analyse.state_codec import decode_state, encode_state
from cloud_service.baseline_record import Act, BaselineEvent
from telltale.clock import NS_PER_DAY
from telltale.findings import Reason, Refusal
from tests.cloud_service.detectors.play import START_NS, findings, lives, rows_of, table
from tests.cloud_service.detectors.test_crack import GROWS, QUIET, batch_of, crack

DAYS, AT_DAY, OFFSET_MM = 121, 70.4, -0.31


def act(kind: Act, day: float = AT_DAY, told_day: float | None = None) -> BaselineEvent:
    declared_ns, recorded_ns = (START_NS + round(one * NS_PER_DAY) for one in (day, told_day or day))
    return BaselineEvent(
        channel="s.channel",
        act=kind,
        declared_ns=declared_ns,
        recorded_ns=recorded_ns,
        effective_ns=recorded_ns,
        who="A. Kim",
        why="test",
    )


def played(batch, event: BaselineEvent | None, limit_mm: float = 0.75):
    """As analysis does: the state is renewed before the first row after the act."""
    detector, place = CrackDetector(), crack(limit_mm)
    state, outputs = detector.initial(place), []
    cut = len(batch) if event is None else int(np.searchsorted(batch.t_ns, event.effective_ns))
    for part in (slice(0, cut), slice(cut, len(batch))):
        if part.start and event is not None:
            state = detector.renewed(place, decode_state(encode_state(state), detector.state_type), event)
        for start in range(part.start, part.stop, 50):
            state, output = detector.step(place, state, rows_of(batch, slice(start, min(start + 50, part.stop))))
            outputs.append(output)
    return outputs


def other_gauge(batch, day: float = AT_DAY):
    later = batch.t_ns >= START_NS + round(day * NS_PER_DAY)
    return replace(batch, values=batch.values + np.where(later, OFFSET_MM, 0.0))


def trend(outputs) -> dict[str, float]:
    return list(table(outputs, "trend").values())[-1]


@pytest.mark.parametrize("seed", range(3))
def test_another_gauge_on_a_sound_crack_is_no_growth(seed: int) -> None:
    batch = other_gauge(batch_of(seed, DAYS))
    assert {finding.reason for finding in findings(played(batch, None))} == {Reason.CRACK_TREND}, "without the act"
    outputs = played(batch, act(Act.SENSOR_REPLACED))
    assert findings(outputs) == []
    assert findings(outputs, clear=True)[-1].evidence["gauge_offset_mm"] == pytest.approx(OFFSET_MM, abs=0.02)
    assert lives(outputs)[-1].refused is Refusal.NO_TREND, "not for want of history"


@pytest.mark.parametrize("seed", range(3))
def test_growth_is_told_through_a_change_of_gauges_and_the_limit_is_in_the_new_one_s_readings(seed: int) -> None:
    whole = played(batch_of(seed, DAYS, QUIET, GROWS), None)
    outputs = played(other_gauge(batch_of(seed, DAYS, QUIET, GROWS)), act(Act.SENSOR_REPLACED), 0.75 + OFFSET_MM)
    assert {Reason.CRACK_TREND, Reason.LIFE} <= {finding.reason for finding in findings(outputs)}
    before, after = trend(whole), trend(outputs)
    assert after["low_per_year"] < before["trend_per_year"] < after["high_per_year"]
    assert after["compensated"] == pytest.approx(before["compensated"] + OFFSET_MM, abs=0.03)
    life, other = lives(whole)[-1], lives(outputs)[-1]
    assert other.refused is None
    assert other.p5_ns < life.p50_ns < other.p95_ns


def test_an_act_that_is_told_days_later_counts_from_when_the_gauge_was_changed() -> None:
    batch = other_gauge(batch_of(1, DAYS))
    outputs = played(batch, act(Act.SENSOR_REPLACED, told_day=AT_DAY + 2.5))
    assert findings(outputs) == []


def test_a_gauge_may_be_replaced_twice_within_days_and_long_ago() -> None:
    batch = other_gauge(other_gauge(batch_of(2, 560)), AT_DAY + 1)
    detector, place = CrackDetector(), crack()
    state, outputs = detector.initial(place), []
    cuts = [
        0,
        *(int(np.searchsorted(batch.t_ns, act(Act.SENSOR_REPLACED, AT_DAY + more).effective_ns)) for more in (0, 1)),
    ]
    for start, stop in zip(cuts, [*cuts[1:], len(batch)], strict=True):
        if start:
            state = detector.renewed(place, state, act(Act.SENSOR_REPLACED, AT_DAY + (start > cuts[1])))
        state, output = detector.step(place, state, rows_of(batch, slice(start, stop)))
        outputs.append(output)
    assert len(state.days) < 500, "days became weeks"
    assert findings(outputs) == []


@pytest.mark.parametrize("kind", [Act.SENSOR_MOVED, Act.STRUCTURE_REPAIRED, Act.RECOMMISSIONED])
def test_another_place_or_another_crack_begins_another_history(kind: Act) -> None:
    batch = other_gauge(batch_of(1, DAYS, QUIET, GROWS))
    outputs = played(batch, act(kind))
    after = [life for life in lives(outputs) if life.t_ns > START_NS + (AT_DAY + 1) * NS_PER_DAY]
    assert after[0].refused is Refusal.INSUFFICIENT_HISTORY
    newest = findings(outputs, clear=True)[-1]
    assert 0 < newest.evidence["history_days"] < DAYS - AT_DAY

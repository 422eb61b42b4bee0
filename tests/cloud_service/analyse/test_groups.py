"""Groups through the step: rows by event time, the same however frames were batched, from whichever gateway first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from cloud_service.analyse.baselines import Baselines
from cloud_service.analyse.decode import Decoded
from cloud_service.analyse.outcome import StepResult
from cloud_service.analyse.states import States
from cloud_service.analyse.step import Step
from cloud_service.baseline_record import Act, BaselineEvent
from telltale.clock import NS_PER_HOUR
from telltale.findings import Reason, Tier
from telltale.readings import Block
from telltale.settings import convert
from telltale.site import Site
from telltale.site_file import SiteFile, build_site
from tests.cloud_service.analyse.site import T0_NS, scalar

NAMES = ("pier.a", "pier.b", "pier.c")
HOURS, BASELINE, MOVED = 200, 120, 170


def site(names: Sequence[str] = NAMES, baseline: int = BASELINE) -> Site:
    channels = [
        {"id": name, "kind": "tilt", "unit": "mrad", "gateway": f"gw-{name[-1]}", "interval_s": 3600.0}
        for name in NAMES
    ]
    group = {"id": "piers", "channels": list(names), "baseline_rows": baseline, "freeze_rows": 0}
    structure = {"id": "bridge", "name": "Bridge", "channels": channels, "groups": [group]}
    file = convert({"facilities": [{"id": "river", "name": "River", "structures": [structure]}]}, SiteFile, "test")
    return build_site(file, "test")


def readings() -> np.ndarray:
    rng = np.random.default_rng(1)
    values = 3 + 0.2 * rng.standard_normal((HOURS, 1)) + 0.05 * rng.standard_normal((HOURS, 3))
    values[MOVED:, 1] += 0.8
    return values


def frames(order: Sequence[tuple[int, int]], values: np.ndarray) -> list[Decoded]:
    """One frame a reading (hour, channel), in that order; heard when its hour is over."""
    found = []
    for offset, (hour, channel) in enumerate(order, start=1):
        t_ns = T0_NS + hour * NS_PER_HOUR
        block: Block = scalar(NAMES[channel], t_ns, float(values[hour, channel]))
        found.append(Decoded(offset, f"gw-{NAMES[channel][-1]}", t_ns + NS_PER_HOUR, (block,)))
    return found


def run(
    entries: list[Decoded], size: int, *, restart: bool = False, acts: Sequence[BaselineEvent] = ()
) -> list[StepResult]:
    step, states, committed, results = Step(site(), ()), States(), {}, []
    step.baselines = Baselines(list(acts))
    for start in range(0, len(entries), size):
        results.append(step(states, entries[start : start + size])[1])
        if restart:
            committed.update({(subject, owner): body for subject, owner, body in states.changed()})
            states = States(lambda subject, owner: committed.get((subject, owner)))
    return results


def verdicts(results: list[StepResult]) -> list[tuple[object, ...]]:
    return [
        (one.finding.t_ns, one.finding.tier, round(one.finding.score, 9), one.heard_ns, one.caused_ns)
        for result in results
        for one in result.judged
        if one.finding.reason is Reason.NOVELTY_GROUP
    ]


IN_TURN = [(hour, channel) for hour in range(HOURS) for channel in range(3)]


def test_the_sensor_that_leaves_its_neighbours_is_named_and_nothing_before():
    results = run(frames(IN_TURN, readings()), 50)
    found = [one.finding for result in results for one in result.judged]
    assert not [fault for result in results for fault in result.faults]
    moved_ns = T0_NS + MOVED * NS_PER_HOUR
    assert all(one.tier is Tier.CLEAR for one in found if one.t_ns < moved_ns)
    last = found[-1]
    assert last.tier is not Tier.CLEAR
    assert last.channel == "pier.a"
    assert last.evidence["contributes_most"] == "pier.b"
    assert last.evidence["sign"] == "higher"
    assert found[-1].t_ns == T0_NS + (HOURS - 2) * NS_PER_HOUR  # the newest row has not ended


def test_batches_and_restarts_change_nothing():
    entries = frames(IN_TURN, readings())
    whole = verdicts(run(entries, len(entries)))
    assert len(whole) > HOURS - BASELINE - 3
    assert verdicts(run(entries, 7, restart=True)) == whole


def test_the_order_of_gateways_changes_no_verdict_within_the_wait():
    rng = np.random.default_rng(2)
    shuffled = [(hour, int(channel)) for hour in range(HOURS) for channel in rng.permutation(3)]
    one, other = verdicts(run(frames(IN_TURN, readings()), 40)), verdicts(run(frames(shuffled, readings()), 40))
    assert [item[:3] for item in one] == [item[:3] for item in other]


def test_a_silent_channel_is_waited_for_and_then_missing():
    kept = [(hour, channel) for hour, channel in IN_TURN if channel != 2 or not 140 <= hour < 160]
    results = run(frames(kept, readings()), 30)
    present = {
        one.finding.t_ns: one.finding.evidence.get("channels_present") for result in results for one in result.judged
    }
    assert present[T0_NS + 150 * NS_PER_HOUR] == 2.0
    assert present[T0_NS + 165 * NS_PER_HOUR] == 3.0


def test_what_comes_for_a_row_that_has_ended_changes_nothing():
    values = readings()
    late = frames([*IN_TURN, (130, 0)], values)
    late[-1] = frames([(130, 0)], values + 50)[0]
    assert verdicts(run(late, 50)) == verdicts(run(frames(IN_TURN, values), 50))


def test_an_act_on_one_channel_ends_the_baseline_of_its_group_however_frames_come():
    at_ns = T0_NS + 30 * NS_PER_HOUR
    times = {"declared_ns": at_ns, "recorded_ns": at_ns, "effective_ns": at_ns}
    act = BaselineEvent(id=1, channel="pier.b", act=Act.SENSOR_REPLACED, who="op", why="dead", **times)
    entries = frames(IN_TURN, readings())
    whole = run(entries, len(entries), acts=[act])
    found = [one.finding for result in whole for one in result.judged]
    assert not [fault for result in whole for fault in result.faults]
    judged = [one for one in found if "statistic" in one.evidence]
    assert judged[0].t_ns == at_ns + BASELINE * NS_PER_HOUR
    assert all("sensor replaced" in str(one.evidence["baseline_since"]) for one in judged)
    assert verdicts(run(entries, 7, restart=True, acts=[act])) == verdicts(whole)


@pytest.mark.parametrize(
    "after", [site(NAMES[:2]), site(NAMES[::-1]), site(NAMES, 100)], ids=["fewer", "order", "shorter"]
)
def test_a_group_that_was_declared_anew_learns_anew(after: Site):
    entries, states, results = frames(IN_TURN, readings()), States(), []
    for part, declared in ((entries[:330], site()), (entries[330:], after)):
        results.append(Step(declared, ())(states, part)[1])
        committed = {(subject, owner): body for subject, owner, body in states.changed()}
        states = States(lambda subject, owner, kept=committed: kept.get((subject, owner)))
    assert not [fault for result in results for fault in result.faults]
    learned = {finding.evidence["baseline_rows"] for finding in (one.finding for one in results[1].judged)}
    assert min(learned) == 1.0

"""The groups of one structure: what their channels showed in a segment, gathered into rows and judged together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from cloud_service.analyse.baselines import OWNER, Renewed, explain
from cloud_service.analyse.detector import Output
from cloud_service.analyse.gather import Column, Ended, Sheet, Shown, gather_kept, readings_of
from cloud_service.analyse.group_detector import GroupDetector, GroupPlace
from cloud_service.analyse.judge import Bench
from cloud_service.analyse.outcome import Fault, Judged, StepResult
from cloud_service.analyse.states import States
from cloud_service.analyse.verdicts import finite
from telltale.site import Place, Site


def groups_of(site: Site) -> dict[str, tuple[GroupPlace, ...]]:
    """Structure id → its groups, in file order."""
    return {
        structure.id: tuple(
            GroupPlace(
                site.places[group.channels[0]], group, tuple(site.places[name].channel for name in group.channels)
            )
            for group in structure.groups
        )
        for _, structure in site.structures()
    }


def sheet_of(place: GroupPlace) -> Sheet:
    """Rows of the group. How long they wait and when learning ends may change without a new baseline."""
    group = place.group
    every_s = place.channels[0].interval_s if group.every_s is None else group.every_s
    holds = msgspec.json.encode(msgspec.structs.replace(group, every_s=every_s, wait_s=None, freeze_rows=0)).decode()
    columns = tuple(Column(channel, group.quantity) for channel in place.channels)
    return Sheet(columns, every_s, group.wait_s, holds)


def judge_groups(
    groups: Sequence[GroupPlace], detectors: Sequence[GroupDetector], shown: Shown, bench: Bench, result: StepResult
) -> None:
    """Judge the rows of each group that end with this segment, and add what was found to `result`."""
    for place in groups:
        sheet = sheet_of(place)
        readings = readings_of(sheet, shown)
        if not readings:
            continue
        key = place.place.structure.id, f"group {place.group.id}"
        ended, is_other = gather_kept(bench.states, key, sheet, readings, bench.heard_ns)
        if is_other:
            _begin_anew(place, detectors, bench.states)
        if len(ended.batch):
            for detector in detectors:
                _judge(place, detector, ended, bench, result)


def _begin_anew(place: GroupPlace, detectors: Sequence[GroupDetector], states: States) -> None:
    """The site file says something else of the group than when this was learned: its baselines begin anew."""
    for detector in detectors:
        states.put(place.place.structure.id, _owner(detector, place), detector.initial(place))


def _owner(detector: GroupDetector, place: GroupPlace) -> str:
    return f"{detector.name} {place.group.id}"


def _judge(place: GroupPlace, detector: GroupDetector, ended: Ended, bench: Bench, result: StepResult) -> None:
    """The rows that ended, cut where an operator's act on any channel of the group ends its baseline."""
    subject, owner, began = place.place.structure.id, _owner(detector, place), f"{OWNER} {place.group.id}"
    states, whole = bench.states, Output()
    renewed = states.get(subject, began, Renewed, Renewed)
    current = renewed.event.get(detector.name)
    try:
        for rows, event in bench.baselines.group_parts(place.group.channels, ended.batch.t_ns, current):
            if event is not None and event != renewed.event.get(detector.name):
                renewed.event[detector.name] = event
                states.put(subject, began, renewed)
                states.put(subject, owner, detector.initial(place))
            state = states.get(subject, owner, detector.state_type, partial(detector.initial, place))
            state, output = detector.step(place, state, ended.batch.take(rows))
            states.put(subject, owner, state)
            explain(output, event)
            whole.add(output)
    except Exception as error:  # noqa: BLE001 - one group's fault must not end the stream
        states.forget(subject, owner)
        states.forget(subject, began)  # both as committed
        text, newest_ns = f"{type(error).__name__}: {error}", int(ended.batch.t_ns[-1])
        result.faults.append(Fault(place.place.channel.id, detector.name, text, newest_ns))
    collect(place.place, ended, whole, bench, result)


def collect(place: Place, ended: Ended, output: Output, bench: Bench, result: StepResult) -> None:
    """Add what was said of rows that ended to `result`; each finding was caused by one of them."""
    result.rows.extend(output.rows)
    result.lives.extend(output.lives)
    row_of = {t_ns: row for row, t_ns in enumerate(ended.batch.t_ns.tolist())}
    causes = output.caused_ns or [finding.t_ns for finding in output.findings]
    for finding, of_row in zip(output.findings, causes, strict=True):
        row = row_of[of_row]
        frame, caused_ns = ended.frames[row], ended.caused_ns[row]
        heard_ns = bench.heard_ns[frame]
        if bench.mode == "data":  # a long frame was heard as it went along, each row at its own time
            heard_ns = min(heard_ns, max(caused_ns, ended.before_ns[row]))
        result.judged.append(Judged(finite(finding), place.structure.id, frame, heard_ns, caused_ns))

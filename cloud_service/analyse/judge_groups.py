"""The groups of one structure: what their channels showed in a segment, gathered into rows and judged together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from cloud_service.analyse.baselines import OWNER, Renewed, explain
from cloud_service.analyse.detector import Batch, Output
from cloud_service.analyse.gather import Ended, Gathering, Reading, gather, nothing_gathered, reading, rows_hold
from cloud_service.analyse.group_detector import GroupDetector, GroupPlace
from cloud_service.analyse.judge import Bench
from cloud_service.analyse.outcome import Fault, Judged, StepResult
from cloud_service.analyse.segment import Run
from cloud_service.analyse.states import States
from cloud_service.analyse.verdicts import finite
from telltale.site import Site

Shown = Mapping[str, Sequence[tuple[Batch, Run]]]
"""Channel → the batches of a segment as its detectors left them."""


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


def judge_groups(
    groups: Sequence[GroupPlace], detectors: Sequence[GroupDetector], shown: Shown, bench: Bench, result: StepResult
) -> None:
    """Judge the rows of each group that end with this segment, and add what was found to `result`."""
    for place in groups:
        readings = _readings(place, shown)
        if not readings:
            continue
        subject, owner = place.place.structure.id, f"group {place.group.id}"
        state = bench.states.get(subject, owner, Gathering, partial(nothing_gathered, place))
        if state.holds != rows_hold(place):
            state = _declared_anew(place, detectors, bench.states)
        ended = gather(place, state, readings, bench.heard_ns)
        bench.states.put(subject, owner, state)
        if len(ended.batch):
            for detector in detectors:
                _judge(place, detector, ended, bench, result)


def _declared_anew(place: GroupPlace, detectors: Sequence[GroupDetector], states: States) -> Gathering:
    """The site file says something else of the group than when this was learned: rows and baselines begin anew."""
    for detector in detectors:
        states.put(place.place.structure.id, _owner(detector, place), detector.initial(place))
    return nothing_gathered(place)


def _owner(detector: GroupDetector, place: GroupPlace) -> str:
    return f"{detector.name} {place.group.id}"


def _readings(place: GroupPlace, shown: Shown) -> list[Reading]:
    """What the segment brought of the group's channels; of waveforms, whole windows alone."""
    return [
        reading(place, at, batch, run.frames)
        for at, channel in enumerate(place.channels)
        for batch, run in shown.get(channel.id, ())
        if batch.windows is None or batch.windows.shape[1] == channel.window_samples
    ]


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
    _collect(place, ended, whole, bench, result)


def _collect(place: GroupPlace, ended: Ended, output: Output, bench: Bench, result: StepResult) -> None:
    result.rows.extend(output.rows)
    structure = place.place.structure.id
    row_of = {t_ns: row for row, t_ns in enumerate(ended.batch.t_ns.tolist())}
    for finding in output.findings:
        row = row_of[finding.t_ns]
        frame, caused_ns = ended.frames[row], ended.caused_ns[row]
        heard_ns = bench.heard_ns[frame]
        if bench.mode == "data":  # a long frame was heard as it went along, each row at its own time
            heard_ns = min(heard_ns, max(caused_ns, ended.before_ns[row]))
        result.judged.append(Judged(finite(finding), structure, frame, heard_ns, caused_ns))

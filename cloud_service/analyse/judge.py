"""One segment of one structure through the detectors: quality first, then what it leaves trustworthy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.baselines import OWNER, Baselines, explain
from cloud_service.analyse.detector import Batch, Detector, Output
from cloud_service.analyse.outcome import Fault, Judged, StepResult
from cloud_service.analyse.rows import reading_rows
from cloud_service.analyse.segment import Run, Segment
from cloud_service.analyse.states import States
from cloud_service.analyse.surroundings import SegmentSurroundings
from cloud_service.analyse.verdicts import finite
from cloud_service.baseline_record import BaselineEvent
from telltale.clock import ClockMode
from telltale.readings import Flag
from telltale.site import Place

NEVER = -(2**62)


@dataclass(frozen=True, slots=True)
class Bench:
    """What judging needs beside the data.

    Attributes:
        detectors: in the order in which they run; those that give `faulty` before those that heed it.
        states: of the detectors.
        heard_ns: the run's clock at each frame of the batch.
        before_ns: channel → the run's clock at the newest frame that brought it; brought up to date.
        waveform_every: see `AnalyseSettings`.
        mode: which clock the run follows.
        undated: whether each frame of the batch has times that cannot be relied on.
        baselines: where operators have ended them.
    """

    detectors: Sequence[Detector]
    states: States
    heard_ns: Sequence[int]
    before_ns: dict[str, int]
    waveform_every: int
    mode: ClockMode
    undated: NDArray[np.bool_]
    baselines: Baselines


def judge(
    order: Sequence[Place], segment: Segment, around: SegmentSurroundings, bench: Bench, result: StepResult
) -> dict[str, list[tuple[Batch, Run]]]:
    """Judge every channel of the segment, in `order`, and add what was found to `result`.

    Returns:
        channel → its batches, with what was found faulty.
    """
    shown: dict[str, list[tuple[Batch, Run]]] = {}
    for place in order:
        for run in segment.runs(place.channel.id):
            batch = _judge_run(place, run, around, bench, result)
            shown.setdefault(place.channel.id, []).append((batch, run))
    around.finish()
    return shown


def _judge_run(place: Place, run: Run, around: SegmentSurroundings, bench: Bench, result: StepResult) -> Batch:
    batch = _batch(place, run, around, bench.undated)
    result.rows.extend(reading_rows(place.channel, batch, run.piece.blocks, bench.waveform_every))
    shown = False
    for detector in bench.detectors:
        if not _takes(detector, place, batch):
            continue
        output = _step(detector, place, batch, bench, result)
        if output.faulty is not None:
            batch = replace(batch, faulty=batch.faulty | output.faulty)
        elif not shown:
            around.show(place.channel, run, batch)
            shown = True
        _collect(place, run, output, bench, result)
    if not shown:
        around.show(place.channel, run, batch)
    channel, heard_ns = place.channel.id, bench.heard_ns[int(run.frames[-1])]
    bench.before_ns[channel] = max(heard_ns, bench.before_ns.get(channel, heard_ns))
    return batch


def _batch(place: Place, run: Run, around: SegmentSurroundings, undated: NDArray[np.bool_]) -> Batch:
    piece = run.piece
    return Batch(
        t_ns=piece.t_ns,
        values=piece.values,
        flags=piece.flags,
        temperature_c=around.temperature_of(place.channel, run),
        unsettled=around.unsettled(place.channel, run),
        faulty=np.zeros(len(piece), dtype=np.bool_),
        inputs_faulty=around.inputs_faulty(place.channel.derived_from, run),
        rate_hz=piece.rate_hz,
        windows=piece.windows,
        features=piece.features,
        undated=undated[run.frames] & ((piece.flags & Flag.RESTAMPED) == 0),
    )


def _takes(detector: Detector, place: Place, batch: Batch) -> bool:
    """Features of a cut-off window differ for no other reason than its length: most detectors must not see them."""
    whole = batch.windows is None or batch.windows.shape[1] == place.channel.window_samples
    return (whole or getattr(detector, "partial_windows", False)) and detector.applies(place)


def _step(detector: Detector, place: Place, batch: Batch, bench: Bench, result: StepResult) -> Output:
    whole = Output()
    for rows, event, begins in bench.baselines.parts(detector, place.channel.id, batch, bench.states):
        if begins:
            bench.states.put(place.channel.id, detector.name, _renewed(detector, place, event, bench.states))
        output = _step_part(detector, place, batch.take(rows), bench.states, result)
        explain(output, event)
        whole.add(output)
        if output.faulty is not None:
            whole.faulty = np.zeros(len(batch), dtype=np.bool_) if whole.faulty is None else whole.faulty
            whole.faulty[rows] = output.faulty
    return whole


def _renewed(detector: Detector, place: Place, event: BaselineEvent | None, states: States) -> object:
    """The state with which a baseline begins: nothing, but for a detector that knows what the act leaves standing."""
    renew = getattr(detector, "renewed", None)
    if renew is None:
        return detector.initial(place)
    channel = place.channel.id
    return renew(place, states.get(channel, detector.name, detector.state_type, lambda: detector.initial(place)), event)


def _step_part(detector: Detector, place: Place, batch: Batch, states: States, result: StepResult) -> Output:
    channel = place.channel.id
    state = states.get(channel, detector.name, detector.state_type, lambda: detector.initial(place))
    try:
        state, output = detector.step(place, state, batch)
    except Exception as error:  # noqa: BLE001 - one detector's fault on one channel must not end the stream
        states.forget(channel, detector.name)
        states.forget(channel, OWNER)  # both as committed: a baseline that began since then begins again
        result.faults.append(Fault(channel, detector.name, f"{type(error).__name__}: {error}", int(batch.t_ns.max())))
        return Output()
    states.put(channel, detector.name, state)
    return output


def _collect(place: Place, run: Run, output: Output, bench: Bench, result: StepResult) -> None:
    result.rows.extend(output.rows)
    result.lives.extend(output.lives)
    if not output.findings:
        return
    caused_ns = output.caused_ns or [finding.t_ns for finding in output.findings]
    rows = np.minimum(np.searchsorted(run.piece.t_ns, caused_ns), len(run.piece) - 1)
    frames = run.frames[rows]
    first = np.searchsorted(run.frames, frames).tolist()
    structure = place.structure.id
    for finding, cause_ns, frame, row in zip(output.findings, caused_ns, frames.tolist(), first, strict=True):
        heard_ns = _heard_ns(place, run, row, cause_ns, bench)
        result.judged.append(Judged(finite(finding), structure, frame, heard_ns, cause_ns))


def _heard_ns(place: Place, run: Run, first: int, caused_ns: int, bench: Bench) -> int:
    """The run's clock when a row came in; those of its frame begin at `first`.

    Where "now" is the data's own time, a frame is as long as the pace of the replay makes it, hours or days, and was
    heard as it went along: each row at its own time, none before the frame before that brought this channel.
    """
    heard_ns = bench.heard_ns[int(run.frames[first])]
    if bench.mode != "data":
        return heard_ns
    before_ns = bench.before_ns.get(place.channel.id, NEVER)
    if first:
        before_ns = max(before_ns, bench.heard_ns[int(run.frames[first - 1])])
    return min(heard_ns, max(caused_ns, before_ns))

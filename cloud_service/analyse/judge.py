"""One segment of one structure through the detectors: quality first, then what it leaves trustworthy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.baselines import OWNER, Baselines, explain
from cloud_service.analyse.detector import Batch, Detector, ManyDetector, Output
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


@dataclass(slots=True)
class _Turn:
    """A run on its way through the detectors.

    Attributes:
        place, run, batch: of which channel, what came, and what was found faulty in it.
        shown: whether others know what was found faulty.
    """

    place: Place
    run: Run
    batch: Batch
    shown: bool = False

    def show(self, around: SegmentSurroundings) -> None:
        """Let others know, once."""
        if not self.shown:
            around.show(self.place.channel, self.run, self.batch)
            self.shown = True


def judge(
    order: Sequence[Sequence[Place]], segment: Segment, around: SegmentSurroundings, bench: Bench, result: StepResult
) -> dict[str, list[tuple[Batch, Run]]]:
    """Judge every channel of the segment and add what was found to `result`: level by level of `order`, the channels
    of a level together.

    Returns:
        channel → its batches, with what was found faulty.
    """
    shown: dict[str, list[tuple[Batch, Run]]] = {}
    for level in order:
        runs = [[(place, run) for run in segment.runs(place.channel.id)] for place in level]
        for together in zip_longest(*runs):  # a channel's next run follows on its last one
            turns = [_turn(place, run, around, bench) for place, run in filter(None, together)]
            _judge_runs(turns, around, bench, result)
            for turn in turns:
                shown.setdefault(turn.place.channel.id, []).append((turn.batch, turn.run))
    around.finish()
    return shown


def _judge_runs(turns: Sequence[_Turn], around: SegmentSurroundings, bench: Bench, result: StepResult) -> None:
    for turn in turns:
        blocks = turn.run.piece.blocks
        result.rows.extend(reading_rows(turn.place.channel, turn.batch, blocks, bench.waveform_every))
    for detector in bench.detectors:
        taken = [turn for turn in turns if _takes(detector, turn.place, turn.batch)]
        for turn, output in zip(taken, _step_all(detector, taken, bench, result), strict=True):
            if output.faulty is not None:
                turn.batch = replace(turn.batch, faulty=turn.batch.faulty | output.faulty)
            else:
                turn.show(around)
            _collect(turn.place, turn.run, output, bench, result)
    for turn in turns:
        turn.show(around)
        channel, heard_ns = turn.place.channel.id, bench.heard_ns[int(turn.run.frames[-1])]
        bench.before_ns[channel] = max(heard_ns, bench.before_ns.get(channel, heard_ns))


def _turn(place: Place, run: Run, around: SegmentSurroundings, bench: Bench) -> _Turn:
    piece = run.piece
    batch = Batch(
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
        undated=bench.undated[run.frames] & ((piece.flags & Flag.RESTAMPED) == 0),
    )
    return _Turn(place, run, batch)


def _takes(detector: Detector, place: Place, batch: Batch) -> bool:
    """Features of a cut-off window differ for no other reason than its length: most detectors must not see them."""
    whole = batch.windows is None or batch.windows.shape[1] == place.channel.window_samples
    return (whole or getattr(detector, "partial_windows", False)) and detector.applies(place)


def _step_all(detector: Detector, turns: Sequence[_Turn], bench: Bench, result: StepResult) -> list[Output]:
    """The output of each turn. Where an act of an operator cuts a channel's rows, it is stepped alone."""
    if getattr(detector, "step_many", None) is None:
        return [_step(detector, turn, bench, result) for turn in turns]
    alone = [bench.baselines.concern(detector, turn.place.channel.id) for turn in turns]
    together = [turn for turn, is_alone in zip(turns, alone, strict=True) if not is_alone]
    outputs = iter(_step_together(cast("ManyDetector", detector), together, bench.states, result))
    return [
        _step(detector, turn, bench, result) if is_alone else next(outputs)
        for turn, is_alone in zip(turns, alone, strict=True)
    ]


def _step_together(detector: ManyDetector, turns: Sequence[_Turn], states: States, result: StepResult) -> list[Output]:
    places, batches = [turn.place for turn in turns], [turn.batch for turn in turns]
    before = [_state(detector, place, states) for place in places]
    try:
        stepped = detector.step_many(places, before, batches)
    except Exception as error:  # noqa: BLE001 - of whichever channel, it must not end the stream
        stepped = [error] * len(turns)
    return [
        _kept(detector, place, after, int(batch.t_ns.max()), states=states, result=result)
        for place, batch, after in zip(places, batches, stepped, strict=True)
    ]


def _step(detector: Detector, turn: _Turn, bench: Bench, result: StepResult) -> Output:
    place, batch, whole = turn.place, turn.batch, Output()
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
    return renew(place, _state(detector, place, states), event)


def _step_part(detector: Detector, place: Place, batch: Batch, states: States, result: StepResult) -> Output:
    state = _state(detector, place, states)
    stepped: tuple[Any, Output] | Exception
    try:
        stepped = detector.step(place, state, batch)
    except Exception as error:  # noqa: BLE001 - one detector's fault on one channel must not end the stream
        stepped = error
    return _kept(detector, place, stepped, int(batch.t_ns.max()), states=states, result=result)


def _state(detector: Detector, place: Place, states: States) -> Any:
    return states.get(place.channel.id, detector.name, detector.state_type, lambda: detector.initial(place))


def _kept(
    detector: Detector,
    place: Place,
    stepped: tuple[Any, Output] | Exception,
    newest_ns: int,
    *,
    states: States,
    result: StepResult,
) -> Output:
    """Keep the state that a step up to the reading at `newest_ns` came to; of one that failed, the fault."""
    channel = place.channel.id
    if isinstance(stepped, Exception):
        states.forget(channel, detector.name)
        states.forget(channel, OWNER)  # both as committed: a baseline that began since then begins again
        text = f"{type(stepped).__name__}: {stepped}"
        result.faults.append(Fault(channel, detector.name, text, newest_ns))
        return Output()
    state, output = stepped
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

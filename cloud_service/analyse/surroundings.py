"""What a channel's rows are conditioned on: the structure's temperature, and which inputs are faulty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse import temperature
from cloud_service.analyse.detector import LAGS_H, Batch
from cloud_service.analyse.segment import Run, Segment
from cloud_service.analyse.states import States
from telltale.site import Channel


class Surroundings(msgspec.Struct):
    """State of one structure; the past of each temperature channel is a state of its own.

    Attributes:
        turns: channel → the newest times from which its sensor was distrusted (1) or trusted (0), ascending.
        newest_ns: channel → newest row judged.
    """

    turns: dict[str, list[tuple[int, int]]] = {}
    newest_ns: dict[str, int] = {}


MAX_TURNS = 32  # what is derived lags behind its inputs by a frame or two


@dataclass(slots=True)
class SegmentSurroundings:
    """The surroundings while one segment is judged: what its channels have shown so far, row by row."""

    state: Surroundings
    states: States
    late: bool
    taken: dict[str, tuple[int, NDArray[np.int64]]] = field(default_factory=dict)
    verdicts: dict[str, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]] = field(default_factory=dict)

    def show(self, channel: Channel, run: Run, batch: Batch) -> None:
        """Take in a channel whose sensor was just judged; a temperature of no reliable time counts as missing."""
        self._remember(channel.id, run, batch.faulty)
        if channel.kind == "temperature":
            history = self._history(channel.id)
            before = history.t_ns.size
            undated = np.zeros(len(batch), dtype=np.bool_) if batch.undated is None else batch.undated
            celsius = np.where(undated, np.nan, batch.values)
            rows = temperature.extend(history, batch.t_ns, celsius, ~batch.faulty | undated)
            self.taken[channel.id] = (before, run.frames[rows])

    def temperature_of(self, channel: Channel, run: Run) -> NDArray[np.float64]:
        """(k, len(LAGS_H)) for the rows of `run`; a temperature channel is conditioned on none."""
        if channel.temperature is None:
            return np.full((len(run.piece), len(LAGS_H)), np.nan)
        newest = self._newest(channel.temperature, run)
        return temperature.look_up(self._history(channel.temperature), run.piece.t_ns, newest)

    def unsettled(self, channel: Channel, run: Run) -> NDArray[np.bool_]:
        """(k,) where the lags of `temperature_of` are a guess."""
        if channel.temperature is None:
            return np.zeros(len(run.piece), dtype=np.bool_)
        newest = self._newest(channel.temperature, run)
        return temperature.unsettled(self._history(channel.temperature), run.piece.t_ns, newest)

    def _newest(self, thermometer: str, run: Run) -> NDArray[np.int64] | None:
        """(k,) how many of its readings had been journalled by each row of `run`; None: all."""
        if thermometer not in self.taken or self.late:
            return None
        before, frames = self.taken[thermometer]
        return before + np.searchsorted(frames, run.frames, side="right")

    def inputs_faulty(self, inputs: Sequence[str], run: Run) -> NDArray[np.bool_]:
        """(k,) where any of `inputs` was distrusted at that time."""
        found = np.zeros(len(run.piece), dtype=np.bool_)
        for channel in inputs:
            found |= self._faulty_at(channel, run)
        return found

    def finish(self) -> None:
        """Keep what later segments need."""
        for channel, (t_ns, _, faulty) in self.verdicts.items():
            self._keep_turns(channel, t_ns, faulty)
        for channel, (_, frames) in self.taken.items():
            if frames.size:
                history = self._history(channel)
                temperature.trim(history)
                self.states.put(channel, "temperature", history)

    def _history(self, channel: str) -> temperature.History:
        return self.states.get(channel, "temperature", temperature.History, temperature.new_history)

    def _remember(self, channel: str, run: Run, faulty: NDArray[np.bool_]) -> None:
        seen = (run.piece.t_ns, run.frames, faulty)
        if channel in self.verdicts:  # windows of several lengths
            joined = [np.concatenate(pair) for pair in zip(self.verdicts[channel], seen, strict=True)]
            order = np.argsort(joined[0], kind="stable")
            seen = (joined[0][order], joined[1][order], joined[2][order])
        self.verdicts[channel] = seen

    def _keep_turns(self, channel: str, t_ns: NDArray[np.int64], faulty: NDArray[np.bool_]) -> None:
        """Late rows change no turn: they are known to what came with them."""
        rows = t_ns > self.state.newest_ns.get(channel, -(2**63))
        if not rows.any():
            return
        self.state.newest_ns[channel] = int(t_ns[-1])
        turns = self.state.turns.setdefault(channel, [])
        last = bool(turns and turns[-1][1])
        times, verdicts = t_ns[rows], faulty[rows]
        for row in np.flatnonzero(np.diff(verdicts, prepend=last)).tolist():
            turns.append((int(times[row]), int(verdicts[row])))
        del turns[:-MAX_TURNS]

    def _faulty_at(self, channel: str, run: Run) -> NDArray[np.bool_]:
        found = np.zeros(len(run.piece), dtype=np.bool_)
        for from_ns, faulty in self.state.turns.get(channel, ()):
            found[run.piece.t_ns >= from_ns] = bool(faulty)
        if channel in self.verdicts:
            t_ns, frames, faulty_rows = self.verdicts[channel]
            at = np.searchsorted(t_ns, run.piece.t_ns, side="right")
            at = np.minimum(at, np.searchsorted(frames, run.frames, side="right"))
            known = at > 0
            found[known] = faulty_rows[at[known] - 1]
        return found


def enter(state: Surroundings, states: States, segment: Segment) -> SegmentSurroundings:
    """The surroundings at the start of a segment."""
    return SegmentSurroundings(state, states, segment.late)

"""The clock of a sensor's converter against that of its gateway: windows that follow each other without a gap start as
far apart as their samples last. Where they do not, samples come at another rate than they say, and every frequency read
from them is wrong by as much: rows are faulty to what is learned.

Each hour is judged by its windows whose successor came on time, when it is over. A window is stamped when it is read;
what single stamps are off by cancels over the hour. Windows with pauses between them cannot be judged.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import Batch, Output
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from telltale.findings import Finding, Reason, Tier
from telltale.site import Place

# Crystals keep within 0.01 %; a fifth of the loss of frequency that novelty is to find is too much.
OFF, RIGHT = 1e-3, 5e-4
IN_A_ROW = 2  # hours
FOLLOWS = 0.2  # a window's successor is on time, within this share of the window
ENOUGH_NS = NS_PER_HOUR // 2  # of an hour
HOLD_HOURS = 24


class State(msgspec.Struct):
    """Attributes:
    start_ns, length_ns: the newest window: its first sample, and how long its samples last by their rate.
    hour: the hour (since 1970) that windows arrive for.
    passed_ns, said_ns, windows: of that hour's windows with a successor on time: time that passed, that they say, how
        many.
    off, judged_hour, judged_windows: of the newest hour that could be judged; rate over the stated one, minus 1.
    doubtful: hours in a row that spoke against the standing verdict.
    suspect: the standing verdict.
    told_day: the UTC day whose first row has said what stands.
    """

    start_ns: int = -(2**62)
    length_ns: int = 0
    hour: int = -(2**31)
    passed_ns: int = 0
    said_ns: int = 0
    windows: int = 0
    off: float = 0.0
    judged_hour: int = -(2**31)
    judged_windows: int = 0
    doubtful: int = 0
    suspect: bool = False
    told_day: int = -(2**31)


class SampleRateDetector:
    """Owns `Reason.SENSOR_CLOCK`."""

    name = "sample_rate"
    state_type = State
    partial_windows = True  # a source whose chunks do not meet gives shorter windows alone

    def applies(self, place: Place) -> bool:
        """Waveforms."""
        return place.channel.is_waveform

    def initial(self, place: Place) -> State:  # noqa: ARG002 - the port's signature
        """No window yet."""
        return State()

    def step(self, place: Place, state: State, batch: Batch) -> tuple[State, Output]:
        """Add up the windows of each hour; judge it with the first one after it. Late rows change nothing."""
        faulty = np.zeros(len(batch), dtype=np.bool_)
        output = Output(faulty=faulty)
        rows = np.flatnonzero(batch.t_ns > state.start_ns)
        rows = rows[np.diff(batch.t_ns[rows], prepend=state.start_ns) > 0]
        if batch.windows is None or not rows.size:
            return state, output
        passed, said = _successions(state, batch, rows)
        hours = batch.t_ns[rows] // NS_PER_HOUR
        for hour in np.unique(hours).tolist():
            of_hour = hours == hour
            first_ns = int(batch.t_ns[rows[of_hour][0]])
            if hour != state.hour and self._close_hour(state, hour):
                state.told_day = -(2**31)  # a change is said at once
            if first_ns // NS_PER_DAY != state.told_day:
                state.told_day = first_ns // NS_PER_DAY
                output.findings.append(_finding(place, state, first_ns))
            state.passed_ns += int(passed[of_hour].sum())
            state.said_ns += int(said[of_hour].sum())
            state.windows += int((said[of_hour] > 0).sum())
            faulty[rows[of_hour]] = state.suspect
        return state, output

    def _close_hour(self, state: State, hour: int) -> bool:
        """Judge the hour that is over and begin `hour`; whether the verdict is another now."""
        before = state.suspect
        if state.said_ns >= ENOUGH_NS:
            state.off = state.said_ns / state.passed_ns - 1
            state.judged_hour, state.judged_windows = state.hour, state.windows
            against = abs(state.off) < RIGHT if state.suspect else abs(state.off) > OFF
            state.doubtful = state.doubtful + 1 if against else 0
            if state.doubtful >= IN_A_ROW:
                state.suspect, state.doubtful = not state.suspect, 0
        elif hour - state.judged_hour > HOLD_HOURS:
            state.suspect, state.doubtful, state.judged_windows, state.off = False, 0, 0, 0.0
        state.hour, state.passed_ns, state.said_ns, state.windows = hour, 0, 0, 0
        return state.suspect is not before


def _successions(state: State, batch: Batch, rows: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Time that passed from the start of the window before each row, and that it says; (m,) ns, 0 where it was no
    predecessor.
    """
    assert batch.windows is not None
    length_ns = round(batch.windows.shape[1] / batch.rate_hz * NS_PER_S)  # whole: sums do not depend on batches
    before = np.concatenate(([state.start_ns], batch.t_ns[rows[:-1]]))
    passed = batch.t_ns[rows] - before
    said = np.full(rows.size, length_ns, dtype=np.int64)
    said[0] = state.length_ns
    state.start_ns, state.length_ns = int(batch.t_ns[rows[-1]]), length_ns
    follows = np.abs(passed - said) <= FOLLOWS * said
    if batch.undated is not None:
        follows &= ~batch.undated[rows]
    return np.where(follows, passed, 0), np.where(follows, said, 0)


def _finding(place: Place, state: State, t_ns: int) -> Finding:
    return Finding(
        channel=place.channel.id,
        t_ns=t_ns,
        reason=Reason.SENSOR_CLOCK,
        tier=Tier.SUSPECT if state.suspect else Tier.CLEAR,
        score=max(1.0, abs(state.off) / OFF) if state.suspect else 0.0,
        value=100.0 * state.off,
        limit=100.0 * OFF,
        unit="%",
        limit_source="self-set: a fifth of the loss of frequency that novelty is to find",
        evidence={"judged_over": float(state.judged_windows)},
    )

"""Gateways whose clocks cannot be trusted: a fault of the gateway, told once, and which frames it leaves undated.

Where the error of a clock is known (see `gateway_clock`), it decides, whatever the gateway says of its clock; where it
is not, the gateway's own word does; a restart of an agent whose clock was known to be wrong does not set it. Readings
that are not dated enter no baseline, no trend and no group. Two clocks that part do not tell which of them is wrong:
the finding says by how much they part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from cloud_service.analyse.decode import ClockWords, Decoded
from cloud_service.analyse.gateway_clock import GatewayClock, drift_ppm, follow, is_new
from cloud_service.analyse.outcome import Judged
from cloud_service.analyse.states import States
from cloud_service.analyse.verdicts import finite
from telltale.clock import NS_PER_HOUR, NS_PER_S
from telltale.findings import Finding, Reason, Tier

WRONG_NS = 600 * NS_PER_S  # the shortest block that is judged; temperature is conditioned on by hours
RIGHT_NS = 480 * NS_PER_S  # a clock that crosses the bound slowly must not flicker
OWNER = "clock"
SOURCE = "self-set: shortest block of readings that is judged"


class Watched(msgspec.Struct):
    """State of one gateway: its clock, whether the newest verdict was that it is wrong, by an error that was known, and
    when that was said.
    """

    clock: GatewayClock
    wrong: bool = False
    known: bool = False
    told_ns: int = -(2**62)


class Clocks:
    """Watches the clocks of all gateways; their states are among those of the run."""

    def __init__(self, states: States) -> None:
        self._states = states

    def take(self, frames: Sequence[Decoded]) -> tuple[list[Decoded], list[Judged]]:
        """Frames in the order in which they are judged, with what is known of their dates; and what changed."""
        dated, judged = [], []
        for index, frame in enumerate(frames):
            if frame.clock is None or not frame.blocks:  # a report of drops may be of an earlier run
                dated.append(frame)
                continue
            is_dated, finding = self._look(frame, frame.clock)
            dated.append(frame if is_dated is frame.is_dated else replace(frame, is_dated=is_dated))
            if finding is not None:
                judged.append(Judged(finite(finding), "", index, frame.heard_ns))
        return dated, judged

    def _look(self, frame: Decoded, words: ClockWords) -> tuple[bool, Finding | None]:
        state = self._states.get(frame.gateway, OWNER, Watched, _unwatched)
        follow(state.clock, frame.run_id, words)
        self._states.put(frame.gateway, OWNER, state)
        error_ns, bound_ns = state.clock.error_ns, RIGHT_NS if state.wrong else WRONG_NS
        if error_ns is None:
            is_wrong = not frame.is_dated or (state.wrong and state.known and is_new(state.clock))
        else:
            is_wrong, state.known = abs(error_ns) > bound_ns, True
        if is_wrong is state.wrong:
            return not is_wrong, None
        state.wrong, state.known = is_wrong, error_ns is not None
        state.told_ns = max(frame.heard_ns, state.told_ns + 1)  # backlogs and a service's own clock go back
        finding = _finding(frame.gateway, state)
        state.clock.step_ns = 0
        return not is_wrong, finding


def _unwatched() -> Watched:
    return Watched(GatewayClock())


def _finding(gateway: str, state: Watched) -> Finding:
    clock = state.clock
    error_s = math.nan if clock.error_ns is None else clock.error_ns / NS_PER_S
    limit_s = WRONG_NS / NS_PER_S
    evidence: dict[str, float | str] = {}
    if clock.step_ns:
        evidence["clock_step_s"] = clock.step_ns / NS_PER_S
    drift = drift_ppm(clock)
    if state.wrong and math.isfinite(drift):
        evidence["clock_drift_ppm"] = drift
    if clock.unsynchronised_ns is not None:
        evidence["unsynchronised_h"] = (state.told_ns - clock.unsynchronised_ns) / NS_PER_HOUR
    return Finding(
        channel=gateway,
        t_ns=state.told_ns,
        reason=Reason.GATEWAY_CLOCK,
        tier=Tier.SUSPECT if state.wrong else Tier.CLEAR,
        score=(abs(error_s) / limit_s if math.isfinite(error_s) else 1.0) if state.wrong else 0.0,
        value=error_s,
        limit=limit_s,
        unit="s",
        limit_source=SOURCE,
        evidence=evidence,
    )

"""How far a gateway's clock is off, from what its frames say and when they came.

Two clocks measure the same time: `received - monotonic` of a gateway's frames stays the same while they come as they
are made. A backlog does not: it comes faster than it was made. So where it has stayed the same for ten minutes,
frames come at once, and `acquired - received` is the error of the gateway's clock against the service's; a lag of hours
that never changes is a clock, not a link. A frame that came before it was acquired proves an error of that much at
once. Within a run of the agent the error is then known of every frame, however late it comes: the agent's clock parts
from its monotonic time by its steps alone (NTP slews both alike).
"""

from __future__ import annotations

import msgspec

from cloud_service.analyse.decode import UNSET_BEFORE_NS, ClockWords
from telltale.clock import NS_PER_HOUR, NS_PER_S
from telltale.readings import ClockQuality

AT_ONCE_NS = 30 * NS_PER_S  # how much the way from gateway to journal may vary
LASTING_NS = 600 * NS_PER_S
STEP_NS = NS_PER_S  # smaller steps are NTP's own
DRIFT_AFTER_NS = NS_PER_HOUR


class GatewayClock(msgspec.Struct):
    """What is known of one gateway's clock. Times in ns.

    Attributes:
        run_id, began_ns: the agent's run that this is about, and monotonic at its first frame.
        monotonic_ns, offset_ns: of the newest frame: the agent's monotonic time, and UTC minus that.
        came_ns, since_ns: received minus monotonic, and monotonic, at the frame from which on frames come at once.
        error_ns: gateway minus service; None: not known in this run.
        first_error_ns, first_monotonic_ns: the first that was known since the last step.
        step_ns: the newest step of the gateway's clock in this run that no verdict has told yet; 0: none.
        unsynchronised_ns: received time of the first frame since the clock was last said to be synchronised.
    """

    run_id: bytes = b""
    began_ns: int = 0
    monotonic_ns: int = 0
    offset_ns: int = 0
    came_ns: int = 0
    since_ns: int = 0
    error_ns: int | None = None
    first_error_ns: int | None = None
    first_monotonic_ns: int = 0
    step_ns: int = 0
    unsynchronised_ns: int | None = None


def follow(state: GatewayClock, run_id: bytes, words: ClockWords) -> None:
    """Take in the next frame of the gateway, in the order of acquisition; `state` is changed in place."""
    if words.quality is ClockQuality.SYNCHRONISED:
        state.unsynchronised_ns = None
    elif state.unsynchronised_ns is None:
        state.unsynchronised_ns = words.received_ns
    if words.received_ns < UNSET_BEFORE_NS:
        return  # the service has not been told the time: nothing can be held against it
    if words.monotonic_ns:
        _follow_monotonic(state, run_id, words)
    ahead_ns = words.acquired_ns - words.received_ns
    if not words.monotonic_ns:
        state.error_ns = ahead_ns if ahead_ns > AT_ONCE_NS else None
    elif ahead_ns > max(AT_ONCE_NS, state.error_ns or 0):
        _know(state, words, ahead_ns)


def _follow_monotonic(state: GatewayClock, run_id: bytes, words: ClockWords) -> None:
    offset_ns = words.acquired_ns - words.monotonic_ns
    came_ns = words.received_ns - words.monotonic_ns
    if run_id != state.run_id or words.monotonic_ns < state.monotonic_ns:
        state.run_id, state.offset_ns, state.step_ns = run_id, offset_ns, 0
        state.error_ns = state.first_error_ns = None
        state.came_ns, state.since_ns, state.began_ns = came_ns, words.monotonic_ns, words.monotonic_ns
    step_ns, state.offset_ns, state.monotonic_ns = offset_ns - state.offset_ns, offset_ns, words.monotonic_ns
    if abs(step_ns) > STEP_NS:
        state.step_ns, state.first_error_ns = step_ns, None
    if state.error_ns is not None:
        state.error_ns += step_ns
    if abs(came_ns - state.came_ns) > AT_ONCE_NS:
        state.came_ns, state.since_ns = came_ns, words.monotonic_ns
    elif words.monotonic_ns - state.since_ns >= LASTING_NS:
        _know(state, words, words.acquired_ns - words.received_ns)


def _know(state: GatewayClock, words: ClockWords, error_ns: int) -> None:
    state.error_ns = error_ns
    if state.first_error_ns is None:
        state.first_error_ns, state.first_monotonic_ns = error_ns, words.monotonic_ns


def is_new(state: GatewayClock) -> bool:
    """Whether the run is too young for its clock's error to be known, where frames come at once."""
    return state.error_ns is None and state.monotonic_ns - state.began_ns < LASTING_NS


def drift_ppm(state: GatewayClock) -> float:
    """How much the gateway's clock gains on the service's; NaN before it was watched for an hour without a step."""
    span_ns = state.monotonic_ns - state.first_monotonic_ns
    if state.error_ns is None or state.first_error_ns is None or span_ns < DRIFT_AFTER_NS:
        return float("nan")
    return (state.error_ns - state.first_error_ns) / span_ns * 1e6

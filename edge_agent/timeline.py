"""The time that readings and frames carry, through every step of the system's clock.

A source must not see the clock step between two chunks: it would find a gap, or readings before those it has had. So
live sources are given a clock that runs on steadily from the agent's start, and what they stamp is brought to the
system's time on its way into the windows. Where the system's clock steps, all that is open is closed first, so that no
window and no frame holds both times. A frame's `acquired_ns - monotonic_ns` thus says which time its readings are in,
and those of an unsynchronised clock can be corrected later (`edge_agent.publish.restamp`).
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.clock_quality import UNKNOWN, ClockProbe, ClockStatement
from telltale.clock import Clock
from telltale.readings import ClockQuality

STEP_NS = 10_000_000  # NTP slews both clocks alike: what parts them is a step, of 128 ms or more
LOOKS = 3
SURE_NS = 1_000_000


class SteadyClock:
    """A clock that runs with the machine's monotonic time, from a start that only `Timeline` moves."""

    def __init__(self, clock: Clock, offset_ns: int) -> None:
        self._clock = clock
        self.offset_ns = offset_ns

    def now_ns(self) -> int:
        """UTC as this clock has it, ns since 1970-01-01."""
        return self._clock.monotonic_ns() + self.offset_ns

    def monotonic_ns(self) -> int:
        """Monotonic time, ns."""
        return self._clock.monotonic_ns()

    def observe(self, acquired_ns: int) -> None:
        """Nothing: this clock does not follow the data."""


@dataclass(frozen=True, slots=True)
class ClockNews:
    """Where the system's clock has moved away from what the frames say: by `step_ns`, and in quality."""

    step_ns: int
    statement: ClockStatement


class Timeline:
    """The agent's clocks.

    Args:
        clock: the run's clock.
        probe: states the system clock's quality.
        steady: False for a clock that follows the data: it is used as it is.

    Attributes:
        sources: for sources; never steps.
        frames: for frames; steps with `adopt`.
        statement: of the quality of `frames`.
    """

    def __init__(self, clock: Clock, probe: ClockProbe, *, steady: bool) -> None:
        self._clock = clock
        self._probe = probe
        self._steady = steady
        self._was_synchronised = False
        offset_ns = utc_offset_ns(clock)[0]
        self._frames = SteadyClock(clock, offset_ns)
        self._sources = SteadyClock(clock, offset_ns)
        self.sources: Clock = self._sources if steady else clock
        self.frames: Clock = self._frames if steady else clock
        self.statement = self._state()

    @property
    def shift_ns(self) -> int:
        """What brings a time of `sources` to that of `frames`."""
        return self._frames.offset_ns - self._sources.offset_ns

    @property
    def offset_ns(self) -> int:
        """UTC minus monotonic time, as `frames` has it."""
        return self._frames.offset_ns

    def synchronised_before(self) -> None:
        """The clock is known to have been synchronised since the machine was booted."""
        self._was_synchronised = True
        self.statement = self._state()

    def news(self) -> ClockNews | None:
        """What has changed since the last `adopt`; close what is open before adopting it."""
        # The quality is asked first: a step between the two questions is then seen with the quality of before.
        statement = self._state()
        step_ns = self._step_ns()
        if step_ns or statement.quality is not self.statement.quality:
            return ClockNews(step_ns, statement)
        self.statement = statement
        return None

    def adopt(self, news: ClockNews) -> None:
        """Frames and readings from here on are in the system's time."""
        self._frames.offset_ns += news.step_ns
        self.statement = news.statement

    def _state(self) -> ClockStatement:
        statement = self._probe()
        if statement.quality is not ClockQuality.UNKNOWN:
            self._was_synchronised = True
        elif self._was_synchronised:
            return ClockStatement(ClockQuality.FREE_RUNNING, statement.error_ns)
        return statement if self._was_synchronised else UNKNOWN

    def _step_ns(self) -> int:
        if not self._steady:
            return 0
        offset_ns, doubt_ns = utc_offset_ns(self._clock)
        step_ns = offset_ns - self._frames.offset_ns
        return step_ns if abs(step_ns) > STEP_NS and doubt_ns <= SURE_NS else 0


def utc_offset_ns(clock: Clock) -> tuple[int, int]:
    """UTC minus monotonic time, ns, and how long it took to read both: the best of a few looks."""
    best_ns, doubt_ns = 0, 1 << 63
    for _ in range(LOOKS):
        before_ns = clock.monotonic_ns()
        now_ns = clock.now_ns()
        took_ns = clock.monotonic_ns() - before_ns
        if took_ns < doubt_ns:
            best_ns, doubt_ns = now_ns - before_ns - took_ns // 2, took_ns
    return best_ns, doubt_ns

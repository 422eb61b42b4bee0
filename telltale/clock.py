"""One injected clock that all parts of a run share. Nothing else in Telltale asks the operating system for the time.

Three clocks:

- `SystemClock`: the wall clock, for real sites;
- `DataClock`: "now" is the newest acquisition time seen, for a time-lapse or the replay of an old recording, so
  that silence, gating and lateness are judged in the recording's own time;
- `ManualClock`: set by a test.
"""

from __future__ import annotations

import time
from typing import Literal, Protocol

NS_PER_S = 1_000_000_000
NS_PER_HOUR = 3_600 * NS_PER_S
NS_PER_DAY = 24 * NS_PER_HOUR
DAYS_PER_YEAR = 365.25
NS_PER_YEAR = int(DAYS_PER_YEAR * NS_PER_DAY)

ClockMode = Literal["system", "data"]


class Clock(Protocol):
    """Time in UTC nanoseconds since 1970, and a monotonic count that never steps."""

    def now_ns(self) -> int:
        """UTC now, ns since 1970-01-01."""

    def monotonic_ns(self) -> int:
        """Nanoseconds since an arbitrary start; never steps back."""

    def observe(self, acquired_ns: int) -> None:
        """Told of every acquisition time that passes; moves a `DataClock`, ignored by the others."""


class SystemClock:
    """The operating system's clock."""

    def now_ns(self) -> int:
        """UTC now, ns since 1970-01-01."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Monotonic time, ns."""
        return time.monotonic_ns()

    def observe(self, acquired_ns: int) -> None:
        """Nothing: the wall clock does not follow the data."""


class DataClock:
    """Now is the newest acquisition time observed; before the first one it is `start_ns`."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """The newest acquisition time observed, ns since 1970-01-01."""
        return self._now_ns

    def monotonic_ns(self) -> int:
        """Monotonic time of the machine, ns."""
        return time.monotonic_ns()

    def observe(self, acquired_ns: int) -> None:
        """Move forward to `acquired_ns`; never back."""
        self._now_ns = max(self._now_ns, acquired_ns)


class ManualClock:
    """Stands still until a test moves it."""

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns
        self._monotonic_ns = 0

    def now_ns(self) -> int:
        """The time that was set, ns since 1970-01-01."""
        return self._now_ns

    def monotonic_ns(self) -> int:
        """The sum of all `advance` calls, ns."""
        return self._monotonic_ns

    def observe(self, acquired_ns: int) -> None:
        """Nothing: only `advance` and `set_ns` move this clock."""

    def advance(self, duration_ns: int) -> None:
        """Let `duration_ns` pass."""
        self._now_ns += duration_ns
        self._monotonic_ns += duration_ns

    def set_ns(self, now_ns: int) -> None:
        """Step the wall clock, as a bad time server would; monotonic time stays."""
        self._now_ns = now_ns


def open_clock(mode: ClockMode) -> Clock:
    """The clock for a settings value `clock = "system"` or `"data"`."""
    return SystemClock() if mode == "system" else DataClock()

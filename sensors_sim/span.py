"""The simulated span: whole hours from a start, and the number of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from telltale.clock import NS_PER_DAY, NS_PER_HOUR
from telltale.errors import SettingsError

DEFAULT_START = "2025-11-15"
TICKS_PER_DAY = 24
MAX_DAYS = 3_650


@dataclass(frozen=True, slots=True)
class Span:
    """What is simulated: `days` days from `start_ns` (a whole hour, UTC), one tick an hour."""

    start_ns: int
    days: int

    @property
    def ticks(self) -> int:
        """Hours in the span."""
        return self.days * TICKS_PER_DAY

    @property
    def end_ns(self) -> int:
        """The first instant after the span, UTC ns."""
        return self.start_ns + self.days * NS_PER_DAY

    def tick_ns(self, tick: int) -> int:
        """Start of a tick, UTC ns."""
        return self.start_ns + tick * NS_PER_HOUR

    def day_ns(self, day: float) -> int:
        """The instant `day` days after the start, UTC ns."""
        return self.start_ns + round(day * NS_PER_DAY)

    def tick_of_day(self, day: float) -> int:
        """The tick that holds the instant `day` days after the start."""
        return int(day * TICKS_PER_DAY)

    def days_at(self, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Days since the start, same shape as `t_ns`."""
        return (t_ns - self.start_ns) / NS_PER_DAY


def parse_start(text: str, where: str) -> int:
    """UTC ns of an ISO date or time, moved up to the next whole hour. Without a zone it is UTC.

    Raises:
        SettingsError: not an ISO date, or before 1970; names `where`.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{where}: start: {text!r} is no date", "write it as 2025-11-15") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    start_ns = -(-round(moment.timestamp()) * 1_000_000_000 // NS_PER_HOUR) * NS_PER_HOUR
    if start_ns < 0 or moment.year > 2200:
        raise SettingsError(f"{where}: start: {text!r} is out of range", "expected a date from 1970 to 2200")
    return start_ns

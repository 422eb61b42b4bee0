"""When a baseline is enough: one rule, shared by the novelty and the short-baseline detectors."""

from __future__ import annotations

import msgspec

BASELINE_DAYS, BASELINE_ROWS = 21, 150
_DAY_NS = 86_400_000_000_000


class Commissioning(msgspec.Struct):
    """How much data a channel has brought so far."""

    days: int = 0
    rows: int = 0
    day: int = -(2**31)

    def observe(self, t_ns: int) -> None:
        """Count a row at `t_ns`; times ascend."""
        day = t_ns // _DAY_NS
        self.days += day > self.day
        self.day = max(day, self.day)
        self.rows += 1

    @property
    def complete(self) -> bool:
        """Whether the days before the newest one make a baseline: `BASELINE_DAYS` that brought data."""
        return self.days > BASELINE_DAYS and self.rows > BASELINE_ROWS

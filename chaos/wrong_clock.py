"""Wrong wall clocks, by libfaketime: chosen before a start, gone at the next one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Clocks:
    """The wall clock that a process gets at its next start: an offset for libfaketime, empty: the true one."""

    library: Path | None
    next_start: dict[str, str] = field(default_factory=dict)

    def environment(self, name: str) -> dict[str, str]:
        """What is added to the environment of a process that starts now; the start after it is true again."""
        offset = self.next_start.pop(name, "")
        if not offset or self.library is None:
            return {}
        return {
            "LD_PRELOAD": str(self.library),
            "FAKETIME": offset,
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

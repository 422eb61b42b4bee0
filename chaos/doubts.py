"""What an agent may never have committed, and so never promised."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

# An agent seals a frame 0.3 s after its first reading and commits it then: with room for a busy machine.
UNCOMMITTED_S = 2.0


@dataclass(slots=True)
class Doubts:
    """Spans in which what an agent was given may never have been committed: it was killed, or could not write.

    Attributes:
        begun: agent → since when (monotonic) it cannot commit (hung, disk full).
        spans: agent → (from, to), in the past.
    """

    begun: dict[str, float] = field(default_factory=dict)
    spans: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def close(self, name: str, end_s: float | None) -> float | None:
        """The agent ended at `end_s` and starts again; when the span began. None: it starts for the first time."""
        if end_s is None:
            return None
        since_s = min(self.begun.get(name, end_s), end_s) - UNCOMMITTED_S
        # What it wrote last is seen a moment after its end: up to now, for the next process has not begun.
        self.spans.setdefault(name, []).append((since_s, time.monotonic()))
        return since_s

"""What went wrong, for the log and for the health message: the newest few, each said once until it changes."""

from __future__ import annotations

import logging
from collections import deque

LOG = logging.getLogger("telltale.edge")
KEPT = 10
MAX_CHARS = 300


class Reports:
    """The newest problems of a run, newest last."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}
        self._errors: deque[str] = deque(maxlen=KEPT)

    def problem(self, topic: str, text: str) -> None:
        """Something is wrong with `topic` (a source, the broker, the disk); the same text again is not repeated."""
        line = f"{topic}: {text}"[:MAX_CHARS].replace("\n", " ")
        if self._last.get(topic) != line:
            self._last[topic] = line
            self._errors.append(line)
            LOG.warning("%s", line)

    def solved(self, topic: str, text: str) -> None:
        """`topic` works (again)."""
        if self._last.pop(topic, None) is not None:
            LOG.info("%s: %s", topic, text)

    def errors(self) -> tuple[str, ...]:
        """The newest problems, newest last."""
        return tuple(self._errors)

"""How long the outbox lasts: from what is produced and what stays, over the last minutes."""

from __future__ import annotations

from collections import deque

from telltale.clock import NS_PER_HOUR, NS_PER_S

POINTS = 60
MIN_SPAN_NS = 30 * NS_PER_S
GROWTH_SHARE = 0.1  # of what is produced: less than that which stays is the ripple of a working link


class Forecast:
    """Rates over the points observed, in bytes of frames."""

    def __init__(self) -> None:
        self._points: deque[tuple[int, int, int]] = deque(maxlen=POINTS)

    def observe(self, monotonic_ns: int, produced_bytes: int, backlog_bytes: int) -> None:
        """Bytes produced up to now, and bytes that wait now."""
        self._points.append((monotonic_ns, produced_bytes, backlog_bytes))

    def hours_left(self, room_bytes: int) -> float | None:
        """Hours until `room_bytes` more are taken, at the growth seen; None while nothing builds up."""
        span_ns, produced, growth = self._seen()
        return None if growth <= GROWTH_SHARE * produced else _hours(room_bytes, growth, span_ns)

    def outage_hours(self, room_bytes: int) -> float | None:
        """Hours for which all that is produced fits into `room_bytes`; None where nothing is produced."""
        span_ns, produced, _ = self._seen()
        return _hours(room_bytes, produced, span_ns) if produced > 0 else None

    def _seen(self) -> tuple[int, int, int]:
        """Span in ns, bytes produced in it and bytes that stayed; zeros where it is too short to tell."""
        if not self._points:
            return 0, 0, 0
        first, last = self._points[0], self._points[-1]
        span_ns = last[0] - first[0]
        if span_ns < MIN_SPAN_NS:
            return 0, 0, 0
        return span_ns, last[1] - first[1], last[2] - first[2]


def _hours(room_bytes: int, taken_bytes: int, span_ns: int) -> float:
    return room_bytes / taken_bytes * span_ns / NS_PER_HOUR

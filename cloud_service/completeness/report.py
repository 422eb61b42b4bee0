"""How complete a channel is over a span, with its gaps and why each is there."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from cloud_service.completeness.holes import Hole
from cloud_service.completeness.ledger import NEVER, TOLERANCE, Ledger, gaps_in, missing_between, missing_in
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.site import Channel

OWNER = "completeness"  # in `detector_state`
SPAN_DAYS = 30


@dataclass(frozen=True, slots=True)
class ChannelGap:
    """Between two readings (to now, where `is_open`), with how many are missing and why."""

    start_ns: int
    end_ns: int
    missing: int
    why: str
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """Attributes:
    start_ns, end_ns: the span: at most the days asked for, from the first reading to now.
    expected, missing: readings.
    gaps: newest first.
    """

    start_ns: int
    end_ns: int
    expected: int
    missing: int
    gaps: Sequence[ChannelGap]

    @property
    def complete_percent(self) -> float:
        """Readings that are there, of those expected."""
        return 100.0 * (self.expected - self.missing) / self.expected if self.expected else 100.0


def read_ledgers(state: sqlite3.Connection, channel: str = "") -> dict[str, Ledger]:
    """Every channel's ledger as analysis committed it, or that of one."""
    rows = state.execute(
        "SELECT subject, body FROM detector_state WHERE detector = ?1 AND (?2 = '' OR subject = ?2)", (OWNER, channel)
    )
    return {subject: msgspec.msgpack.decode(body, type=Ledger) for subject, body in rows}


def channel_report(
    channel: Channel, ledger: Ledger | None, holes: Sequence[Hole], now_ns: int, days: int = SPAN_DAYS
) -> ChannelReport | None:
    """The report up to now; None before the first reading. `holes`: those of the channel's gateway."""
    if ledger is None or ledger.last_ns == NEVER:
        return None
    interval_ns = round(channel.interval_s * NS_PER_S)
    end_ns = max(now_ns, ledger.last_ns)
    start_ns = max(ledger.since_ns, end_ns - days * NS_PER_DAY)
    gaps = [
        ChannelGap(gap.start_ns, gap.end_ns, gap.missing, _why(gap.start_ns, gap.end_ns, gap.no_value, holes))
        for gap in gaps_in(ledger, start_ns, end_ns)
    ]
    missing = missing_in(ledger, start_ns, end_ns)
    if end_ns - ledger.last_ns > TOLERANCE * interval_ns:
        lost = missing_between(ledger.last_ns, end_ns, interval_ns)
        gaps.append(
            ChannelGap(ledger.last_ns, end_ns, lost, _why(ledger.last_ns, end_ns, ledger.empty, holes), is_open=True)
        )
        missing += lost
    expected = max(1, round((end_ns - start_ns) / interval_ns))
    return ChannelReport(start_ns, end_ns, expected, min(expected, round(missing)), gaps[::-1])


def _why(start_ns: int, end_ns: int, no_value: int, holes: Sequence[Hole]) -> str:
    """The cause as far as the gateway's books tell it: frames of that time that are not there, else the sensor."""
    if no_value:
        return f"no value from the sensor ({no_value})"
    for hole in holes:
        if hole.start_ns is not None and hole.start_ns < end_ns and (hole.end_ns is None or hole.end_ns > start_ns):
            return f"{hole.cause}: {hole.detail}" if hole.detail else hole.cause
    return "silent"

"""Dates and times as people read them, always with their time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE_NS = 60 * NS_PER_S


def zone_of(timezone: str) -> tzinfo:
    """The zone of an IANA name; UTC where this machine does not know it (the zone is printed with every time)."""
    try:
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        return UTC


def moment(t_ns: int, zone: tzinfo) -> datetime:
    """`t_ns` (UTC ns) as a local datetime, clamped to the years that a calendar can show."""
    try:
        return (_EPOCH + timedelta(microseconds=t_ns // 1000)).astimezone(zone)
    except OverflowError:
        return datetime(9999 if t_ns > 0 else 1, 12, 31, tzinfo=UTC)


def day(t_ns: int, zone: tzinfo) -> str:
    """`12 June 2026`."""
    at = moment(t_ns, zone)
    return f"{at.day} {at:%B} {at.year}"


def weekday(t_ns: int, zone: tzinfo) -> str:
    """`Friday 12 June 2026`."""
    return f"{moment(t_ns, zone):%A} {day(t_ns, zone)}"


def month(t_ns: int, zone: tzinfo) -> str:
    """`June 2026`."""
    at = moment(t_ns, zone)
    return f"{at:%B} {at.year}"


def minute(t_ns: int, zone: tzinfo) -> str:
    """`12 June 2026, 14:05 CEST`."""
    at = moment(t_ns, zone)
    return f"{day(t_ns, zone)}, {at:%H:%M} {at.tzname()}"


def iso(t_ns: int) -> str:
    """RFC 3339 in UTC, milliseconds."""
    at = moment(t_ns, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def duration(span_ns: int) -> str:
    """A span in its largest fitting unit: `3 min`, `5 h`, `12 days`, `4 years`."""
    span_ns = abs(span_ns)
    if span_ns < _MINUTE_NS:
        return f"{span_ns // NS_PER_S} s"
    if span_ns < NS_PER_HOUR:
        return f"{span_ns // _MINUTE_NS} min"
    if span_ns < 2 * NS_PER_DAY:
        return f"{span_ns // NS_PER_HOUR} h"
    days = span_ns // NS_PER_DAY
    return f"{days} days" if days < 730 else f"{days / 365.25:.0f} years"


def ago(t_ns: int, now_ns: int) -> str:
    """`3 min ago`, on the run's clock."""
    span_ns = now_ns - t_ns
    return "just now" if span_ns < NS_PER_S else f"{duration(span_ns)} ago"

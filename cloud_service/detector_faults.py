"""Detectors that fail: what of a channel is not judged now, as serve reads it from `state.db`."""

from __future__ import annotations

import sqlite3

import msgspec


class DetectorFault(msgspec.Struct, frozen=True, kw_only=True):
    """A detector that could not judge a channel's newest readings.

    Attributes:
        channel, detector: whose and which.
        error: the newest.
        times: how often it has failed.
        t_ns: newest reading that it could not judge.
        first_ns, last_ns: the run's clock at its first and newest failure.
    """

    channel: str
    detector: str
    error: str
    times: int
    t_ns: int
    first_ns: int
    last_ns: int


_COLUMNS = ", ".join(f"f.{name}" for name in DetectorFault.__struct_fields__)


def standing_faults(state: sqlite3.Connection) -> list[DetectorFault]:
    """Faults that stand: the channel has no newer reading, which the detector would have judged."""
    rows = state.execute(
        f"SELECT {_COLUMNS} FROM detector_faults AS f LEFT JOIN channel_now AS n ON n.channel = f.channel"  # noqa: S608
        " WHERE n.t_ns IS NULL OR f.t_ns >= n.t_ns ORDER BY f.channel, f.detector"
    )
    return [DetectorFault(**dict(zip(DetectorFault.__struct_fields__, row, strict=True))) for row in rows]

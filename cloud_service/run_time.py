"""What time it is for this run, in a process that sees no frames itself (notify, serve)."""

from __future__ import annotations

import sqlite3

from telltale.clock import Clock


def run_now_ns(state: sqlite3.Connection, clock: Clock) -> int:
    """Now, UTC ns: the wall clock on a real site, the newest acquisition time in a time-lapse or a replay.

    Analysis commits the run's clock to `state.db`; a `DataClock` follows it, a `SystemClock` ignores it.
    """
    row = state.execute("SELECT value FROM meta WHERE key = 'now_ns'").fetchone()
    if row is not None:
        clock.observe(int(row[0]))
    return clock.now_ns()

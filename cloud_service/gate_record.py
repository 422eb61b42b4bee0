"""What each gateway's frames wait for, as analyse keeps it in `state.db` and serve reads it."""

from __future__ import annotations

import sqlite3

import msgspec


class GateRecord(msgspec.Struct, kw_only=True):
    """The gate of one gateway.

    Attributes:
        gateway: its id.
        waiting: frames that wait for those before them.
        missing: frames that they wait for.
        since_ns: the run's clock when the first of them began to wait.
        passed_over: frames that were given up since the database was made.
    """

    gateway: str
    waiting: int = 0
    missing: int = 0
    since_ns: int = 0
    passed_over: int = 0


def read_gates(state: sqlite3.Connection) -> dict[str, GateRecord]:
    """Gateway → its gate, of those whose frames have ever waited."""
    rows = state.execute(f"SELECT {', '.join(GateRecord.__struct_fields__)} FROM gates")  # noqa: S608 - constants
    found = (GateRecord(**dict(zip(GateRecord.__struct_fields__, row, strict=True))) for row in rows)
    return {record.gateway: record for record in found}

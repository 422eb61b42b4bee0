"""Acts of operators that end a baseline: who, when, why; rows of `state.db` that are only ever added.

A sensor that was moved or replaced, a structure that was repaired, or a structure whose changed state is accepted must
not be judged by what was learned before. Such an act counts from `effective_ns` on, never before the moment at which it
was recorded: verdicts that were given stay as they were given, and a run that is repeated from the journal meets every
row on the same side of the act.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from enum import StrEnum

import msgspec


class Act(StrEnum):
    """What was done."""

    SENSOR_MOVED = "sensor_moved"
    SENSOR_REPLACED = "sensor_replaced"
    STRUCTURE_REPAIRED = "structure_repaired"
    RECOMMISSIONED = "recommissioned"  # the state as it is now is accepted


class BaselineEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One act on one channel.

    Attributes:
        id: number of the row; 0 before it is recorded.
        channel: whose baseline ended.
        act: what was done.
        declared_ns: when, as the operator said, UTC.
        recorded_ns: the run's clock when it was recorded.
        effective_ns: the later of both: readings from then on belong to a new baseline.
        who, why: for the audit.
    """

    id: int = 0
    channel: str
    act: Act
    declared_ns: int
    recorded_ns: int
    effective_ns: int
    who: str
    why: str


def record(state: sqlite3.Connection, events: list[BaselineEvent]) -> None:
    """Add acts, in one transaction."""
    state.execute("BEGIN IMMEDIATE")
    state.executemany(
        "INSERT INTO baseline_events (channel, act, declared_ns, recorded_ns, effective_ns, who, why)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(e.channel, e.act.value, e.declared_ns, e.recorded_ns, e.effective_ns, e.who, e.why) for e in events],
    )
    state.execute("COMMIT")


def read(state: sqlite3.Connection, after: int = 0) -> Iterator[BaselineEvent]:
    """The acts with a number above `after`, in the order in which they were recorded."""
    for row in state.execute(
        "SELECT id, channel, act, declared_ns, recorded_ns, effective_ns, who, why"
        " FROM baseline_events WHERE id > ? ORDER BY id",
        (after,),
    ):
        number, channel, act, declared_ns, recorded_ns, effective_ns, who, why = row
        yield BaselineEvent(
            id=number,
            channel=channel,
            act=Act(act),
            declared_ns=declared_ns,
            recorded_ns=recorded_ns,
            effective_ns=effective_ns,
            who=who,
            why=why,
        )

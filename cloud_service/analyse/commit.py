"""One transaction for everything that a batch changed: a crash before it changes nothing, after it everything."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from cloud_service.alert.record import record_mails, record_updates
from cloud_service.alert.stages import Alerts
from cloud_service.analyse.decode import Skip
from cloud_service.analyse.gates import Moves
from cloud_service.analyse.held import first_held, write_moves
from cloud_service.analyse.outcome import Fault, Latest
from cloud_service.analyse.states import States
from cloud_service.journal.strays import REST
from cloud_service.store.schema import Rows, encode_rows
from telltale.findings import Finding, Life

ROWS_PER_SPOOL_ROW = 2_000
MAX_SKIPPED_ROWS = 1_000  # of a gateway


@dataclass(slots=True)
class Changes:
    """What is to be committed.

    Attributes:
        rows: for the store.
        alerts: incidents and mails.
        latest: channel → newest reading.
        findings: channel → its newest finding of each reason.
        lives: newest last.
        skips, faults: what was left out.
        read: last journal offset read; None: unchanged.
        moves: frames that wait for their turn, and those that waited.
        now_ns: the run's clock.
    """

    rows: list[Rows] = field(default_factory=list)
    alerts: Alerts = field(default_factory=Alerts)
    latest: Mapping[str, Latest] = field(default_factory=dict)
    findings: Mapping[str, Mapping[str, Finding]] = field(default_factory=dict)
    lives: Sequence[Life] = ()
    skips: Sequence[Skip] = ()
    faults: Sequence[Fault] = ()
    read: int | None = None
    moves: Moves = field(default_factory=Moves)
    now_ns: int = 0


def commit(connection: sqlite3.Connection, states: States, changes: Changes) -> None:
    """Write states and changes to `state.db`, all or nothing.

    Raises:
        sqlite3.Error: nothing was changed in the file; what is in memory is ahead of it and must be thrown away.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        spool_id = _spool(connection, changes.rows)
        connection.executemany("INSERT OR REPLACE INTO detector_state VALUES (?, ?, ?)", states.changed())
        _now(connection, changes)
        _skips(connection, changes.skips)
        _faults(connection, changes)
        record_updates(connection, changes.alerts.updates)
        record_mails(connection, changes.alerts.mails, spool_id)
        write_moves(connection, changes.moves)
        _meta(connection, changes)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    states.committed()


def read_meta(connection: sqlite3.Connection, key: str) -> int:
    """A value of `meta`; 0 where it was never committed."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return int(row[0]) if row else 0


def load_state(connection: sqlite3.Connection, subject: str, owner: str) -> bytes | None:
    """A committed state, or None."""
    row = connection.execute(
        "SELECT body FROM detector_state WHERE subject = ? AND detector = ?", (subject, owner)
    ).fetchone()
    return row[0] if row else None


def _spool(connection: sqlite3.Connection, rows: Sequence[Rows]) -> int:
    """Queue rows for the store; the newest id of the spool, which may be of an earlier batch."""
    for start in range(0, len(rows), ROWS_PER_SPOOL_ROW):
        body = encode_rows(rows[start : start + ROWS_PER_SPOOL_ROW])
        connection.execute("INSERT INTO spool (body) VALUES (?)", (body,))
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'spool'").fetchone()
    return int(row[0]) if row else 0


def _now(connection: sqlite3.Connection, changes: Changes) -> None:
    connection.executemany(
        "INSERT INTO channel_now VALUES (?, ?, ?, '{}') ON CONFLICT (channel) DO UPDATE"
        " SET t_ns = excluded.t_ns, value = excluded.value WHERE excluded.t_ns >= channel_now.t_ns",
        [
            (channel, latest.t_ns, latest.value if math.isfinite(latest.value) else None)
            for channel, latest in changes.latest.items()
        ],
    )
    connection.executemany(
        "INSERT INTO channel_now VALUES (?, ?, NULL, ?) ON CONFLICT (channel)"
        " DO UPDATE SET findings = excluded.findings",
        [
            (channel, max(finding.t_ns for finding in findings.values()), msgspec.json.encode(findings))
            for channel, findings in changes.findings.items()
        ],
    )
    connection.executemany(
        "INSERT INTO life_now VALUES (?, ?) ON CONFLICT (channel) DO UPDATE SET body = excluded.body"
        " WHERE json_extract(excluded.body, '$.t_ns') >= json_extract(CAST(life_now.body AS TEXT), '$.t_ns')",
        [(life.channel, msgspec.json.encode(life).decode()) for life in changes.lives],
    )


def _skips(connection: sqlite3.Connection, skips: Sequence[Skip]) -> None:
    connection.executemany(
        "INSERT INTO skipped VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (gateway, channel, reason) DO UPDATE"
        " SET detail = excluded.detail, blocks = blocks + 1, samples = samples + excluded.samples,"
        " last_ns = excluded.last_ns",
        [
            (
                skip.gateway,
                _skipped_name(connection, skip),
                skip.reason.value,
                skip.detail,
                1,
                skip.samples,
                skip.at_ns,
                skip.at_ns,
            )
            for skip in skips
        ],
    )


def _skipped_name(connection: sqlite3.Connection, skip: Skip) -> str:
    """The channel's name while its gateway has few rows: whoever sends ever new names gets one row for the rest."""
    rows, known = connection.execute(
        "SELECT COUNT(*), COALESCE(SUM(channel = ?), 0) FROM skipped WHERE gateway = ?", (skip.channel, skip.gateway)
    ).fetchone()
    return skip.channel if known or rows < MAX_SKIPPED_ROWS else REST


def _faults(connection: sqlite3.Connection, changes: Changes) -> None:
    connection.executemany(
        "INSERT INTO detector_faults VALUES (?, ?, ?, 1, ?, ?, ?) ON CONFLICT (channel, detector) DO UPDATE"
        " SET error = excluded.error, times = times + 1, t_ns = max(t_ns, excluded.t_ns), last_ns = excluded.last_ns",
        [
            (fault.channel, fault.detector, fault.error[:500], fault.t_ns, changes.now_ns, changes.now_ns)
            for fault in changes.faults
        ],
    )


def _meta(connection: sqlite3.Connection, changes: Changes) -> None:
    values = {"now_ns": changes.now_ns}
    if changes.read is not None:
        held = first_held(connection)
        values |= {"read": changes.read, "offset": changes.read if held is None else held - 1}
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

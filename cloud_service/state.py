"""`state.db`: everything that analysis must commit together.

One transaction of the analyse process holds detector state, journal offset, rows for the store (spool), incidents and
mails to send (outbox), so that a crash anywhere resumes to the same results. The store process deletes spool rows
once the store has them; notify updates the outbox; serve acknowledges incidents.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from cloud_service.database import open_database

MIGRATIONS = (
    """
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,        -- 'offset': all of the journal up to there is analysed; 'read': all up to there but
                                   -- for what `held` names; 'now_ns': the run's clock
    value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE detector_state (
    subject  TEXT NOT NULL,        -- channel, structure or gateway id
    detector TEXT NOT NULL,
    body     BLOB NOT NULL,        -- msgpack (cloud_service.analyse.state_codec)
    PRIMARY KEY (subject, detector)
) WITHOUT ROWID;
CREATE TABLE spool (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    body BLOB NOT NULL             -- a list of Rows (cloud_service.store.schema.encode_rows)
);
CREATE TABLE refused_rows (        -- rows that the store can never take
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ns     INTEGER NOT NULL,
    reason    TEXT NOT NULL,
    body      BLOB NOT NULL
);
CREATE TABLE incidents (
    id          TEXT PRIMARY KEY,
    facility    TEXT NOT NULL,
    structure   TEXT NOT NULL,     -- empty for a gateway's incident
    subject     TEXT NOT NULL,     -- channel or gateway id that it began at
    reason      TEXT NOT NULL,     -- telltale.findings.Reason
    tier        TEXT NOT NULL,     -- the highest reached
    state       TEXT NOT NULL,     -- open, acknowledged, resolved
    opened_ns   INTEGER NOT NULL,  -- event time at which the condition was confirmed
    occurred_ns INTEGER NOT NULL,  -- event time at which it began
    received_ns INTEGER NOT NULL,  -- the run's clock when it was found: later than occurred for a backlog
    updated_ns  INTEGER NOT NULL,
    resolved_ns INTEGER,
    finding     BLOB NOT NULL,     -- JSON of the telltale.findings.Finding that it is told by
    subjects    BLOB NOT NULL      -- JSON list of all channels that joined it
) WITHOUT ROWID;
CREATE INDEX incidents_by_state ON incidents (state, structure);
CREATE TABLE incident_log (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    incident TEXT NOT NULL,
    at_ns    INTEGER NOT NULL,
    who      TEXT NOT NULL,        -- 'system' or a person
    what     TEXT NOT NULL         -- opened, warn, alarm, acknowledged, resolved, reopened
);
CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    incident    TEXT NOT NULL,
    tier        TEXT NOT NULL,
    message_id  TEXT NOT NULL UNIQUE,  -- made from incidents and tier: sent twice is the same mail
    created_ns  INTEGER NOT NULL,
    spool_id    INTEGER NOT NULL,  -- rows up to this one belong to the evidence
    recipients  BLOB NOT NULL,     -- JSON [{"name", "email"}, …]
    state       TEXT NOT NULL DEFAULT 'pending',  -- pending, sent, failed
    attempts    INTEGER NOT NULL DEFAULT 0,
    sent_ns     INTEGER,
    error       TEXT NOT NULL DEFAULT ''
);
CREATE TABLE channel_now (         -- what the status page shows without asking the store
    channel  TEXT PRIMARY KEY,
    t_ns     INTEGER NOT NULL,     -- newest reading or window
    value    REAL,                 -- newest value, or rms of the newest window; NULL when missing
    findings BLOB NOT NULL         -- JSON {reason: Finding}: the newest verdict of each reason
) WITHOUT ROWID;
CREATE TABLE life_now (
    channel TEXT PRIMARY KEY,
    body    BLOB NOT NULL          -- JSON telltale.findings.Life
) WITHOUT ROWID
""",
    """
CREATE TABLE skipped (             -- what the journal held and analysis could not use; counted, one row a cause
    gateway  TEXT NOT NULL,
    channel  TEXT NOT NULL,        -- empty: a whole frame
    reason   TEXT NOT NULL,        -- telltale.errors.RejectReason or cloud_service.analyse.decode.SkipReason
    detail   TEXT NOT NULL,        -- of the newest
    blocks   INTEGER NOT NULL,     -- how often
    samples  INTEGER NOT NULL,
    first_ns INTEGER NOT NULL,     -- the run's clock
    last_ns  INTEGER NOT NULL,
    PRIMARY KEY (gateway, channel, reason)
) WITHOUT ROWID
""",
    """
-- JSON list of findings: what raised it, channel by channel
ALTER TABLE incidents ADD COLUMN findings BLOB NOT NULL DEFAULT '[]';
-- JSON list of all incidents that it tells of
ALTER TABLE outbox ADD COLUMN incidents BLOB NOT NULL DEFAULT '[]';
CREATE TABLE detector_faults (     -- detectors that raised; one row a channel and detector
    channel  TEXT NOT NULL,
    detector TEXT NOT NULL,
    error    TEXT NOT NULL,        -- the newest
    times    INTEGER NOT NULL,
    t_ns     INTEGER NOT NULL,     -- newest reading that it could not judge; while none is newer, the fault stands
    first_ns INTEGER NOT NULL,     -- the run's clock
    last_ns  INTEGER NOT NULL,
    PRIMARY KEY (channel, detector)
) WITHOUT ROWID
""",
    """
CREATE TABLE held (                -- frames of the journal that wait for those before them
    "offset" INTEGER PRIMARY KEY,
    gateway  TEXT NOT NULL,
    run_id   BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    size     INTEGER NOT NULL,     -- of the payload
    after    BLOB NOT NULL         -- JSON [[run id, last sequence], …] (base64): earlier runs that come before it
);
CREATE TABLE gates (               -- what each gateway's frames wait for, for people
    gateway     TEXT PRIMARY KEY,
    waiting     INTEGER NOT NULL,  -- frames
    missing     INTEGER NOT NULL,  -- sequences that they wait for
    since_ns    INTEGER NOT NULL,  -- the run's clock when the first of them began to wait
    passed_over INTEGER NOT NULL   -- sequences given up, ever
) WITHOUT ROWID
""",
    """
CREATE TABLE last_word (           -- rows of which an older version may still be on its way to the store
    measurement TEXT NOT NULL,
    subject     TEXT NOT NULL,
    t_ns        INTEGER NOT NULL,
    body        BLOB,              -- the newest version as in `spool`, to be said again; NULL: none was written since
    PRIMARY KEY (measurement, subject, t_ns)
)
""",
    """
CREATE TABLE baseline_events (     -- acts of operators that end a baseline; only ever added to
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    channel      TEXT NOT NULL,
    act          TEXT NOT NULL,    -- cloud_service.baseline_record.Act
    declared_ns  INTEGER NOT NULL, -- when, as the operator said
    recorded_ns  INTEGER NOT NULL, -- the run's clock
    effective_ns INTEGER NOT NULL, -- the later of both: readings from then on belong to a new baseline
    who          TEXT NOT NULL,
    why          TEXT NOT NULL
)
""",
)


def open_state(data_dir: Path, *, durable: bool = True) -> sqlite3.Connection:
    """Open `state.db` in the service's data folder (see `open_database` for errors)."""
    return open_database(data_dir / "state.db", MIGRATIONS, durable=durable)

"""`journal.db`. Frames and books are written by ingest alone; analyse adds frames that turned out bad to the dead
letters, and `telltale cloud dead-letter` adds to `retries`. Read by analyse and serve.
"""

MIGRATIONS = (
    """
CREATE TABLE frames (
    "offset"    INTEGER PRIMARY KEY AUTOINCREMENT,
    gateway     TEXT NOT NULL,
    run_id      BLOB NOT NULL,
    sequence    INTEGER NOT NULL,
    received_ns INTEGER NOT NULL,  -- the service's clock
    crc         INTEGER NOT NULL,  -- zlib.crc32 of payload: a flipped bit is found, not analysed
    payload     BLOB NOT NULL      -- the wire frame as it came
);
CREATE TABLE runs (                -- what is known of each run, kept after its frames are pruned: dedupe is for ever
    gateway     TEXT NOT NULL,
    run_id      BLOB NOT NULL,
    cumulative  INTEGER NOT NULL,  -- every sequence up to this one is stored, rejected or dropped
    above       BLOB NOT NULL,     -- JSON [[first, last], …] such ranges above it
    last_ns     INTEGER NOT NULL,
    stored      INTEGER NOT NULL,  -- the books: stored + dropped + rejected = sequences covered
    dropped     INTEGER NOT NULL,
    rejected    INTEGER NOT NULL,
    PRIMARY KEY (gateway, run_id)
) WITHOUT ROWID;
CREATE TABLE drops (               -- sequences that the edge dropped and that never came: stored wins
    gateway     TEXT NOT NULL,
    run_id      BLOB NOT NULL,
    first       INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    reason      TEXT NOT NULL,     -- the edge's word
    at_ns       INTEGER NOT NULL,
    PRIMARY KEY (gateway, run_id, first)
) WITHOUT ROWID;
CREATE TABLE dead_letter (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    gateway     TEXT NOT NULL,
    run_id      BLOB,
    sequence    INTEGER,
    received_ns INTEGER NOT NULL,
    reason      TEXT NOT NULL,     -- telltale.errors.RejectReason
    detail      TEXT NOT NULL,
    payload     BLOB NOT NULL      -- its beginning, where it was very large
);
CREATE TABLE gateways (
    gateway     TEXT PRIMARY KEY,
    online      INTEGER NOT NULL,  -- from the retained status and its last will
    status_ns   INTEGER NOT NULL,
    seen_ns     INTEGER NOT NULL,  -- last message of any verb, the service's clock
    health      BLOB NOT NULL      -- JSON, telltale.health.Health; empty before the first
) WITHOUT ROWID
""",
    """
ALTER TABLE dead_letter ADD COLUMN verb TEXT NOT NULL DEFAULT 'frame';
-- bytes that came, of which payload may hold fewer
ALTER TABLE dead_letter ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
-- how the run counts the sequence: see cloud_service.journal.dead_letter.Book
ALTER TABLE dead_letter ADD COLUMN book TEXT NOT NULL DEFAULT '';
UPDATE dead_letter SET size = length(payload), book = CASE WHEN run_id IS NULL THEN ''
    WHEN detail LIKE 'journal offset %' THEN 'damaged' ELSE 'rejected' END;
-- the last sequence that a later run of the gateway has told of
ALTER TABLE runs ADD COLUMN promised INTEGER NOT NULL DEFAULT 0;
CREATE TABLE retries (             -- dead letters that an operator wants tried again: ingest drains it
    letter   INTEGER PRIMARY KEY,
    asked_ns INTEGER NOT NULL
);
CREATE TABLE strays (              -- channels that a gateway sends and may not
    gateway  TEXT NOT NULL,
    channel  TEXT NOT NULL,        -- '*': those beyond the bound of rows a gateway
    reason   TEXT NOT NULL,        -- unknown_channel, other_gateway
    blocks   INTEGER NOT NULL,
    first_ns INTEGER NOT NULL,     -- the service's clock
    last_ns  INTEGER NOT NULL,
    PRIMARY KEY (gateway, channel)
) WITHOUT ROWID;
CREATE TABLE marks (               -- when frames at the edges of a hole, and one now and then, were acquired
    gateway     TEXT NOT NULL,
    run_id      BLOB NOT NULL,
    sequence    INTEGER NOT NULL,
    acquired_ns INTEGER NOT NULL,
    PRIMARY KEY (gateway, run_id, sequence)
) WITHOUT ROWID
""",
)

"""`outbox.db`. Written and read by the agent alone."""

# A frame's id is its run's ordinal and its sequence in one number, so that ids are in commit order and a cumulative
# store-ack is one range of the primary key.
SEQUENCE_BITS = 40
MAX_SEQUENCE = (1 << SEQUENCE_BITS) - 1
SCHEMA_VERSION = 1

SCHEMA = (
    """CREATE TABLE runs (
        ordinal       INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id        BLOB NOT NULL UNIQUE,
        last_sequence INTEGER NOT NULL
    )""",
    """CREATE TABLE frames (
        id          INTEGER PRIMARY KEY,
        rank        INTEGER NOT NULL,
        acquired_ns INTEGER NOT NULL,
        crc         INTEGER NOT NULL,  -- zlib.crc32 of payload: a flipped bit is found, not sent
        size        INTEGER NOT NULL,
        payload     BLOB NOT NULL
    )""",
    "CREATE INDEX frames_by_rank ON frames (rank)",
    """CREATE TABLE drops (              -- sequences let go and not yet reported
        ordinal     INTEGER NOT NULL,
        first       INTEGER NOT NULL,
        last        INTEGER NOT NULL,
        reason      TEXT NOT NULL,
        PRIMARY KEY (ordinal, first)
    ) WITHOUT ROWID""",
    """CREATE TABLE rejected (           -- what the service will never store, for the technician
        id          INTEGER PRIMARY KEY,
        reason      TEXT NOT NULL,
        detail      TEXT NOT NULL,
        acquired_ns INTEGER NOT NULL,
        payload     BLOB NOT NULL
    )""",
)


def frame_id(ordinal: int, sequence: int) -> int:
    """The id of a run's frame."""
    return (ordinal << SEQUENCE_BITS) | sequence


def run_of(frame: int) -> int:
    """The run's ordinal in a frame's id."""
    return frame >> SEQUENCE_BITS


def sequence_of(frame: int) -> int:
    """The sequence in a frame's id."""
    return frame & MAX_SEQUENCE

"""Opening the service's SQLite files: one way, with a schema version and migrations.

WAL so that other processes read beside the one writer; `synchronous=FULL` so that a commit survives power loss;
`busy_timeout` because `state.db` has several writers with short transactions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from telltale.durable_file import make_folder
from telltale.errors import FatalError

# A commit of thousands of states overflows the default of 2 MiB: its pages go to the log and are read back meanwhile.
CACHE_KIB = 16 * 1024


def open_database(path: Path, migrations: Sequence[str], *, durable: bool = True) -> sqlite3.Connection:
    """Open (and create or migrate) a database; autocommit, so transactions are explicit (`BEGIN IMMEDIATE` …).

    Args:
        path: the file; its folder is created, durably.
        migrations: SQL scripts; number i brings the schema from version i to i + 1 (`PRAGMA user_version`).
        durable: `synchronous=FULL`; False for benchmarks of what durability costs.

    Raises:
        FatalError: the file is no database, or was written by a newer version; names it.
    """
    make_folder(path.parent)
    connection = sqlite3.connect(path, isolation_level=None, timeout=30.0, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
        connection.execute("PRAGMA busy_timeout=30000")
        connection.execute("PRAGMA journal_size_limit=67108864")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        _migrate(connection, path, migrations)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise FatalError(f"{path}: cannot be used as a database ({error})") from error
    return connection


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    if _version(connection) == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")  # several processes may open a new file at once
    version = _version(connection)
    if version > len(migrations):
        connection.execute("ROLLBACK")
        raise FatalError(f"{path}: schema version {version} is newer than this program's {len(migrations)}")
    for script in migrations[version:]:
        for statement in script.split(";\n"):
            if statement.strip():
                connection.execute(statement)
    connection.execute(f"PRAGMA user_version={len(migrations)}")
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])

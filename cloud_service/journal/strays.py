"""Channels that a gateway sends and may not: counted, one row a gateway and channel, so that no flood fills a disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

MAX_CHANNELS = 256  # a gateway; what is beyond is counted together
REST = "*"

StrayKey = tuple[str, str, str]
"""gateway, channel, reason."""


def count(connection: sqlite3.Connection, blocks: Mapping[StrayKey, int], at_ns: int) -> None:
    """Add so many blocks, inside the caller's transaction."""
    for (gateway, channel, reason), more in blocks.items():
        connection.execute(
            "INSERT INTO strays VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (gateway, channel) DO UPDATE"
            " SET reason = excluded.reason, blocks = blocks + excluded.blocks, last_ns = excluded.last_ns",
            (gateway, _named(connection, gateway, channel), reason, more, at_ns, at_ns),
        )


def _named(connection: sqlite3.Connection, gateway: str, channel: str) -> str:
    """The channel's own row, or that of the rest where the gateway has too many."""
    known = connection.execute("SELECT 1 FROM strays WHERE gateway = ? AND channel = ?", (gateway, channel))
    if known.fetchone() is not None:
        return channel
    (rows,) = connection.execute("SELECT COUNT(*) FROM strays WHERE gateway = ?", (gateway,)).fetchone()
    return channel if rows < MAX_CHANNELS else REST

"""What gateways say of themselves: the journal's table → rows of measurement `gateway`."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np

from cloud_service.store.schema import Rows
from telltale.errors import RejectedError
from telltale.health import Health, decode_health

_COUNTS = (
    "backlog_frames",
    "backlog_bytes",
    "produced",
    "acknowledged",
    "rejected",
    "dropped",
    "rss_bytes",
    "disk_free_bytes",
)


@dataclass(frozen=True, slots=True)
class GatewayNow:
    """A gateway as the broker and its newest health message show it.

    Attributes:
        online: from the retained status and its last will.
        seen_ns: newest message of any kind, the service's clock.
        health: None before the first.
    """

    gateway: str
    online: bool
    seen_ns: int
    health: Health | None


def read_gateways(journal: sqlite3.Connection) -> dict[str, GatewayNow]:
    """Every gateway that was ever heard, by id."""
    rows = journal.execute("SELECT gateway, online, seen_ns, health FROM gateways").fetchall()
    return {
        gateway: GatewayNow(gateway, bool(online), seen_ns, _health(health))
        for gateway, online, seen_ns, health in rows
    }


def gateway_row(now: GatewayNow, t_ns: int) -> Rows | None:
    """A row of the gateway's health at `t_ns`, or None before the first health message."""
    if now.health is None:
        return None
    columns = {name: np.array([getattr(now.health, name)], dtype=np.int64) for name in _COUNTS}
    columns["online"] = np.array([int(now.online)], dtype=np.int64)
    return Rows("gateway", now.gateway, np.array([t_ns], dtype=np.int64), columns)


def _health(body: bytes) -> Health | None:
    try:
        return decode_health(body) if body else None
    except RejectedError:
        return None

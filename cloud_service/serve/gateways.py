"""Gateways as the page and the API show them: configured ones, with what the journal knows of each."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from telltale.errors import RejectedError
from telltale.health import Health, decode_health
from telltale.site import Place, Site

# `total`, not `sum`: a gateway may report any 63-bit span as dropped, and two such overflow a sum, which is an error.
_BOOKS = (
    "SELECT gateway, CAST(total(stored) AS INTEGER), CAST(total(dropped) AS INTEGER), CAST(total(rejected) AS INTEGER)"
    " FROM runs GROUP BY gateway"
)


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """Attributes:
    gateway: its id.
    places: the channels that it may send; empty for one that the site does not know.
    online: from its status and last will; None before it was ever heard.
    seen_ns: last message of any kind, the run's clock.
    health: its newest health message.
    stored, dropped, rejected: frames, over all its runs.
    dead_letters: frames that could never be stored and are kept aside.
    """

    gateway: str
    places: tuple[Place, ...]
    online: bool | None = None
    seen_ns: int | None = None
    health: Health | None = None
    stored: int = 0
    dropped: int = 0
    rejected: int = 0
    dead_letters: int = 0


def gateways_now(journal: sqlite3.Connection, site: Site) -> list[GatewayStatus]:
    """Every gateway that is configured or was heard, by id."""
    heard = {row[0]: row[1:] for row in journal.execute("SELECT gateway, online, seen_ns, health FROM gateways")}
    books = {row[0]: row[1:] for row in journal.execute(_BOOKS)}
    dead = dict(journal.execute("SELECT gateway, count(*) FROM dead_letter GROUP BY gateway").fetchall())
    expected = site.gateways()
    found = []
    for gateway in sorted(expected.keys() | heard.keys()):
        online, seen_ns, health = heard.get(gateway, (None, None, b""))
        stored, dropped, rejected = books.get(gateway, (0, 0, 0))
        found.append(
            GatewayStatus(
                gateway=gateway,
                places=expected.get(gateway, ()),
                online=None if online is None else bool(online),
                seen_ns=seen_ns,
                health=_health(health),
                stored=stored,
                dropped=dropped,
                rejected=rejected,
                dead_letters=dead.get(gateway, 0),
            )
        )
    return found


def _health(body: bytes | str) -> Health | None:
    if not body:
        return None
    try:
        return decode_health(body.encode() if isinstance(body, str) else body)
    except RejectedError:
        return None

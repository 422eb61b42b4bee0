"""Dead letters of both kinds as an operator sees them: frames (`f12`, in `journal.db`), rows (`r7`, in `state.db`)."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

import msgspec

from cloud_service.store.schema import Rows, decode_rows
from cloud_service.store.spool import UNREADABLE
from telltale.errors import UserError

_ID = re.compile(r"([fr])([1-9][0-9]{0,17})")


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list.

    Attributes:
        id: `f` and a number for a frame, `r` and a number for rows.
        at_ns: when it came in (a frame) or was refused (rows), the run's clock.
        gateway: of a frame; of rows the channel or gateway that they belong to.
        run, sequence: of a frame, where they could be read.
        reason, detail: why.
        size_bytes: as it came.
        is_whole: all bytes are kept.
        asked: it waits to be tried again.
    """

    id: str
    at_ns: int
    gateway: str
    run: str = ""
    sequence: int | None = None
    reason: str
    detail: str
    size_bytes: int
    is_whole: bool = True
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters: all that match what is not empty, the newest `limit`."""

    gateway: str = ""
    reason: str = ""
    limit: int = 100


def parse_id(text: str) -> tuple[str, int]:
    """Kind and number.

    Raises:
        UserError: no such id; names it.
    """
    found = _ID.fullmatch(text)
    if found is None:
        raise UserError(f"{text[:40]!r} is no dead letter's id", "expected f or r and a number, as `list` shows them")
    return found[1], int(found[2])


def frame_letters(journal: sqlite3.Connection, choice: Choice, number: int | None = None) -> list[Letter]:
    """Frames, newest first; the one of `number` alone where it is given."""
    rows = journal.execute(
        "SELECT id, received_ns, gateway, run_id, sequence, reason, detail, size, length(payload),"
        " id IN (SELECT letter FROM retries) FROM dead_letter"
        " WHERE (?1 = '' OR gateway = ?1) AND (?2 = '' OR reason = ?2) AND (?3 IS NULL OR id = ?3)"
        " ORDER BY id DESC LIMIT ?4",
        (choice.gateway, choice.reason, number, choice.limit),
    )
    return [
        Letter(
            id=f"f{number}",
            at_ns=at_ns,
            gateway=gateway,
            run=run_id.hex() if run_id else "",
            sequence=sequence,
            reason=reason,
            detail=_printable(detail),
            size_bytes=size,
            is_whole=kept >= size,
            asked=bool(asked),
        )
        for number, at_ns, gateway, run_id, sequence, reason, detail, size, kept, asked in rows
    ]


def row_letters(state: sqlite3.Connection, choice: Choice, number: int | None = None) -> list[Letter]:
    """Rows that the store refused, newest first; those of `number` alone where it is given."""
    found = []
    query = "SELECT id, at_ns, reason, body FROM refused_rows WHERE ?1 IS NULL OR id = ?1 ORDER BY id DESC"
    for at, at_ns, why, body in state.execute(query, (number,)):
        reason, _, detail = why.partition(": ")
        subjects = sorted({rows.subject for rows in readable_rows(body)})
        if (choice.gateway and choice.gateway not in subjects) or choice.reason not in ("", reason):
            continue
        found.append(
            Letter(
                id=f"r{at}",
                at_ns=at_ns,
                gateway=", ".join(subjects),
                reason=_printable(reason),
                detail=_printable(detail),
                size_bytes=len(body),
            )
        )
        if len(found) >= choice.limit:
            break
    return found


def _printable(text: str) -> str:
    """One line for a terminal: a store's or a gateway's words may hold anything."""
    return "".join(char if char.isprintable() else "?" for char in text)


def readable_rows(body: bytes) -> list[Rows]:
    """The rows of a body; none where it holds no rows that this version knows."""
    try:
        return decode_rows(body)
    except UNREADABLE:
        return []

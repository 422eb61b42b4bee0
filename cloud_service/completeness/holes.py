"""Gateways' books and holes, from `journal.db`: produced = stored + dropped + dead-lettered + missing, by sequence."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cloud_service.journal.ranges import decode_covered

Cause = Literal["dropped at the edge", "dead-lettered", "not yet received"]
MAX_HOLES = 500
MAX_FRAMES = 2**62  # a hole told of by a gateway gone mad must fit into what counts it


@dataclass(frozen=True, slots=True)
class Hole:
    """Sequences of a run that are not stored.

    Attributes:
        run: its id, hexadecimal.
        first, last: sequences.
        cause, detail: why, and in whose words.
        start_ns, end_ns: acquisition time of the nearest frames around it that are known; None where there are none.
    """

    run: str
    first: int
    last: int
    cause: Cause
    detail: str
    start_ns: int | None
    end_ns: int | None

    @property
    def frames(self) -> int:
        """How many sequences."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Books:
    """Frames of a gateway over all its runs."""

    stored: int = 0
    dropped: int = 0
    dead_lettered: int = 0
    missing: int = 0

    @property
    def produced(self) -> int:
        """Frames up to the highest sequence of each run that is known of."""
        return self.stored + self.dropped + self.dead_lettered + self.missing

    @property
    def complete_percent(self) -> float | None:
        """Stored of produced; None before the first frame."""
        return 100.0 * self.stored / self.produced if self.produced else None


def gateway_books(journal: sqlite3.Connection) -> dict[str, Books]:
    """The books of every gateway that ever sent a frame."""
    found: dict[str, Books] = {}
    query = "SELECT gateway, cumulative, above, promised, stored, dropped, rejected FROM runs"
    for gateway, cumulative, above, promised, stored, dropped, rejected in journal.execute(query):
        missing = sum(last - first + 1 for first, last in _missing(cumulative, above, promised))
        books = found.get(gateway, Books())
        found[gateway] = Books(
            books.stored + stored,
            min(MAX_FRAMES, books.dropped + dropped),
            books.dead_lettered + rejected,
            min(MAX_FRAMES, books.missing + missing),
        )
    return found


def gateway_holes(journal: sqlite3.Connection, gateway: str, limit: int = MAX_HOLES) -> list[Hole]:
    """Holes of a gateway, newest first as far as their times are known, at most `limit`."""
    found = [_timed(journal, gateway, hole) for hole in _holes(journal, gateway, limit)]
    found.sort(key=lambda hole: (hole.end_ns or hole.start_ns or 0, hole.last), reverse=True)
    return found[:limit]


Span = tuple[bytes, int, int, Cause, str]


def _holes(journal: sqlite3.Connection, gateway: str, limit: int) -> Iterator[Span]:
    drops = "SELECT run_id, first, last, reason FROM drops WHERE gateway = ? ORDER BY at_ns DESC LIMIT ?"
    for run, first, last, reason in journal.execute(drops, (gateway, limit)).fetchall():
        yield run, first, last, "dropped at the edge", reason
    letters = (
        "SELECT run_id, sequence, reason FROM dead_letter WHERE gateway = ? AND book = 'rejected'"
        " ORDER BY id DESC LIMIT ?"
    )
    for run, sequence, reason in journal.execute(letters, (gateway, limit)).fetchall():
        yield run, sequence, sequence, "dead-lettered", reason
    runs = "SELECT run_id, cumulative, above, promised FROM runs WHERE gateway = ? ORDER BY last_ns DESC LIMIT ?"
    for run, cumulative, above, promised in journal.execute(runs, (gateway, limit)).fetchall():
        for first, last in _missing(cumulative, above, promised)[-limit:]:
            yield run, first, last, "not yet received", ""


def _missing(cumulative: int, above: bytes, promised: int) -> list[tuple[int, int]]:
    """Sequences between those that are covered, and beyond them up to the last that the gateway has told of."""
    covered = decode_covered(cumulative, above)
    last = max(promised, covered.highest)
    return covered.missing(1, last) if last else []


def _timed(journal: sqlite3.Connection, gateway: str, span: Span) -> Hole:
    run, first, last, cause, detail = span
    where = "SELECT acquired_ns FROM marks WHERE gateway = ? AND run_id = ? AND sequence"
    before = journal.execute(f"{where} < ? ORDER BY sequence DESC LIMIT 1", (gateway, run, first)).fetchone()
    after = journal.execute(f"{where} > ? ORDER BY sequence LIMIT 1", (gateway, run, last)).fetchone()
    return Hole(run.hex(), first, last, cause, detail, before[0] if before else None, after[0] if after else None)

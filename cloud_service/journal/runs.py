"""What is known of each agent run: which sequences are covered, and how (stored, dropped, rejected)."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from cloud_service.journal.ranges import Ranges, decode_covered, encode_above

RunKey = tuple[str, bytes]
MAX_CACHED_RUNS = 4_096
NEVER = -(2**62)


@dataclass(slots=True)
class Run:
    """One agent run as the journal knows it.

    Attributes:
        covered: sequences that are stored, dropped or rejected.
        dropped_ranges: the part of `covered` that never came.
        stored, dropped, rejected: the books.
        last_ns: newest commit, the service's clock.
        promised: the last sequence that a later run has told of.
        newest, newest_ns: the highest sequence since this process knows the run, and when it was acquired.
        marked_ns: the newest acquisition time that was noted in `marks`.
    """

    covered: Ranges = field(default_factory=Ranges)
    dropped_ranges: Ranges = field(default_factory=Ranges)
    stored: int = 0
    dropped: int = 0
    rejected: int = 0
    last_ns: int = 0
    promised: int = 0
    newest: int = 0
    newest_ns: int = 0
    marked_ns: int = NEVER

    def copy(self) -> Run:
        """An independent copy, to be changed within a transaction."""
        return replace(self, covered=self.covered.copy(), dropped_ranges=self.dropped_ranges.copy())


class RunBook:
    """Runs by (gateway, run id): the recently used in memory, all in the `runs` table."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._cache: OrderedDict[RunKey, Run] = OrderedDict()

    def get(self, key: RunKey) -> Run:
        """The committed state of a run; a new one where it was never seen. Not to be changed: copy it."""
        if key not in self._cache:
            self._cache[key] = self._load(key)
        self._cache.move_to_end(key)
        while len(self._cache) > MAX_CACHED_RUNS:
            self._cache.popitem(last=False)
        return self._cache[key]

    def adopt(self, runs: dict[RunKey, Run]) -> None:
        """Take over states that were committed."""
        self._cache.update(runs)

    def save(self, runs: dict[RunKey, Run]) -> None:
        """Write states inside the caller's transaction."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *key,
                    run.covered.cumulative,
                    encode_above(run.covered),
                    run.last_ns,
                    run.stored,
                    run.dropped,
                    run.rejected,
                    run.promised,
                )
                for key, run in runs.items()
            ],
        )

    def _load(self, key: RunKey) -> Run:
        row = self._connection.execute(
            "SELECT cumulative, above, last_ns, stored, dropped, rejected, promised FROM runs"
            " WHERE gateway=? AND run_id=?",
            key,
        ).fetchone()
        if row is None:
            return Run()
        cumulative, above, last_ns, stored, dropped, rejected, promised = row
        drops = self._connection.execute("SELECT first, last FROM drops WHERE gateway=? AND run_id=?", key)
        covered = decode_covered(cumulative, above)
        return Run(covered, Ranges(drops.fetchall()), stored, dropped, rejected, last_ns, promised)

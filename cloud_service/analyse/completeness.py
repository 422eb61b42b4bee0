"""The completeness ledger's place in analysis: rows in, ledgers among the states of the commit, day rows out."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from cloud_service.analyse.states import States
from cloud_service.completeness.days import day_rows
from cloud_service.completeness.holes import gateway_books
from cloud_service.completeness.ledger import Ledger, take
from cloud_service.completeness.report import OWNER
from cloud_service.store.schema import Rows
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.site import Site

READINGS = ("reading", "window")
# Rows of these are told by the machine's time, as those of `gateway` are: how often depends on how long a run took.
TOLD_NOW_AND_THEN = ("completeness", "books")
TELL_EVERY_NS = 600 * NS_PER_S  # the run's clock: how often changed days go to the store


class Completeness:
    """Keeps what is there of each channel. Single-threaded, as the analysis that it belongs to.

    Args:
        site: what is expected.
        states: the run's states.
        journal: a connection to the journal, for the gateways' books.
    """

    def __init__(self, site: Site, states: States, journal: sqlite3.Connection) -> None:
        self._site = site
        self._states = states
        self._journal = journal
        self._changed: set[str] = set(site.places)  # what an earlier process left to tell
        self._told_ns = -(2**62)

    def take(self, rows: Sequence[Rows], now_ns: int) -> None:
        """Readings that were stored; those of a day beyond the run's clock are no coverage, their clock is wrong."""
        for each in rows:
            place = self._site.places.get(each.subject)
            if place is None or each.measurement not in READINGS or not len(each):
                continue
            ledger = self._states.get(each.subject, OWNER, Ledger, Ledger)
            sane = each.t_ns <= now_ns + NS_PER_DAY
            has_value = np.isfinite(np.asarray(each.columns["value"])) if "value" in each.columns else sane
            take(ledger, each.t_ns[sane], has_value[sane], round(place.channel.interval_s * NS_PER_S))
            self._states.put(each.subject, OWNER, ledger)
            self._changed.add(each.subject)

    def rows(self, now_ns: int) -> list[Rows]:
        """Rows of the days that have changed, and of the gateways' books, now and then."""
        if 0 <= now_ns - self._told_ns < TELL_EVERY_NS:  # a clock that was set back begins anew
            return []
        self._told_ns = now_ns
        found = []
        for channel in sorted(self._changed):
            ledger = self._states.get(channel, OWNER, Ledger, Ledger)
            if ledger.changed_days:
                interval_ns = round(self._site.places[channel].channel.interval_s * NS_PER_S)
                found.append(day_rows(channel, ledger, ledger.changed_days, interval_ns))
                ledger.changed_days = []
                self._states.put(channel, OWNER, ledger)
        self._changed.clear()
        return found + self._book_rows(now_ns)

    def _book_rows(self, now_ns: int) -> list[Rows]:
        known = self._site.gateways()
        return [
            Rows(
                "books",
                gateway,
                np.array([now_ns], dtype=np.int64),
                {
                    "stored": np.array([books.stored], dtype=np.int64),
                    "dropped": np.array([books.dropped], dtype=np.int64),
                    "dead_lettered": np.array([books.dead_lettered], dtype=np.int64),
                    "missing": np.array([books.missing], dtype=np.int64),
                    "complete_percent": np.array([books.complete_percent]),
                },
            )
            for gateway, books in gateway_books(self._journal).items()
            if gateway in known and books.complete_percent is not None
        ]

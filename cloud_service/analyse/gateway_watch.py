"""Gateways between batches: who is silent, and a row of each one's health now and then."""

from __future__ import annotations

import sqlite3

import msgspec

from cloud_service.analyse.gateways import GatewayNow, gateway_row, read_gateways
from cloud_service.analyse.liveness import Heard, Liveness, open_liveness
from cloud_service.analyse.outcome import Judged
from cloud_service.analyse.settings import AnalyseSettings
from cloud_service.analyse.states import States
from cloud_service.store.schema import Rows
from telltale.clock import NS_PER_S, ClockMode
from telltale.site import Site

STEP_NS = 2 * NS_PER_S  # more than the time between two ticks varies by in the reading of both clocks
UNHEARD = GatewayNow("", online=False, seen_ns=0, health=None)


class LastRow(msgspec.Struct):
    """When the newest row of a gateway was made, the run's clock."""

    t_ns: int = -(2**62)


class Gateways:
    """Watches the journal's table of gateways.

    Args:
        site, settings: as everywhere.
        states: the run's states.
        journal: a connection to the journal.
        mode: which clock the run follows.
    """

    def __init__(
        self, site: Site, settings: AnalyseSettings, states: States, journal: sqlite3.Connection, mode: ClockMode
    ) -> None:
        self._settings = settings
        self._states = states
        self.journal = journal
        self._mode = mode
        heard = {gateway: states.get(gateway, "liveness", Heard, Heard) for gateway in site.gateways()}
        self.liveness: Liveness = open_liveness(site, heard, settings, by_frames=mode == "data")
        self._ticked: tuple[int, int] | None = None

    def restart(self, now_ns: int) -> None:
        """At the start of the process: what it could not hear while it was away is not silence."""
        if self._mode == "system":
            for watch in self.liveness.watches.values():
                watch.restart(now_ns)

    def rows(self, now_ns: int) -> list[Rows]:
        """Rows of the gateways whose newest row is old enough."""
        due_ns = int(self._settings.gateway_row_s * NS_PER_S)
        found = []
        for now in read_gateways(self.journal).values():
            last = self._states.get(now.gateway, "gateway_row", LastRow, LastRow)
            row = gateway_row(now, now_ns) if now_ns - last.t_ns >= due_ns else None
            if row is not None:
                self._states.put(now.gateway, "gateway_row", LastRow(now_ns))
                found.append(row)
        return found

    def tick(self, now_ns: int, monotonic_ns: int) -> list[Judged]:
        """Who is silent, judged when all that was journalled has been seen.

        Args:
            now_ns: the run's clock.
            monotonic_ns: beside it: where the two part, the clock was set, and silence counts from now.
        """
        before, self._ticked = self._ticked, (now_ns, monotonic_ns)
        if before is not None and abs((now_ns - before[0]) - (monotonic_ns - before[1])) > STEP_NS:
            self.restart(now_ns)
        known = read_gateways(self.journal)
        judged: list[Judged] = []
        for gateway, watch in self.liveness.watches.items():
            now = known.get(gateway, UNHEARD)
            offline = None if self._mode == "system" else not now.online
            seen_ns = now.seen_ns if self._mode == "system" and now.seen_ns <= now_ns else 0
            found = watch.tick(now_ns, seen_ns, offline=offline)
            if found:
                self.liveness.touched.add(gateway)
            judged.extend(found)
        return judged

    def keep(self) -> None:
        """Put what changed among the states to commit."""
        for gateway in self.liveness.touched:
            self._states.put(gateway, "liveness", self.liveness.watches[gateway].keep())
        self.liveness.touched.clear()

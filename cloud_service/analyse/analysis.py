"""The turn of the analyse process: one batch from the journal to one committed transaction.

journal → decode → gates → clocks → step → alert stages → commit (states, offset, spool, incidents, outbox)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from cloud_service.alert import early
from cloud_service.alert.early import EarlyState
from cloud_service.alert.stages import Alerts, AlertState, Stages
from cloud_service.analyse.clock_watch import Clocks
from cloud_service.analyse.commit import Changes, commit
from cloud_service.analyse.completeness import Completeness
from cloud_service.analyse.decode import Decoded, decode_records
from cloud_service.analyse.gates import Gates, Turn
from cloud_service.analyse.gateway_watch import Gateways
from cloud_service.analyse.outcome import Judged, StepResult, newer
from cloud_service.analyse.rows import finding_rows
from cloud_service.analyse.states import States
from cloud_service.analyse.step import Step
from cloud_service.analyse.verdicts import note
from cloud_service.journal.reader import JournalReader, Record
from telltale.clock import Clock, ClockMode
from telltale.findings import Finding
from telltale.site import Site


class Analysis:
    """Turns over one set of states; single-threaded. After any error it must be thrown away and opened again.

    Args:
        site: what is monitored.
        state: a connection to `state.db`.
        states: what was committed there.
        clock, mode: the run's clock.
        reader: of the journal, for frames whose turn has come later.
        gates, step, stages, gateways: the stages.
    """

    def __init__(
        self,
        *,
        site: Site,
        state: sqlite3.Connection,
        states: States,
        clock: Clock,
        mode: ClockMode,
        reader: JournalReader,
        gates: Gates,
        step: Step,
        stages: Stages,
        gateways: Gateways,
    ) -> None:
        self._site = site
        self._state = state
        self._states = states
        self._clock = clock
        self._mode = mode
        self._reader = reader
        self._gates = gates
        self._step = step
        self._stages = stages
        self._gateways = gateways
        self._clocks = Clocks(states)
        self._completeness = Completeness(site, states, gateways.journal)

    @property
    def ajar(self) -> bool:
        """Whether frames that waited may be judged now, so that a turn without new records is worth it."""
        return self._gates.ajar

    def take(self, records: Sequence[Record], read_offset: int) -> StepResult:
        """Analyse and commit one batch of journal records, and what waited for it.

        Args:
            records: what comes next in the journal.
            read_offset: of the newest of them, or of the newest before.
        """
        came = decode_records(records, self._mode)
        turn = self._gates.take(came)
        self._step.baselines.refresh(self._state)  # after the records: no row can come before an act it belongs to
        frames, of_clocks = self._clocks.take(self._in_order(turn, came))
        _, result = self._step(self._states, frames)
        # Who is heard is told by what arrives; in a replay, whose time is the data's, by what is judged.
        heard = self._gateways.liveness.hear(came if self._mode == "system" else frames)
        judged = sorted([*result.judged, *heard, *of_clocks], key=lambda item: item.frame)
        self._clock.observe(result.heard_ns)
        seen = self._step.glance(self._states, [frame for frame in came if frame.offset in turn.waiting])
        changes = Changes(
            rows=[*result.rows, *seen.rows],
            latest=newer(result.latest, seen.latest),
            lives=result.lives,
            skips=result.skips,
            faults=result.faults,
            read=read_offset,
            moves=self._gates.moves(turn),
            now_ns=self._clock.now_ns(),
        )
        self._completeness.take(changes.rows, changes.now_ns)
        self._alert(judged, changes)
        if self._mode == "system":
            self._alert_early(seen.judged, changes.alerts)
        self._finish(changes)
        return result

    def _in_order(self, turn: Turn, came: Sequence[Decoded]) -> list[Decoded]:
        """The frames of a turn: those that came with it, and those that waited, read again."""
        known = {frame.offset: frame for frame in came}
        again = decode_records(self._reader.read_at(turn.left), self._mode)
        known.update((frame.offset, frame) for frame in again)
        return [known[offset] for offset in turn.order if offset in known]

    def look(self, read_offset: int) -> None:
        """Look at what frames wait for: see `Gates.look`."""
        self._gates.look(read_offset=read_offset, monotonic_ns=self._clock.monotonic_ns(), now_ns=self._clock.now_ns())

    def tick(self, *, caught_up: bool) -> bool:
        """Commit what the passing of time changes; whether it did. `caught_up`: the journal holds nothing new."""
        now_ns = self._clock.now_ns()
        if now_ns <= 0:
            return False  # the run follows the data's time, and there is no data yet
        changes = Changes(
            now_ns=now_ns,
            rows=self._gateways.rows(now_ns) + self._completeness.rows(now_ns),
            moves=self._gates.moves(Turn()),
        )
        if caught_up:
            self._alert(self._gateways.tick(now_ns, self._clock.monotonic_ns()), changes)
            self._release(now_ns, changes.alerts)
        if not (
            changes.rows
            or changes.alerts.updates
            or changes.alerts.mails
            or changes.findings
            or changes.moves.now
            or self._gateways.liveness.touched
        ):
            return False
        self._finish(changes)
        return True

    def _alert(self, judged: Sequence[Judged], changes: Changes) -> None:
        of_channels = [item for item in judged if item.finding.channel in self._site.places]
        worth, changes.findings = note(self._states, of_channels)
        changes.rows.extend(finding_rows(worth))
        for item in judged:
            subject, owner = _alert_key(item)
            state = self._states.get(subject, owner, AlertState, AlertState)
            self._stages.take(state, item.finding, item.heard_ns, changes.alerts)
            self._states.put(subject, owner, state)

    def _alert_early(self, judged: Sequence[Judged], alerts: Alerts) -> None:
        """Alarms by fixed limits in frames that wait. In a replay nobody waits for them: its time is the data's."""
        of_structure: dict[str, list[tuple[Finding, int]]] = {}
        for item in judged:
            of_structure.setdefault(item.structure, []).append((item.finding, item.heard_ns))
        for _, structure in self._site.structures():
            state = self._states.get(structure.id, "early", EarlyState, EarlyState)
            waits = any(self._gates.holds(channel.gateway) for channel in structure.channels)
            findings = of_structure.get(structure.id, ())
            if not (findings or (state.is_open and not waits)):
                continue
            real = self._states.get(structure.id, "alert", AlertState, AlertState)
            if findings:
                early.take(state, real, findings, self._stages, alerts)
            if not waits:
                early.close(state, real, alerts)
            self._states.put(structure.id, "alert", real)
            self._states.put(structure.id, "early", state)

    def _release(self, now_ns: int, alerts: Alerts) -> None:
        for _, structure in self._site.structures():
            state = self._states.get(structure.id, "alert", AlertState, AlertState)
            before = len(alerts.updates) + len(alerts.mails)
            self._stages.tick(state, now_ns, alerts)
            if len(alerts.updates) + len(alerts.mails) > before:
                self._states.put(structure.id, "alert", state)

    def _finish(self, changes: Changes) -> None:
        self._gateways.keep()
        commit(self._state, self._states, changes)


def _alert_key(item: Judged) -> tuple[str, str]:
    return (item.structure, "alert") if item.structure else (item.finding.channel, "gateway_alert")

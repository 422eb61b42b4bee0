"""The gates of all gateways between the journal and the step: which frames are judged now, and which wait.

Frames of one gateway never wait for another's. Of a frame that waits only the ticket is kept, here and in `state.db`;
its payload is read from the journal again when its turn has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from cloud_service.analyse.decode import Decoded
from cloud_service.analyse.gate import Gate, Passed
from cloud_service.analyse.gate_line import Ticket
from cloud_service.analyse.settings import AnalyseSettings
from cloud_service.analyse.states import States
from cloud_service.gate_record import GateRecord
from cloud_service.journal.ranges import Ranges
from cloud_service.journal.reader import JournalReader
from telltale.clock import NS_PER_S

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Moves:
    """What a turn changed, to be committed with it.

    Attributes:
        entered: frames that wait from now on.
        left: offsets of those that waited.
        now: gateway → what changed of its gate.
    """

    entered: list[Ticket] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    now: dict[str, GateRecord] = field(default_factory=dict)


@dataclass(slots=True)
class Turn:
    """Offsets of the frames to judge, in order; those of the batch that wait; and what to commit."""

    order: list[int] = field(default_factory=list)
    waiting: dict[int, Ticket] = field(default_factory=dict)
    left: list[int] = field(default_factory=list)
    left_bytes: int = 0


class Gates:
    """Single-threaded, like the analysis that it belongs to.

    Args:
        reader: of the journal.
        states: keeps how far each run has passed.
        settings: how long and how many frames wait; how many may leave in one turn.
        tickets: those that waited when the process ended, by offset.
        shown: gateway → its gate as it was committed.
    """

    def __init__(
        self,
        reader: JournalReader,
        states: States,
        settings: AnalyseSettings,
        tickets: Iterable[Ticket] = (),
        shown: dict[str, GateRecord] | None = None,
    ) -> None:
        self._reader = reader
        self._states = states
        self._settings = settings
        self._gates: dict[str, Gate] = {}
        self._shown = shown or {}
        self._ajar: set[str] = set()
        self._moved: dict[str, GateRecord] = {}
        for ticket in tickets:
            self._gate(ticket.gateway).restore(ticket)
            self._ajar.add(ticket.gateway)

    @property
    def ajar(self) -> bool:
        """Whether frames that waited may pass now."""
        return bool(self._ajar)

    @property
    def waiting(self) -> int:
        """How many frames wait."""
        return sum(gate.waiting for gate in self._gates.values())

    def holds(self, gateway: str) -> bool:
        """Whether frames of this gateway wait."""
        gate = self._gates.get(gateway)
        return gate is not None and gate.waiting > 0

    def take(self, frames: Sequence[Decoded]) -> Turn:
        """The next frames of the journal; which of them, and of those that waited, are judged now."""
        turn = Turn()
        touched = self._ajar | {frame.gateway for frame in frames}
        for gateway in sorted(self._ajar):
            self._open(gateway, turn)
        for frame in frames:
            self._enter(frame, turn)
        for gateway in touched:
            self._states.put(gateway, "order", self._gate(gateway).keep())
        return turn

    def look(self, *, read_offset: int, monotonic_ns: int, now_ns: int) -> None:
        """Time passed: what frames wait for may be known never to come by now, or has made no progress for too long.

        Args:
            read_offset: how far the journal has been read.
            monotonic_ns: the run's clock.
            now_ns: likewise.
        """
        for gateway, gate in self._gates.items():
            if gate.waiting:
                covered = self._ask_journal(gateway, gate, read_offset)
                given_up = gate.age(monotonic_ns, covered, round(self._settings.hold_s * NS_PER_S))
                self._tell(gateway, gate, given_up)
                self._ajar.add(gateway)
            self._show(gateway, gate, now_ns)
        self._make_room()

    def moves(self, turn: Turn) -> Moves:
        """What the turn and the looks since the last one changed."""
        moved, self._moved = self._moved, {}
        return Moves(list(turn.waiting.values()), turn.left, moved)

    def _gate(self, gateway: str) -> Gate:
        gate = self._gates.get(gateway)
        if gate is None:
            gate = self._gates[gateway] = Gate(self._states.get(gateway, "order", Passed, Passed))
        return gate

    def _enter(self, frame: Decoded, turn: Turn) -> None:
        gate = self._gate(frame.gateway)
        ticket = Ticket(frame.offset, frame.gateway, frame.run_id, frame.sequence, frame.size, frame.after)
        if gate.enter(ticket, frame.drops):
            turn.order.append(frame.offset)
            return
        turn.waiting[frame.offset] = ticket
        self._open(frame.gateway, turn)

    def _open(self, gateway: str, turn: Turn) -> None:
        """Let through whose turn it is, as far as one turn goes."""
        settings = self._settings
        self._ajar.add(gateway)
        if len(turn.left) >= settings.batch_frames or turn.left_bytes >= settings.batch_bytes:
            return
        for ticket in self._gate(gateway).opened():
            turn.order.append(ticket.offset)
            if turn.waiting.pop(ticket.offset, None) is None:
                turn.left.append(ticket.offset)
                turn.left_bytes += ticket.size
                if len(turn.left) >= settings.batch_frames or turn.left_bytes >= settings.batch_bytes:
                    return
        self._ajar.discard(gateway)

    def _ask_journal(self, gateway: str, gate: Gate, read_offset: int) -> dict[bytes, Ranges]:
        """What the journal knows of what is missing: dropped or rejected, or stored further on."""
        further = {}
        for run_id in {hole.run_id for hole in gate.holes()}:
            covered, end = self._reader.covered(gateway, run_id)
            if end <= read_offset:
                gate.lose(run_id, covered)
            else:
                further[run_id] = covered
        return further

    def _make_room(self) -> None:
        while self.waiting > self._settings.hold_frames:
            gateway, gate = max(self._gates.items(), key=lambda item: item[1].waiting)
            if gateway in self._ajar and not gate.holes():
                return  # they pass with the next turns
            self._tell(gateway, gate, gate.give_up())
            self._ajar.add(gateway)

    def _tell(self, gateway: str, gate: Gate, given_up: int) -> None:
        if given_up:
            now = self._shown.setdefault(gateway, GateRecord(gateway=gateway))
            now.passed_over += given_up
            self._moved[gateway] = now
            log.warning("missing frames passed over", gateway=gateway, missing=given_up, waited=gate.waiting)

    def _show(self, gateway: str, gate: Gate, now_ns: int) -> None:
        now = self._shown.get(gateway) or GateRecord(gateway=gateway)
        missing = sum(hole.last - hole.first + 1 for hole in gate.holes())
        if (gate.waiting, missing) == (now.waiting, now.missing):
            return
        since_ns = now.since_ns if now.waiting and gate.waiting else now_ns
        self._shown[gateway] = GateRecord(
            gateway=gateway, waiting=gate.waiting, missing=missing, since_ns=since_ns, passed_over=now.passed_over
        )
        self._moved[gateway] = self._shown[gateway]

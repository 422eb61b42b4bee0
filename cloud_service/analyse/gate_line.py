"""One run of a gateway in the gate: how far it has passed, what waits, and what is missing before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cloud_service.journal.ranges import Ranges
from telltale.readings import RunEnd


@dataclass(frozen=True, slots=True)
class Ticket:
    """A journaled frame that waits for its turn; its payload stays in the journal.

    Attributes:
        offset, gateway, run_id, sequence: as journaled.
        size: bytes of its payload.
        after: runs that come before it, and how far.
    """

    offset: int
    gateway: str
    run_id: bytes
    sequence: int
    size: int
    after: tuple[RunEnd, ...] = ()


@dataclass(frozen=True, slots=True)
class Hole:
    """Sequences `first` to `last` of a run are missing before a frame that waits."""

    run_id: bytes
    first: int
    last: int


@dataclass(slots=True)
class Line:
    """A run, as far as it has come.

    Attributes:
        run_id: whose.
        passed: every sequence up to this one was let through, dropped, rejected or passed over.
        expected: later frames name this sequence as one that comes before them.
        gone: sequences above `passed` that will never come.
        waiting: those that have come, with their tickets in `tickets`.
    """

    run_id: bytes
    passed: int = 0
    expected: int = 0
    gone: Ranges = field(default_factory=Ranges)
    waiting: Ranges = field(default_factory=Ranges)
    tickets: dict[int, Ticket] = field(default_factory=dict)

    def add(self, ticket: Ticket) -> None:
        """A frame above `passed` has come."""
        self.waiting.add(ticket.sequence, ticket.sequence)
        self.tickets[ticket.sequence] = ticket

    def lose(self, first: int, last: int) -> None:
        """Sequences that will never come, but for those that are here."""
        for low, high in self.waiting.missing(max(first, self.passed + 1), last):
            self.gone.add(low, high)

    def first(self) -> Ticket | None:
        """The waiting frame of the lowest sequence."""
        if not self.tickets:
            return None
        lowest, _ = next(iter(self.waiting))
        return self.tickets[lowest]

    def is_next(self, sequence: int) -> bool:
        """Whether nothing is missing before `sequence`; lets go of what is gone on the way."""
        self._skip_gone()
        return sequence == self.passed + 1

    def reaches(self, sequence: int) -> bool:
        """Whether all up to `sequence` has passed."""
        self._skip_gone()
        return self.passed >= sequence

    def let_through(self, ticket: Ticket) -> None:
        """The ticket, which is the next one, passes."""
        self.passed = ticket.sequence
        del self.tickets[ticket.sequence]
        self.waiting.remove(ticket.sequence)

    def holes(self, *, followed: bool) -> Iterator[Hole]:
        """What is missing, lowest first; `followed`: frames of later runs wait too, so that `expected` counts."""
        last = max(self.waiting.highest, self.expected if followed else 0)
        for low, high in self.waiting.missing(self.passed + 1, last):
            for first, end in self.gone.missing(low, high):
                yield Hole(self.run_id, first, end)

    def _skip_gone(self) -> None:
        while len(self.gone):
            first, last = next(iter(self.gone))
            if first > self.passed + 1:
                return
            self.passed = max(self.passed, last)
            self.gone.drop_first()

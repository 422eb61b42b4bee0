"""The gate of one gateway: frames pass in the order of acquisition, run after run, by sequence within a run.

A frame whose predecessors are missing waits until they have come, are known never to come (dropped, rejected), or
have made no progress for too long: then what is missing is passed over, and is late data if it comes after all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import msgspec

from cloud_service.analyse.gate_line import Hole, Line, Ticket
from cloud_service.journal.ranges import Ranges
from telltale.readings import DropRecord

MAX_RUNS = 128  # remembered of a gateway; twice what a frame may name


class Passed(msgspec.Struct):
    """State of one gateway: its runs, oldest first, and up to which sequence each has passed."""

    runs: list[tuple[bytes, int]] = []


@dataclass(slots=True)
class _Age:
    first: int
    since_ns: int


class Gate:
    """Lets the frames of one gateway through; `keep` is what must survive a restart, beside the tickets."""

    def __init__(self, passed: Passed) -> None:
        self._lines = [Line(run_id, last) for run_id, last in passed.runs]
        self._by_run = {line.run_id: line for line in self._lines}
        self._ages: dict[tuple[bytes, int], _Age] = {}
        self.waiting = 0

    def enter(self, ticket: Ticket, drops: Sequence[DropRecord] = ()) -> bool:
        """A frame has come; whether it passes at once. If not, it waits, and `opened` gives it when it is its turn.

        Args:
            ticket: the frame.
            drops: what it says of its own run.
        """
        line = self._line_of(ticket)
        for drop in drops:
            line.lose(drop.first, drop.last)
        if ticket.sequence <= line.passed:
            return True  # passed over before, and here it is: late data
        if not self.waiting and line.is_next(ticket.sequence) and self._is_after(ticket):
            line.passed = ticket.sequence
            return True
        line.add(ticket)
        self.waiting += 1
        return False

    def restore(self, ticket: Ticket) -> None:
        """A frame that waited when the process ended."""
        self._line_of(ticket).add(ticket)
        self.waiting += 1

    def lose(self, run_id: bytes, spans: Iterable[tuple[int, int]]) -> None:
        """Sequences of a run that will never come."""
        line = self._by_run.get(run_id)
        if line is not None:
            for first, last in spans:
                line.lose(first, last)

    def opened(self) -> Iterator[Ticket]:
        """Waiting frames whose turn it is, one by one; each that is taken has passed."""
        while (ticket := self._front()) is not None and self._may_pass(ticket):
            self._by_run[ticket.run_id].let_through(ticket)
            self.waiting -= 1
            yield ticket

    def holes(self) -> list[Hole]:
        """What frames wait for, in the order of acquisition."""
        if not self.waiting:
            return []
        return [hole for line in self._lines for hole in line.holes(followed=self.waiting > len(line.tickets))]

    def age(self, now_ns: int, covered: Mapping[bytes, Ranges], limit_ns: int) -> int:
        """Look at what is missing, and pass over what has made no progress for too long.

        Args:
            now_ns: monotonic.
            covered: run → what the journal holds of it, read or not: it will come.
            limit_ns: how long a hole may stay as it is.

        Returns:
            how many sequences were passed over.
        """
        ages: dict[tuple[bytes, int], _Age] = {}
        for hole in self.holes():
            known = self._ages.get((hole.run_id, hole.last))
            moved = known is None or known.first != hole.first
            comes = not covered.get(hole.run_id, Ranges()).missing(hole.first, hole.last)
            since_ns = now_ns if known is None or moved or comes else known.since_ns
            ages[hole.run_id, hole.last] = _Age(hole.first, since_ns)
        self._ages = ages
        return sum(self._pass_over(hole) for hole in self._overdue(now_ns - limit_ns))

    def give_up(self) -> int:
        """Pass over everything that is missing; how many sequences."""
        return sum(self._pass_over(hole) for hole in self.holes())

    def keep(self) -> Passed:
        """The state to commit."""
        return Passed([(line.run_id, line.passed) for line in self._lines])

    def _overdue(self, before_ns: int) -> list[Hole]:
        """Holes that nothing but time can close, up to the first that may still be filled."""
        found = []
        for (run_id, last), age in self._ages.items():
            if age.since_ns > before_ns:
                break
            found.append(Hole(run_id, age.first, last))
        return found

    def _pass_over(self, hole: Hole) -> int:
        self._by_run[hole.run_id].lose(hole.first, hole.last)
        return hole.last - hole.first + 1

    def _front(self) -> Ticket | None:
        return next((ticket for line in self._lines if (ticket := line.first()) is not None), None)

    def _may_pass(self, ticket: Ticket) -> bool:
        return self._by_run[ticket.run_id].is_next(ticket.sequence) and self._is_after(ticket)

    def _is_after(self, ticket: Ticket) -> bool:
        """Whether all that the frame says comes before it has passed. Runs that name each other are no riddle: the
        first word counts, which put them in line.
        """
        if not ticket.after:
            return True
        ends = {end.run_id: end.last_sequence for end in ticket.after}
        earlier = takewhile(lambda line: line.run_id != ticket.run_id, self._lines)
        return all(line.reaches(ends[line.run_id]) for line in earlier if line.run_id in ends)

    def _line_of(self, ticket: Ticket) -> Line:
        line = self._by_run.get(ticket.run_id)
        if line is None:
            line = self._insert(ticket.run_id, len(self._lines))
        for end in ticket.after:
            known = self._by_run.get(end.run_id) or self._insert(end.run_id, self._lines.index(line))
            known.expected = max(known.expected, end.last_sequence)
        return line

    def _insert(self, run_id: bytes, at: int) -> Line:
        line = self._by_run[run_id] = Line(run_id)
        self._lines.insert(at, line)
        if len(self._lines) > MAX_RUNS:
            self._forget_one(line)
        return line

    def _forget_one(self, newest: Line) -> None:
        idle = next((line for line in self._lines if not line.tickets and line is not newest), None)
        if idle is not None:
            self._lines.remove(idle)
            del self._by_run[idle.run_id]

"""What the oracle has to complain about."""

from __future__ import annotations

from dataclasses import dataclass, field

SHOWN = 40


@dataclass(slots=True)
class Complaints:
    """Named troubles: how many of each kind, and the first ones in full."""

    counts: dict[str, int] = field(default_factory=dict)
    shown: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, text: str) -> None:
        """One more."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        shown = self.shown.setdefault(kind, [])
        if len(shown) < SHOWN:
            shown.append(text)

    def __bool__(self) -> bool:
        return bool(self.counts)


@dataclass(slots=True)
class Verdict:
    """The books and what is wrong with them."""

    complaints: Complaints = field(default_factory=Complaints)
    books: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every promise held."""
        return not self.complaints

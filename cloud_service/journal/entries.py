"""What ingest asks the journal to commit."""

from __future__ import annotations

from dataclasses import dataclass

from telltale.errors import RejectReason
from telltale.readings import DropRecord, RunEnd


@dataclass(frozen=True, slots=True)
class FrameEntry:
    """A frame that decodes, as it came.

    Attributes:
        acquired_ns: the agent's clock when it made the frame.
        drops: what it reports as dropped.
        after: earlier runs that it tells of.
        strays: (channel, reason) of blocks that this gateway may not send: the rest of the frame is good.
    """

    gateway: str
    run_id: bytes
    sequence: int
    received_ns: int
    payload: bytes
    drops: tuple[DropRecord, ...] = ()
    acquired_ns: int = 0
    after: tuple[RunEnd, ...] = ()
    strays: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RejectedEntry:
    """Something that can never be stored. `run_id` and `sequence` are None where not even they could be read."""

    gateway: str
    run_id: bytes | None
    sequence: int | None
    received_ns: int
    payload: bytes
    reason: RejectReason
    detail: str
    verb: str = "frame"


@dataclass(frozen=True, slots=True)
class RetryEntry:
    """A dead letter that was screened again: its id, how its run counts it, and what screening made of it."""

    letter: int
    book: str
    entry: FrameEntry | RejectedEntry

    @property
    def gateway(self) -> str:
        """Whose it is."""
        return self.entry.gateway


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """A gateway came or went."""

    gateway: str
    received_ns: int
    online: bool


@dataclass(frozen=True, slots=True)
class HealthEntry:
    """A gateway's health message (checked JSON)."""

    gateway: str
    received_ns: int
    body: bytes


Entry = FrameEntry | RejectedEntry | StatusEntry | HealthEntry | RetryEntry


def size_of(entry: Entry) -> int:
    """Bytes that an entry holds in memory, near enough for a bound."""
    if isinstance(entry, StatusEntry):
        return 128
    if isinstance(entry, RetryEntry):
        return size_of(entry.entry)
    return 128 + len(entry.body if isinstance(entry, HealthEntry) else entry.payload)

"""What ingest asks the journal to commit."""

from __future__ import annotations

from dataclasses import dataclass

from telltale.errors import RejectReason
from telltale.readings import DropRecord


@dataclass(frozen=True, slots=True)
class FrameEntry:
    """A frame that decodes, as it came."""

    gateway: str
    run_id: bytes
    sequence: int
    received_ns: int
    payload: bytes
    drops: tuple[DropRecord, ...] = ()


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


Entry = FrameEntry | RejectedEntry | StatusEntry | HealthEntry


def size_of(entry: Entry) -> int:
    """Bytes that an entry holds in memory, near enough for a bound."""
    if isinstance(entry, StatusEntry):
        return 128
    return 128 + len(entry.body if isinstance(entry, HealthEntry) else entry.payload)

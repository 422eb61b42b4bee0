"""The authority at work: its folder, index and key, and the time, held by one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cloud_service.pki.authority import Authority, load_authority
from cloud_service.pki.index import Index, held_index


@dataclass(frozen=True, slots=True)
class Desk:
    """What signing and revoking need.

    Attributes:
        folder: of the authority.
        index: what it has issued; changed in place and saved.
        authority: its key and certificate.
        now: UTC, whole seconds.
    """

    folder: Path
    index: Index
    authority: Authority
    now: datetime


@contextmanager
def opened_desk(folder: Path, passphrase: bytes | None, now: datetime) -> Iterator[Desk]:
    """The desk of a folder; no other command works on it meanwhile (see `held_index`, `load_authority` for errors)."""
    with held_index(folder) as index:
        yield Desk(folder, index, load_authority(folder, passphrase), now.replace(microsecond=0))

"""Rows that a store can never take: which ones, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloud_service.store.schema import Rows
from telltale.errors import RejectedError, RejectReason


@dataclass(frozen=True, slots=True)
class Refused:
    """Rows with the reason for which they were refused."""

    rows: Rows
    reason: RejectReason
    detail: str


class RefusedError(RejectedError):
    """Raised by `Store.write` after all other rows of the batch were written.

    Attributes:
        refused: the rows that are not in the store.
    """

    def __init__(self, refused: Sequence[Refused]) -> None:
        first = refused[0]
        count = sum(len(item.rows) for item in refused)
        super().__init__(first.reason, f"{count} rows refused, the first one: {first.detail}")
        self.refused = tuple(refused)

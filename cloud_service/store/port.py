"""The store port: what every store does. Four methods; the contract tests in `tests/contract` hold each to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cloud_service.store.schema import Rows


@dataclass(frozen=True, slots=True)
class Query:
    """What to read.

    Attributes:
        measurement, subject: as in `Rows`.
        fields: names of that measurement.
        start_ns, end_ns: half-open span [start, end), UTC ns.
        bucket_ns: 0 for raw rows; else one row a bucket with the mean of each float field, `<field>_min`,
            `<field>_max` and `count` (buckets aligned to 1970; from rollups where they are as fine as the bucket).
        newest: only the newest so many rows (still oldest first in the answer); 0: all.
    """

    measurement: str
    subject: str
    fields: tuple[str, ...]
    start_ns: int = -(2**62)
    end_ns: int = 2**62
    bucket_ns: int = 0
    newest: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """Rows in time order: `t_ns` of shape (n,), and a column of n for each field asked (NaN, None where absent)."""

    t_ns: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any] | list[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.t_ns.size)


class Store(Protocol):
    """A place where results live.

    Life cycle: opened by its factory (which provisions what is missing), used from one event loop, closed once.

    Acknowledgement: `write` returns only when the rows are durable. Writing the same rows again changes nothing, so
    after any doubt the caller writes again.

    Errors: `RetryError` for a passing fault (refused connection, 429, 5xx, disk full): the same rows later;
    `RejectedError` for rows that can never be stored, after all others of the batch were written.
    """

    async def write(self, batches: Sequence[Rows]) -> None:
        """Store rows, durably and idempotently; late rows bring the rollups that they touch up to date."""

    async def read(self, query: Query) -> Table:
        """Read rows in time order."""

    async def maintain(self, now_ns: int) -> None:
        """Retention; cheap when nothing is due."""

    async def close(self) -> None:
        """Release the connection; safe to call twice."""

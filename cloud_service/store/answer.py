"""From a database's rows to the port's `Table`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud_service.store.port import Table
from cloud_service.store.schema import Measurement, Type


def raw_table(measurement: Measurement, fields: Sequence[str], records: Sequence[Sequence[Any]]) -> Table:
    """A table from records (t_ns, value of each field …) in time order; None where absent.

    Floats become float64 with NaN; integers int64, or float64 with NaN where one is absent; the rest stay lists.
    """
    columns = _transposed(records, 1 + len(fields))
    return Table(
        _times(columns[0]),
        {name: _column(measurement.fields[name], column) for name, column in zip(fields, columns[1:], strict=True)},
    )


def bucket_table(fields: Sequence[str], records: Sequence[Sequence[Any]]) -> Table:
    """A table from records (t_ns, count, then mean, min, max of each field) in time order."""
    columns = _transposed(records, 2 + 3 * len(fields))
    found: dict[str, NDArray[Any]] = {"count": _column(Type.INT, columns[1])}
    for at, name in enumerate(fields):
        for suffix, column in zip(("", "_min", "_max"), columns[2 + 3 * at : 5 + 3 * at], strict=True):
            found[name + suffix] = _column(Type.FLOAT, column)
    return Table(_times(columns[0]), found)


def _transposed(records: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*records, strict=True)] if records else [[] for _ in range(width)]


def _times(column: list[int]) -> NDArray[np.int64]:
    return np.array(column, dtype=np.int64)


def _column(kind: Type, column: list[Any]) -> Any:
    if kind is Type.FLOAT or (kind is Type.INT and None in column):
        return np.array(column, dtype=np.float64)  # None becomes NaN
    return np.array(column, dtype=np.int64) if kind is Type.INT else column

"""Rows as InfluxDB line protocol, a column at a time.

Source: InfluxDB documentation, "Line protocol". Tags need no escaping here, since every tag is a name
(`telltale.topics.is_name`); strings do. Floats are always written as floats (`1.0`), integers with `i`, what is not
finite or absent is left out, bytes are base64 text. A row without any field has no line.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud_service.store.check import key_fields
from cloud_service.store.schema import MEASUREMENTS, Rows, Type

_FORMATS = {Type.FLOAT: "{}=%r", Type.INT: "{}=%di", Type.TEXT: '{}="%s"', Type.BYTES: '{}="%s"'}


def encode_lines(rows: Rows, tags: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """(row index, line) of each row that has a field; times in nanoseconds.

    Args:
        rows: checked rows (see `cloud_service.store.check`).
        tags: name → value, both names.
    """
    measurement = MEASUREMENTS[rows.measurement]
    keys = key_fields(measurement)
    names = [name for name in rows.columns if name not in keys]
    columns = [_printable(measurement.fields[name], rows.columns[name]) for name in names]
    key_columns = [list(rows.columns[key]) for key in keys]
    head = ",".join(
        [rows.measurement, *(f"{tag}={value}" for tag, value in tags.items()), *(f"{key}=%s" for key in keys)]
    )
    for present, indices in _patterns([present for _, present in columns], len(rows)):
        chosen = [at for at, is_present in enumerate(present) if is_present]
        if not chosen:
            continue
        fields = ",".join(_FORMATS[measurement.fields[names[at]]].format(names[at]) for at in chosen)
        values = [*key_columns, *(columns[at][0] for at in chosen), rows.t_ns.tolist()]
        yield from _lines(f"{head} {fields} %d", values, indices, len(rows))


def _lines(
    pattern: str, columns: Sequence[list[Any]], indices: NDArray[np.intp], count: int
) -> Iterator[tuple[int, str]]:
    listed = indices.tolist()
    if len(listed) < count:
        columns = [[column[index] for index in listed] for column in columns]
    for index, row in zip(listed, zip(*columns, strict=True), strict=True):
        yield index, pattern % row


def _patterns(present: Sequence[NDArray[np.bool_]], count: int) -> Iterator[tuple[list[bool], NDArray[np.intp]]]:
    """Rows that have the same fields, together: mostly all of them do."""
    if not present:
        return
    matrix = np.stack(present, axis=1)
    if matrix.all():
        yield [True] * len(present), np.arange(count)
        return
    patterns, which = np.unique(matrix, axis=0, return_inverse=True)
    for at, pattern in enumerate(patterns):
        yield pattern.tolist(), np.flatnonzero(which.ravel() == at)


def _printable(kind: Type, column: Any) -> tuple[list[Any], NDArray[np.bool_]]:
    """Values as the format takes them, and where there is one."""
    if kind is Type.FLOAT:
        values = np.asarray(column, dtype=np.float64)
        return values.tolist(), np.isfinite(values)
    if kind is Type.INT:
        return np.asarray(column, dtype=np.int64).tolist(), np.ones(len(column), dtype=np.bool_)
    present = np.array([item is not None for item in column], dtype=np.bool_)
    return [_quoted(item) for item in column], present


def _quoted(item: str | bytes | None) -> str:
    if item is None:
        return ""
    if isinstance(item, bytes):
        return base64.b64encode(item).decode("ascii")
    return item.replace("\\", "\\\\").replace('"', '\\"')

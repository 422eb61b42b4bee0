"""What is written for InfluxDB reads back, by a parser of the documentation, as what was to be written."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

from cloud_service.store.check import check_rows, key_fields
from cloud_service.store.line_protocol import encode_lines
from cloud_service.store.schema import MEASUREMENTS, Rows, Type
from telltale.errors import RejectedError
from telltale.topics import is_name
from tests.fuzz import lines
from tests.fuzz.draw import Draw

NAMES = ("bridge.az", "a", "0-_.z", "gw-1", "x" * 64)


def target(data: bytes) -> None:
    rows, tags = draw_rows(Draw(data))
    try:
        check_rows(rows)
    except RejectedError:
        return
    check_lines(rows, tags)


def draw_rows(draw: Draw) -> tuple[Rows, dict[str, str]]:
    measurement = draw.choice(tuple(MEASUREMENTS.values()))
    count = 1 + draw.number(1) % 3
    named = [name for name in measurement.fields if draw.number(1) % 4 or name in key_fields(measurement)]
    columns = {name: _column(draw, measurement.fields[name], count) for name in named}
    times = np.array([draw.number(8, signed=True) for _ in range(count)], np.int64)
    return Rows(measurement.name, draw.choice(NAMES), times, columns), {measurement.subject: _name(draw)}


def _name(draw: Draw) -> str:
    given = draw.text()
    return given if is_name(given) else draw.choice(NAMES)


def _column(draw: Draw, kind: Type, count: int) -> Any:
    if kind is Type.FLOAT:
        return np.array([draw.float64() for _ in range(count)])
    if kind is Type.INT:
        return np.array([draw.number(8, signed=True) for _ in range(count)], np.int64)
    if kind is Type.BYTES:
        return [draw.take(draw.number(1)) or None for _ in range(count)]
    return [draw.text() or None for _ in range(count)]


def check_lines(rows: Rows, tags: dict[str, str]) -> None:
    keys = key_fields(MEASUREMENTS[rows.measurement])
    written = dict(encode_lines(rows, tags))
    for index in range(len(rows)):
        expected = _fields(rows, index, keys)
        if not expected:
            assert index not in written
            continue
        name, found_tags, fields, at_ns = lines.parse(written[index])
        assert (name, at_ns) == (rows.measurement, rows.t_ns[index])
        assert found_tags == {**tags, **{key: rows.columns[key][index] for key in keys}}
        assert {key: (type(value), value) for key, value in fields.items()} == expected


def _fields(rows: Rows, index: int, keys: tuple[str, ...]) -> dict[str, tuple[type, object]]:
    found: dict[str, tuple[type, object]] = {}
    for name, column in rows.columns.items():
        kind, value = MEASUREMENTS[rows.measurement].fields[name], column[index]
        if name in keys or value is None or (kind is Type.FLOAT and not math.isfinite(value)):
            continue
        plain = {Type.FLOAT: float, Type.INT: int, Type.BYTES: lambda item: base64.b64encode(item).decode()}
        plain_value = plain.get(kind, str)(value)
        found[name] = (type(plain_value), plain_value)
    return found

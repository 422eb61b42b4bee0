"""The gate of every store: what may become an identifier or a value. Nothing passes that is not on the allow-list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cloud_service.store.port import Query
from cloud_service.store.refused import Refused
from cloud_service.store.schema import MEASUREMENTS, Measurement, Rows, Type
from telltale.errors import RejectedError, RejectReason
from telltale.site import Site
from telltale.topics import is_name

MAX_TEXT_BYTES = 65_536


def sift(batches: Sequence[Rows], site: Site) -> tuple[list[Rows], list[Refused]]:
    """Those that a store may write (none of them empty), and those that it may not."""
    good: list[Rows] = []
    refused: list[Refused] = []
    gateways = site.gateways()
    for rows in batches:
        try:
            known = gateways if _measurement(rows.measurement).subject == "gateway" else site.places
            check_rows(rows)
            if rows.subject not in known:
                raise _unknown_subject(rows)
        except RejectedError as error:
            refused.append(Refused(rows, error.reason, error.detail))
        else:
            if len(rows):
                good.append(rows)
    return good, refused


def check_rows(rows: Rows) -> None:
    """Whether names, shapes and types are those of the schema.

    Raises:
        RejectedError: naming the measurement and the field.
    """
    measurement = _measurement(rows.measurement)
    for name in key_fields(measurement):
        for word in rows.columns.get(name, [None]):
            if not isinstance(word, str) or not is_name(word):
                raise RejectedError(
                    RejectReason.BAD_NAME, f"{measurement.name}.{name}: {word!r:.64}, expected a name (part of the key)"
                )
    for name, column in rows.columns.items():
        kind = _field(measurement, name)
        if len(column) != len(rows):
            raise RejectedError(
                RejectReason.COUNT_MISMATCH,
                f"{measurement.name}.{name}: {len(column)} values, {len(rows)} times",
            )
        if kind in (Type.FLOAT, Type.INT):
            _check_numbers(f"{measurement.name}.{name}", kind, column)
        else:
            _check_items(f"{measurement.name}.{name}", kind, list(column))


def key_fields(measurement: Measurement) -> tuple[str, ...]:
    """Fields that are part of the key beside subject and time: findings of several reasons may share a time."""
    return ("reason",) if measurement.name == "finding" else ()


def check_query(query: Query) -> Measurement:
    """The measurement of a query whose names are all on the allow-list.

    Raises:
        RejectedError: a name that is not, or buckets without a float field; names it.
    """
    measurement = _measurement(query.measurement)
    if not is_name(query.subject):
        raise RejectedError(RejectReason.BAD_NAME, f"{measurement.subject} {query.subject[:64]!r}")
    for name in query.fields:
        _field(measurement, name)
    if not query.fields:
        raise RejectedError(RejectReason.BAD_NAME, f"{measurement.name}: no field was asked for")
    if query.bucket_ns and not float_fields(measurement, query.fields):
        raise RejectedError(RejectReason.BAD_NAME, f"{measurement.name}: buckets need a float field")
    return measurement


def float_fields(measurement: Measurement, fields: Sequence[str]) -> tuple[str, ...]:
    """The fields that buckets can average."""
    return tuple(name for name in fields if measurement.fields[name] is Type.FLOAT)


def _measurement(name: str) -> Measurement:
    try:
        return MEASUREMENTS[name]
    except KeyError:
        raise RejectedError(RejectReason.BAD_NAME, f"measurement {name[:64]!r}") from None


def _field(measurement: Measurement, name: str) -> Type:
    try:
        return measurement.fields[name]
    except KeyError:
        raise RejectedError(RejectReason.BAD_NAME, f"{measurement.name}: field {name[:64]!r}") from None


def _unknown_subject(rows: Rows) -> RejectedError:
    kind = MEASUREMENTS[rows.measurement].subject
    reason = RejectReason.UNKNOWN_GATEWAY if kind == "gateway" else RejectReason.UNKNOWN_CHANNEL
    return RejectedError(reason, f"the site has no {kind} {rows.subject[:64]!r}")


def _check_numbers(where: str, kind: Type, column: Any) -> None:
    allowed = "fiu" if kind is Type.FLOAT else "iub"
    dtype = np.asarray(column).dtype
    if dtype.kind not in allowed:
        raise RejectedError(RejectReason.BAD_VALUE, f"{where}: {dtype} values, expected {kind.value}")


def _check_items(where: str, kind: Type, column: Sequence[Any]) -> None:
    expected = str if kind is Type.TEXT else bytes
    for item in column:
        if item is not None and not isinstance(item, expected):
            raise RejectedError(RejectReason.BAD_VALUE, f"{where}: {type(item).__name__}, expected {kind.value}")
        if isinstance(item, str) and _encoded_size(where, item) > MAX_TEXT_BYTES:
            raise RejectedError(RejectReason.TOO_LARGE, f"{where}: text of more than {MAX_TEXT_BYTES} bytes")


def _encoded_size(where: str, text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise RejectedError(RejectReason.BAD_VALUE, f"{where}: text that is no valid Unicode") from None

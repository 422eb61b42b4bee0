"""Time stamps in logger files → UTC nanoseconds.

ISO 8601 (with a blank or a T, with or without a zone), epoch seconds, milliseconds, microseconds or nanoseconds (told
apart by size), and seconds from a start.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telltale.clock import NS_PER_S

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ISO = re.compile(rb"^\s*\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?)?\s*(Z|[+-]\d\d:?\d\d)?\s*$")
# From 1973 on, counts of the four units cannot be confused; below that a number counts seconds from a start.
PLAIN = re.compile(rb"((19|20)\d\d-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?(\n|\Z))+")
MAX_STAMP_NS = 2**62  # the years 1824 to 2116: room for sums within 64 bits
EPOCH_UNITS = ((1e17, 1), (1e14, 1_000), (1e11, 1_000_000), (1e8, NS_PER_S))

Texts = NDArray[np.bytes_]


class StampError(ValueError):
    """A stamp that is no time; `index` is its place."""

    def __init__(self, index: int, text: str) -> None:
        super().__init__(f"{text!r} is no time")
        self.index = index
        self.text = text


def looks_like_time(text: str) -> bool:
    """Whether `text` is an ISO 8601 date or date and time."""
    return ISO.match(text.encode()) is not None


def parse_stamps(texts: Texts, start_ns: int, utc_offset_h: float) -> NDArray[np.int64]:
    """UTC ns of stamps, shape (n,).

    Args:
        texts: stamps as they stand in the file, shape (n,); all of one style.
        start_ns: UTC of zero, for stamps that count seconds from a start.
        utc_offset_h: subtracted from stamps that name no zone.

    Raises:
        StampError: naming the first one that is no time.
    """
    if not texts.size:
        return np.zeros(0, np.int64)
    if ISO.match(bytes(texts[0])) is None:
        return _numbers(texts, start_ns)
    try:
        plain = texts.astype("M8[ns]").astype(np.int64) if _all_plain(texts) else None
    except ValueError:
        plain = None
    if plain is not None:
        return plain - round(utc_offset_h * 3600 * NS_PER_S)
    return np.array([_one(index, bytes(text), utc_offset_h) for index, text in enumerate(texts)], np.int64)


def _all_plain(texts: Texts) -> bool:
    """Whether numpy's own parser may take them: no zone, no decimal comma, a year that it does not wrap around."""
    return PLAIN.fullmatch(b"\n".join(texts.tolist())) is not None


def _one(index: int, text: bytes, utc_offset_h: float) -> int:
    if ISO.match(text) is None:
        raise StampError(index, text.decode(errors="replace"))
    try:
        at = datetime.fromisoformat(text.decode().strip().replace(",", "."))
    except ValueError:
        raise StampError(index, text.decode(errors="replace")) from None
    zone_ns = round(utc_offset_h * 3600 * NS_PER_S) if at.tzinfo is None else 0
    since = at.replace(tzinfo=at.tzinfo or UTC) - EPOCH
    stamp_ns = (since // timedelta(microseconds=1)) * 1000 - zone_ns
    if abs(stamp_ns) >= MAX_STAMP_NS:
        raise StampError(index, text.decode(errors="replace"))
    return stamp_ns


def _numbers(texts: Texts, start_ns: int) -> NDArray[np.int64]:
    try:
        # Epoch nanoseconds need 61 bits: more than a double has.
        values: NDArray[Any] = texts.astype(np.longdouble)
    except ValueError:
        values = np.array([_number(index, bytes(text)) for index, text in enumerate(texts)], np.longdouble)
    return from_numbers(values, start_ns)


def _number(index: int, text: bytes) -> np.longdouble:
    try:
        return np.longdouble(text.decode())
    except ValueError:
        raise StampError(index, text.decode(errors="replace")) from None


def from_numbers(values: NDArray[Any], start_ns: int) -> NDArray[np.int64]:
    """UTC ns of numeric stamps, shape (n,): epoch times by their size, or seconds after `start_ns`.

    Raises:
        StampError: naming the first one that is no finite number or beyond the range of 64-bit nanoseconds.
    """
    finite = np.isfinite(values)
    if not finite.all():
        index = int(np.argmin(finite))
        raise StampError(index, str(values[index]))
    largest = float(np.abs(values).max())
    for threshold, unit_ns in EPOCH_UNITS:
        if largest >= threshold:
            return _scaled(values, unit_ns, 0)
    return _scaled(values, NS_PER_S, start_ns)


def _scaled(values: NDArray[Any], unit_ns: int, zero_ns: int) -> NDArray[np.int64]:
    scaled = np.rint(values.astype(np.longdouble) * unit_ns)
    outside = np.abs(scaled) >= MAX_STAMP_NS
    if outside.any():
        index = int(np.argmax(outside))
        raise StampError(index, str(values[index]))
    stamps: NDArray[np.int64] = scaled.astype(np.int64) + zero_ns
    return stamps


def regular_times(first: int, count: int, rate_hz: float, start_ns: int) -> NDArray[np.int64]:
    """UTC ns of samples `first` to `first + count` at `rate_hz` from `start_ns`; rounded one by one, no drift."""
    steps = np.arange(first, first + count, dtype=np.longdouble) * NS_PER_S / rate_hz
    stamps: NDArray[np.int64] = start_ns + np.rint(steps).astype(np.int64)
    return stamps

"""A channel's history for charts and the API: the store's rows, thinned to what a screen can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cloud_service.store.port import Query, Table
from cloud_service.store.schema import MEASUREMENTS, Type
from cloud_service.store.waveform import FIELDS, unpack
from cloud_service.store_reader import StoreReader
from models.spectra import psd
from telltale.clock import NS_PER_S
from telltale.errors import RejectedError

MAX_POINTS = 5_000
# Buckets that divide an hour or a day, so that rollups can serve them.
_BUCKETS_S = (60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 7 * 86400, 30 * 86400)


@dataclass(frozen=True, slots=True)
class Waveform:
    """The newest window of a channel: samples (n,) in the base unit; frequencies (m,) in Hz, density in unit²/Hz."""

    t0_ns: int
    rate_hz: float
    samples: np.ndarray[Any, np.dtype[np.float64]]
    frequency_hz: np.ndarray[Any, np.dtype[np.float64]]
    density: np.ndarray[Any, np.dtype[np.float64]]


def numeric_fields(measurement: str) -> tuple[str, ...]:
    """The fields of a measurement that can be drawn."""
    return tuple(name for name, kind in MEASUREMENTS[measurement].fields.items() if kind in (Type.FLOAT, Type.INT))


def bucket_for(start_ns: int, end_ns: int, interval_s: float, points: int) -> int:
    """The bucket (ns) that brings [start, end) down to about `points` rows; 0 where raw rows are few enough."""
    span_s = max(end_ns - start_ns, 0) / NS_PER_S
    if span_s / interval_s <= points:
        return 0
    wide_enough = (bucket_s for bucket_s in _BUCKETS_S if span_s / bucket_s <= points)
    return next(wide_enough, max(_BUCKETS_S[-1], int(span_s / points))) * NS_PER_S


async def read_history(
    store: StoreReader,
    measurement: str,
    subject: str,
    fields: Sequence[str],
    *,
    start_ns: int,
    end_ns: int,
    bucket_ns: int,
) -> Table:
    """Rows of [start, end), at most `MAX_POINTS`, the newest ones.

    Raises:
        RetryError: the store cannot be read now.
    """
    floats = tuple(name for name in fields if MEASUREMENTS[measurement].fields[name] is Type.FLOAT)
    wanted = floats if bucket_ns else tuple(fields)
    return await store.read(
        Query(
            measurement,
            subject,
            wanted,
            start_ns=start_ns,
            end_ns=end_ns,
            bucket_ns=bucket_ns,
            newest=MAX_POINTS,
        )
    )


async def newest_waveform(store: StoreReader, channel: str) -> Waveform | None:
    """The newest window whose samples the store still has, with its power spectral density; None without one.

    Raises:
        RetryError: the store cannot be read now.
    """
    table = await store.read(Query("waveform", channel, FIELDS, newest=1))
    if len(table) == 0:
        return None
    count, rate_hz, packed, dtype, scale, offset = (table.columns[name][-1] for name in FIELDS)
    try:
        samples = unpack(packed, int(count), dtype, float(scale), float(offset))
    except RejectedError:
        return None
    frequency_hz, density = psd(samples[np.newaxis, :].astype(np.float32), float(rate_hz))
    return Waveform(int(table.t_ns[-1]), float(rate_hz), samples, frequency_hz, density[0])

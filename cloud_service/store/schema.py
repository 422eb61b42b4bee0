"""What is stored: the allow-list of measurements and fields that both stores and every query are built from.

No identifier reaches a database unless it stands here or is a channel or gateway id of the site.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray


class Type(StrEnum):
    """Type of a field."""

    FLOAT = "float"
    INT = "int"
    TEXT = "text"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class Measurement:
    """A kind of row.

    Attributes:
        name: table and measurement name.
        subject: what a row belongs to: "channel" or "gateway" (a tag in InfluxDB).
        fields: name → type. A float may be NaN: then the field is absent from the row.
        rollup: fields that are kept as hourly mean, min, max and count.
        raw_days: how long raw rows are kept by default; 0: for ever.
        is_rewritten: a row may be written again with other figures: a day goes on, or more of a window comes.
    """

    name: str
    subject: str
    fields: Mapping[str, Type]
    rollup: tuple[str, ...] = ()
    raw_days: int = 0
    is_rewritten: bool = False


_F, _I, _T, _B = Type.FLOAT, Type.INT, Type.TEXT, Type.BYTES
BANDS = 8
MODES = 4

MEASUREMENTS: dict[str, Measurement] = {
    m.name: m
    for m in (
        # A scalar reading, in the channel's base unit. Missing: value absent, flag bit 1 set.
        Measurement("reading", "channel", {"value": _F, "flag": _I}, ("value",)),
        # A waveform window: t is its first sample. `flagged` counts samples that are not plainly good.
        Measurement(
            "window",
            "channel",
            {
                "samples": _I,
                "flagged": _I,
                "rate_hz": _F,
                "mean": _F,
                "rms": _F,  # about the mean
                "peak": _F,  # about the mean
                "crest": _F,
                "kurtosis": _F,
                **{f"mode{i}_hz": _F for i in range(1, MODES + 1)},
                **{f"band{i}": _F for i in range(BANDS)},
                "temperature_c": _F,
            },
            ("rms", "peak", "mode1_hz"),
            is_rewritten=True,
        ),
        # Peak vibration velocity of a window, the frequency of its half wave, and the guide value there.
        Measurement(
            "velocity",
            "channel",
            {"peak_mm_s": _F, "frequency_hz": _F, "guide_mm_s": _F},
            ("peak_mm_s",),
        ),
        # Tracked modes from the mean spectrum of a block (t is its newest window), each with its standard error.
        # `refused` names modes that have no frequency or no damping, and why.
        Measurement(
            "modes",
            "channel",
            {
                "windows": _I,
                **{
                    f"mode{i}_{what}": _F
                    for i in range(1, MODES + 1)
                    for what in ("hz", "se_hz", "damping", "damping_se")
                },
                "refused": _T,
            },
            is_rewritten=True,
        ),
        # The samples themselves, telltale.wire.body encoded, kept for evidence: value in the base unit = sample of
        # `dtype` · scale + offset. Without dtype (rows of older versions): float32 in the base unit.
        Measurement(
            "waveform",
            "channel",
            {"samples": _I, "rate_hz": _F, "body": _B, "dtype": _T, "scale": _F, "offset": _F},
            (),
            14,
        ),
        # Novelty of a channel: score 1 is the threshold.
        Measurement(
            "novelty",
            "channel",
            {
                "score": _F,
                "z": _F,
                "threshold": _F,
                "feature": _T,
                "sign": _I,
                "scale_h": _F,
                "temperature_c": _F,
            },
            ("score",),
            is_rewritten=True,
        ),
        # Fatigue of a strain channel, a row a window or a day.
        Measurement(
            "fatigue",
            "channel",
            {"cycles": _F, "damage": _F, "damage_total": _F, "range_max_mpa": _F},
            is_rewritten=True,
        ),
        # Trend of a crack with temperature and season removed.
        Measurement(
            "trend",
            "channel",
            {
                "compensated": _F,
                "trend_per_year": _F,
                "low_per_year": _F,
                "high_per_year": _F,
                "temperature_effect_per_c": _F,
                "r2_below_36h": _F,
            },
            is_rewritten=True,
        ),
        # Remaining life in years from t; `refused` holds telltale.findings.Refusal and then there are no quantiles.
        Measurement(
            "life",
            "channel",
            {
                "p5_years": _F,
                "p10_years": _F,
                "p50_years": _F,
                "p90_years": _F,
                "p95_years": _F,
                "refused": _T,
            },
            is_rewritten=True,
        ),
        # A verdict whose tier changed, and once a day while it is not clear.
        Measurement(
            "finding",
            "channel",
            {"reason": _T, "tier": _T, "score": _F, "value": _F, "limit": _F, "detail": _T},
        ),
        # How complete a channel is, a row a UTC day (t is its start), from its first reading to its newest.
        Measurement(
            "completeness",
            "channel",
            {"expected": _I, "missing": _I, "gaps": _I, "complete_percent": _F},
            is_rewritten=True,
        ),
        # The books of a gateway, frames over all its runs; `missing` is not yet received.
        Measurement(
            "books",
            "gateway",
            {"stored": _I, "dropped": _I, "dead_lettered": _I, "missing": _I, "complete_percent": _F},
            (),
            400,
        ),
        Measurement(
            "gateway",
            "gateway",
            {
                "backlog_frames": _I,
                "backlog_bytes": _I,
                "produced": _I,
                "acknowledged": _I,
                "rejected": _I,
                "dropped": _I,
                "rss_bytes": _I,
                "disk_free_bytes": _I,
                "online": _I,
            },
            (),
            90,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one measurement and one subject, column by column.

    Attributes:
        measurement: a name in `MEASUREMENTS`.
        subject: channel or gateway id.
        t_ns: shape (n,), UTC ns. (measurement, subject, t) is the key: written twice, the later one wins. Findings
            are keyed by (subject, t, reason).
        columns: field → array of shape (n,) (float64, int64) or list of n (text, bytes). Absent fields stay empty.
    """

    measurement: str
    subject: str
    t_ns: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any] | Sequence[Any]]

    def __len__(self) -> int:
        return int(self.t_ns.size)


def one_row(rows: Rows, index: int) -> Rows:
    """A single row of `rows`."""
    columns = {name: column[index : index + 1] for name, column in rows.columns.items()}
    return Rows(rows.measurement, rows.subject, rows.t_ns[index : index + 1], columns)


def encode_rows(batches: Sequence[Rows]) -> bytes:
    """Rows for the spool, as msgpack."""
    return msgspec.msgpack.encode([_pack(rows) for rows in batches])


def decode_rows(data: bytes) -> list[Rows]:
    """Rows from the spool."""
    return [_unpack(item) for item in msgspec.msgpack.decode(data, type=list[list[Any]])]


def _pack(rows: Rows) -> list[Any]:
    columns: dict[str, Any] = {}
    for name, column in rows.columns.items():
        kind = MEASUREMENTS[rows.measurement].fields[name]
        if kind is Type.FLOAT:
            columns[name] = np.ascontiguousarray(column, dtype="<f8").tobytes()
        elif kind is Type.INT:
            columns[name] = np.ascontiguousarray(column, dtype="<i8").tobytes()
        else:
            columns[name] = list(column)
    return [rows.measurement, rows.subject, np.ascontiguousarray(rows.t_ns, dtype="<i8").tobytes(), columns]


def _unpack(item: list[Any]) -> Rows:
    measurement, subject, t_ns, packed = item
    columns: dict[str, Any] = {}
    for name, column in packed.items():
        kind = MEASUREMENTS[measurement].fields[name]
        if kind is Type.FLOAT:
            columns[name] = np.frombuffer(column, dtype="<f8")
        elif kind is Type.INT:
            columns[name] = np.frombuffer(column, dtype="<i8")
        else:
            columns[name] = column
    return Rows(measurement, subject, np.frombuffer(t_ns, dtype="<i8"), columns)

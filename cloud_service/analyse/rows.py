"""Readings, windows, waveforms and findings → rows for the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import Batch
from cloud_service.store.schema import MEASUREMENTS, Rows
from cloud_service.store.waveform import pack
from telltale.clock import NS_PER_S
from telltale.findings import Finding
from telltale.readings import Block
from telltale.site import Channel

Columns = dict[str, NDArray[Any] | Sequence[Any]]

_WINDOW_FLOATS = tuple(
    name for name in MEASUREMENTS["window"].fields if name not in ("samples", "flagged", "rate_hz", "temperature_c")
)


def reading_rows(channel: Channel, batch: Batch, blocks: Sequence[Block | None], waveform_every: int) -> Iterator[Rows]:
    """What the store keeps of a batch itself: every reading, or every window and the samples of every k-th.

    `blocks` as in `cloud_service.analyse.piece.Piece`.
    """
    if batch.windows is None:
        columns = {"value": batch.values, "flag": batch.flags.astype(np.int64)}
        yield Rows("reading", channel.id, batch.t_ns, columns)
        return
    yield _window_rows(channel, batch)
    kept = _kept_windows(channel, batch.t_ns, waveform_every)
    if kept.size:
        yield _waveform_rows(channel, batch, kept, _packed(channel, batch.windows, blocks, kept))


def _window_rows(channel: Channel, batch: Batch) -> Rows:
    counts = {name: batch.features[name].astype(np.int64) for name in ("samples", "flagged")}
    floats = {name: batch.features[name] for name in _WINDOW_FLOATS}
    rate_hz = np.full(len(batch), batch.rate_hz)
    own = {"rate_hz": rate_hz, "temperature_c": batch.temperature_c[:, 0]}
    return Rows("window", channel.id, batch.t_ns, {**counts, **floats, **own})


def _kept_windows(channel: Channel, t_ns: NDArray[np.int64], every: int) -> NDArray[np.intp]:
    """By the window's place in time, not by a count: the same windows are kept however often they are analysed."""
    if every == 0:
        return np.empty(0, np.intp)
    number = t_ns // max(1, round(channel.interval_s * NS_PER_S))
    return np.flatnonzero(number % every == 0)


def _packed(
    channel: Channel, windows: NDArray[np.float32], blocks: Sequence[Block | None], kept: NDArray[np.intp]
) -> Columns:
    dtype, scale, offset, body = zip(
        *(pack(windows[row], blocks[row], channel.to_base_unit) for row in kept.tolist()), strict=True
    )
    samples = np.full(kept.size, windows.shape[1], dtype=np.int64)
    return {"samples": samples, "body": body, "dtype": dtype, "scale": np.array(scale), "offset": np.array(offset)}


def _waveform_rows(channel: Channel, batch: Batch, kept: NDArray[np.intp], packed: Columns) -> Rows:
    columns: Columns = {"rate_hz": np.full(kept.size, batch.rate_hz), **packed}
    return Rows("waveform", channel.id, batch.t_ns[kept], columns)


def finding_rows(findings: Sequence[Finding]) -> list[Rows]:
    """A row for each finding, one `Rows` a channel; the detail is the evidence as JSON."""
    by_channel: dict[str, list[Finding]] = {}
    for finding in findings:
        by_channel.setdefault(finding.channel, []).append(finding)
    return [_finding_rows(channel, found) for channel, found in by_channel.items()]


def _finding_rows(channel: str, findings: Sequence[Finding]) -> Rows:
    columns: Columns = {
        "reason": [finding.reason.value for finding in findings],
        "tier": [finding.tier.value for finding in findings],
        "score": np.array([finding.score for finding in findings]),
        "value": np.array([finding.value for finding in findings]),
        "limit": np.array([finding.limit for finding in findings]),
        "detail": [msgspec.json.encode(finding.evidence).decode() for finding in findings],
    }
    return Rows("finding", channel, np.array([finding.t_ns for finding in findings], dtype=np.int64), columns)

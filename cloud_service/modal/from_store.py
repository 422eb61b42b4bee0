"""Stored waveforms of a structure's channels: windows that began at the same moment, the longest run without a gap."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cloud_service.modal.clock_faults import clock_faults, outside
from cloud_service.modal.simultaneous import MIN_PLACES, Simultaneous, check_clocks, longest_run, tolerated_s
from cloud_service.settings import CloudSettings, load_cloud
from cloud_service.store.port import Query, Store, Table
from cloud_service.store.waveform import FIELDS, unpack
from telltale.clock import NS_PER_S
from telltale.errors import UserError
from telltale.findings import Refusal
from telltale.site import Channel


def read_store(
    config: Path,
    structure: str,
    names: Sequence[str],
    *,
    span_ns: tuple[int, int],
    max_hz: float,
    clock_error_s: float | None,
) -> Simultaneous:
    """The vibration channels of `structure` (or those of `names`) in the span, as samples at the same moments.

    Raises:
        UserError: no such structure or channel, channels that do not fit together, clocks that are not good enough, no
            windows that began together.
    """
    cloud = load_cloud(config)
    channels = _channels(cloud, structure, names)
    check_clocks({channel.id: channel.gateway for channel in channels}, max_hz, clock_error_s)
    tables = asyncio.run(_read(cloud, channels, span_ns))
    return _joined(channels, tables, max_hz, clock_faults(cloud.data_dir, channels))


def _channels(cloud: CloudSettings, structure: str, names: Sequence[str]) -> list[Channel]:
    known = {item.id: item for _, item in cloud.site.structures()}
    if structure not in known:
        raise UserError(f"no structure {structure!r}", f"the site has {', '.join(sorted(known))}")
    found = [item for item in known[structure].channels if item.kind == "vibration" and item.is_waveform]
    if names:
        by_id = {item.id: item for item in found}
        missing = next((name for name in names if name not in by_id), None)
        if missing is not None:
            raise UserError(f"no vibration channel {missing!r}", f"{structure!r} has {', '.join(sorted(by_id))}")
        found = [by_id[name] for name in names]
    if len(found) < MIN_PLACES:
        raise UserError(f"{structure}: {len(found)} vibration channels", f"a shape needs at least {MIN_PLACES}")
    if len({(item.rate_hz, item.window_samples) for item in found}) > 1:
        raise UserError(f"{structure}: rates or window lengths differ", "choose like ones with --channels")
    return found


async def _read(cloud: CloudSettings, channels: Sequence[Channel], span_ns: tuple[int, int]) -> list[Table]:
    store: Store = await cloud.store().open(cloud.site, cloud.data_dir)
    try:
        spans = {"start_ns": span_ns[0], "end_ns": span_ns[1]}
        return [await store.read(Query("waveform", channel.id, FIELDS, **spans)) for channel in channels]
    finally:
        await store.close()


def _joined(
    channels: Sequence[Channel], tables: Sequence[Table], max_hz: float, doubtful: Sequence[tuple[int, int]]
) -> Simultaneous:
    length, rate_hz = channels[0].window_samples, channels[0].rate_hz
    for channel, table in zip(channels, tables, strict=True):
        if not len(table):
            raise UserError(f"channel {channel.id!r}: no stored windows in the span", "see analyse.waveform_every")
    kept = [np.flatnonzero(outside(table.t_ns, doubtful)) for table in tables]
    left_out = max(len(table) - own.size for table, own in zip(tables, kept, strict=True))
    if not all(own.size for own in kept):
        raise UserError(
            f"{Refusal.CLOCK_UNRELIABLE.value}: a clock was wrong while the {left_out} windows of the span were taken",
            "see the incidents of the gateways and sensors, and choose another span",
        )
    starts_ns = [table.t_ns[own] for table, own in zip(tables, kept, strict=True)]
    rows = [own[at] for own, at in zip(kept, _together(starts_ns, tolerated_s(max_hz)), strict=True)]
    if not rows[0].size:
        raise UserError(
            f"{Refusal.CLOCK_UNRELIABLE.value}: no windows of all {len(channels)} channels began together",
            f"shapes up to {max_hz:g} Hz need starts within {tolerated_s(max_hz):.2g} s",
        )
    run = longest_run(tables[0].t_ns[rows[0]], length, rate_hz)
    columns = [_samples(table, own[run], length) for table, own in zip(tables, rows, strict=True)]
    samples = np.column_stack(columns)
    if not np.isfinite(samples).all():
        raise UserError("samples are missing in the longest run of windows", "choose a span without gaps")
    note = f"{run.stop - run.start} windows without a gap, of {rows[0].size} that began together"
    notes = (note, f"{left_out} windows left out: a clock was wrong then") if left_out else (note,)
    return Simultaneous(tuple(channel.id for channel in channels), samples, rate_hz, notes)


def _together(starts_ns: Sequence[NDArray[np.int64]], within_s: float) -> list[NDArray[np.intp]]:
    """For each channel the rows of windows that began within `within_s` of a window of every other channel."""
    first = starts_ns[0]
    nearest = [_nearest(first, other) for other in starts_ns]
    apart = [np.abs(other[rows] - first) <= within_s * NS_PER_S for other, rows in zip(starts_ns, nearest, strict=True)]
    common = reduce(np.logical_and, apart)
    return [rows[common] for rows in nearest]


def _nearest(wanted: NDArray[np.int64], given: NDArray[np.int64]) -> NDArray[np.intp]:
    after = np.clip(np.searchsorted(given, wanted), 1, max(given.size - 1, 1))
    after = np.minimum(after, given.size - 1)
    before = np.maximum(after - 1, 0)
    return np.where(np.abs(given[before] - wanted) <= np.abs(given[after] - wanted), before, after)


def _samples(table: Table, rows: NDArray[np.intp], length: int) -> NDArray[np.float64]:
    parts = []
    for row in rows.tolist():
        count, _, packed, dtype, scale, offset = (table.columns[name][row] for name in FIELDS)
        if int(count) != length:
            raise UserError(f"a stored window has {int(count)} samples instead of {length}", "choose another span")
        parts.append(unpack(packed, length, dtype, float(scale), float(offset)))
    return np.concatenate(parts)

"""Rows of the store as the frames that they came from: readings, and the windows whose samples are still kept."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.decode import Decoded
from cloud_service.store.port import Query, Store, Table
from cloud_service.store.waveform import FIELDS, unpack
from telltale.clock import NS_PER_DAY
from telltale.errors import RejectedError
from telltale.readings import Block, Flag, spans_of
from telltale.site import Channel, Site


class StoreHistory:
    """The store's rows, a day at a time.

    Args:
        store: read only.
        site: whose channels are read.

    Attributes:
        lost_windows: windows of which the store has features but no samples.
    """

    def __init__(self, store: Store, site: Site) -> None:
        self._store = store
        self._site = site
        self.lost_windows = 0

    def spans(self, start_ns: int, end_ns: int) -> Iterator[tuple[int, int]]:
        """[start, end) by UTC days, so that little is held in memory."""
        at_ns = start_ns
        while at_ns < end_ns:
            next_ns = min((at_ns // NS_PER_DAY + 1) * NS_PER_DAY, end_ns)
            yield at_ns, next_ns
            at_ns = next_ns

    async def frames(self, start_ns: int, end_ns: int) -> list[Decoded]:
        """A frame of each gateway with all that its channels brought in [start, end)."""
        found = []
        for number, (gateway, places) in enumerate(self._site.gateways().items()):
            blocks: list[Block] = []
            for place in places:
                blocks += await self._blocks(place.channel, start_ns, end_ns)
            if blocks:
                heard_ns = max(block.end_ns() for block in blocks)
                found.append(Decoded(start_ns + number, gateway, heard_ns, tuple(blocks)))
        return found

    async def _blocks(self, channel: Channel, start_ns: int, end_ns: int) -> list[Block]:
        if channel.is_waveform:
            return await self._windows(channel, start_ns, end_ns)
        table = await self._store.read(Query("reading", channel.id, ("value", "flag"), start_ns, end_ns))
        return [_readings(channel, table)] if len(table) else []

    async def _windows(self, channel: Channel, start_ns: int, end_ns: int) -> list[Block]:
        known = await self._store.read(Query("window", channel.id, ("samples",), start_ns, end_ns))
        if not len(known):
            return []
        kept = await self._store.read(Query("waveform", channel.id, FIELDS, start_ns, end_ns))
        blocks = [block for row in range(len(kept)) if (block := _window(channel, kept, row)) is not None]
        self.lost_windows += len(known) - len(blocks)
        return blocks


def _readings(channel: Channel, table: Table) -> Block:
    values = np.asarray(table.columns["value"], dtype=np.float64)
    bits = np.nan_to_num(np.asarray(table.columns["flag"], dtype=np.float64)).astype(np.uint8)
    bits[np.isnan(values)] |= int(Flag.MISSING)
    spans = [span for flag in Flag for span in spans_of((bits & int(flag)) != 0, flag)]
    t_ns: NDArray[np.int64] = table.t_ns
    return Block(
        channel.id, int(t_ns[0]), 0.0, values, 1 / channel.to_base_unit, flags=tuple(spans), dt_ns=t_ns - t_ns[0]
    )


def _window(channel: Channel, table: Table, row: int) -> Block | None:
    """The samples of one window; None where they cannot be read."""
    samples, rate_hz, packed, dtype, scale, offset = (table.columns[name][row] for name in FIELDS)
    try:
        values = unpack(packed, int(samples), dtype, float(scale), float(offset))
    except (RejectedError, TypeError, ValueError):
        return None
    missing = spans_of(np.isnan(values), Flag.MISSING)
    return Block(channel.id, int(table.t_ns[row]), float(rate_hz), values, 1 / channel.to_base_unit, flags=missing)

"""Source `replay`: a logger's file (TOA5, CSV, npz) as if it were acquired now.

Files with a time column give scalar readings, each with its own time; files without one, at `rate_hz` from `start`,
give waveforms. What a file lacks is a flagged sample, never a hole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from telltale.clock import NS_PER_S, Clock
from telltale.errors import SettingsError
from telltale.loggerfile import LoggerReader, ReadOptions, Rows, open_logger_file
from telltale.loggerfile.recording import Format
from telltale.loggerfile.stamps import StampError, parse_stamps
from telltale.readings import missing_spans
from telltale.settings import Settings, convert
from telltale.source import Chunk, SourceContext

PACE_S = 0.1  # a paced replay hands over what has become due this often


class ReplaySettings(Settings, frozen=True):
    """`[source.settings]` of kind `replay`.

    Attributes:
        path: the file, relative to the folder of `edge.toml`.
        format, time, rate_hz, columns, utc_offset_h: as in `telltale.loggerfile.ReadOptions`.
        start: ISO date and time (UTC) of the first sample; needed with `rate_hz`, and for files whose time column
            counts seconds from zero.
        speed: recorded seconds a second; 1 is real time, 0 as fast as the agent takes them.
        rows_per_chunk: rows handed over at once.
    """

    path: str
    format: Format = "auto"
    time: str = ""
    rate_hz: Annotated[float, Meta(gt=0)] | None = None
    columns: tuple[str, ...] = ()
    utc_offset_h: Annotated[float, Meta(ge=-14, le=14)] = 0.0
    start: str = ""
    speed: Annotated[float, Meta(ge=0)] = 0.0
    rows_per_chunk: Annotated[int, Meta(ge=1, le=65_536)] = 1_024


class ReplaySource:
    """Plays one file, once."""

    live = False

    def __init__(self, reader: LoggerReader, clock: Clock, speed: float, rows_per_chunk: int) -> None:
        self.inputs = tuple(reader.units)
        self._reader = reader
        self._clock = clock
        self._speed = speed
        self._rows: Iterator[Rows] = iter(reader.rows(rows_per_chunk))
        self._began: tuple[int, int] | None = None

    async def chunks(self) -> AsyncIterator[Sequence[Chunk]]:
        """Rows in file order; reading runs on a thread, for disks can be slow."""
        while (rows := await asyncio.to_thread(next, self._rows, None)) is not None:
            if self._speed:
                async for part in self._paced(rows):
                    yield self._chunks_of(part)
            else:
                yield self._chunks_of(rows)

    async def _paced(self, rows: Rows) -> AsyncIterator[Rows]:
        """The rows as they become due."""
        if self._began is None:
            self._began = (self._clock.monotonic_ns(), int(rows.times_ns[0]))
        due_s = np.maximum.accumulate((rows.times_ns - self._began[1]) / (NS_PER_S * self._speed))
        start = 0
        while start < due_s.size:
            early_s = due_s[start] - self._elapsed_s()
            if early_s > 0:
                await asyncio.sleep(max(early_s, PACE_S))
            stop = max(int(np.searchsorted(due_s, self._elapsed_s(), side="right")), start + 1)
            yield _slice(rows, start, stop)
            start = stop

    def _elapsed_s(self) -> float:
        began_ns = self._began[0] if self._began else 0
        return (self._clock.monotonic_ns() - began_ns) / NS_PER_S

    def _chunks_of(self, rows: Rows) -> list[Chunk]:
        t0_ns = int(rows.times_ns[0])
        rate_hz = self._reader.rate_hz or 0.0
        dt_ns: NDArray[np.int64] | None = None if rate_hz else rows.times_ns - t0_ns
        return [
            Chunk(name, t0_ns, rate_hz, values, missing_spans(values) if values.dtype.kind == "f" else (), dt_ns)
            for name, values in zip(rows.names, rows.values, strict=True)
        ]

    async def close(self) -> None:
        """Close the file."""
        close = getattr(self._rows, "close", None)
        with suppress(ValueError):  # a thread may still be reading the next rows; they are nobody's
            if close is not None:
                close()


def _slice(rows: Rows, start: int, stop: int) -> Rows:
    return Rows(rows.names, rows.times_ns[start:stop], tuple(values[start:stop] for values in rows.values))


def open_source(settings: Mapping[str, Any], context: SourceContext) -> ReplaySource:
    """The factory of kind `replay`.

    Raises:
        SettingsError: a wrong key, or `rate_hz` without `start`.
        UserError: the file cannot be read or lacks a column.
    """
    use = convert(settings, ReplaySettings, context.where)
    if use.rate_hz and not use.start:
        raise SettingsError(
            f"{context.where}: start: missing", "with rate_hz, say when the first sample was taken (ISO, UTC)"
        )
    options = ReadOptions(
        use.format, use.time, use.rate_hz, use.columns, _start_ns(use.start, context.where), use.utc_offset_h
    )
    reader = open_logger_file(context.base / use.path, options)
    return ReplaySource(reader, context.clock, use.speed, use.rows_per_chunk)


def _start_ns(start: str, where: str) -> int:
    if not start:
        return 0
    try:
        return int(parse_stamps(np.array([start.encode()]), 0, 0.0)[0])
    except StampError as error:
        raise SettingsError(f"{where}: start: {error}", "expected ISO 8601, such as 2026-01-31T12:00:00Z") from None

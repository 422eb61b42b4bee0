"""The books: every reading that a source handed over is in the store with its value, dropped and said so, or refused.

A gateway's reading that its agent had not committed when it was killed is no loss by the promise; it is excused only
if it was handed over within the stated span before the kill and was never seen on the wire.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from chaos.layout import Gateway
from chaos.oracle.findings import Verdict
from chaos.oracle.stored import Row, Table
from cloud_service.store.schema import decode_rows
from sensors_sim.truth import EMITTED_FILE, EmittedChunk, EmittedTick
from telltale.clock import NS_PER_S
from telltale.errors import TelltaleError
from telltale.site import Site
from telltale.wire.codec import decode_frame

SUM_TOLERANCE = 1e-6
MEAN_TOLERANCE = 1e-4  # of a window's mean: float32 sums of counts
LOAD_SCALE = 0.0005
Reading = tuple[str, int]


@dataclass(slots=True)
class Excuse:
    """What the driver saw of one gateway.

    Attributes:
        first_s, seen_s: tick → when it was handed over for the first and for the last time.
        spans: in which its agent may not have committed what it was given.
        sent: (channel, t0) of blocks that were on the wire.
    """

    first_s: dict[int, float] = field(default_factory=dict)
    seen_s: dict[int, float] = field(default_factory=dict)
    spans: Sequence[tuple[float, float]] = ()
    sent: set[Reading] = field(default_factory=set)

    def covers(self, tick: int, reading: Reading) -> bool:
        """Whether this reading need never have been committed."""
        at_s = self.seen_s.get(tick)
        if at_s is None or reading in self.sent:
            return False
        return any(low <= at_s <= high for low, high in self.spans)


@dataclass(slots=True)
class Elsewhere:
    """Readings that the databases name as not stored: refused rows and dead letters; and sequenced drops."""

    refused: dict[Reading, str] = field(default_factory=dict)
    dead: dict[Reading, str] = field(default_factory=dict)
    dropped_frames: int = 0


def check_books(
    folder: Path,
    gateways: Sequence[Gateway],
    site: Site,
    stored: dict[str, Table],
    excuses: dict[str, Excuse],
    verdict: Verdict,
) -> None:
    """Close the books of every gateway."""
    elsewhere = read_elsewhere(folder / "cloud-data")
    readings = {(channel, t_ns): row for (channel, t_ns, _), row in stored["reading"].items()}
    windows = {(channel, t_ns): row for (channel, t_ns, _), row in stored["window"].items()}
    books = _Books(site, readings, windows, elsewhere, verdict)
    for gateway in gateways:
        for truth in (gateway.truth, f"{gateway.truth}-end"):
            for tick in read_all_emitted(folder / truth):
                books.tick(gateway, tick, excuses[gateway.id])
    books.surplus()
    verdict.books["dropped frames (sequenced records)"] = elsewhere.dropped_frames


class _Books:
    def __init__(
        self,
        site: Site,
        readings: Mapping[Reading, Row],
        windows: Mapping[Reading, Row],
        elsewhere: Elsewhere,
        verdict: Verdict,
    ) -> None:
        self._site, self._readings, self._windows = site, readings, windows
        self._elsewhere, self._verdict = elsewhere, verdict
        self._explained: set[Reading] = set()
        self._counts = verdict.books
        for name in ("produced", "stored", "dead-lettered", "acquired, never committed before a kill", "lost"):
            self._counts[name] = 0

    def tick(self, gateway: Gateway, tick: EmittedTick, excuse: Excuse) -> None:
        """All that was handed over at one instant; counted are samples."""
        for chunk in tick.chunks:
            channel = gateway.channel(chunk.input)
            is_waveform = self._site.places[channel].channel.is_waveform
            keys = [(channel, chunk.t0_ns)] if is_waveform else list(_keys(channel, chunk))
            self._explained.update(keys)
            self._counts["produced"] += chunk.count
            fate, why = self._fate(gateway, chunk, keys, is_waveform=is_waveform)
            if fate == "lost" and excuse.covers(tick.tick, (channel, chunk.t0_ns)):
                fate = "acquired, never committed before a kill"
            self._counts[fate] += chunk.count
            if fate == "lost":
                self._verdict.complaints.add(
                    "lost", f"{channel} at {chunk.t0_ns} (tick {tick.tick} of {gateway.id}): {why}"
                )

    def _fate(
        self, gateway: Gateway, chunk: EmittedChunk, keys: list[Reading], *, is_waveform: bool
    ) -> tuple[str, str]:
        why = self._is_window(gateway, chunk, keys[0]) if is_waveform else self._are_readings(chunk, keys)
        if not why:
            return "stored", ""
        if all(key in self._elsewhere.refused or key in self._elsewhere.dead for key in keys):
            return "dead-lettered", ""
        return "lost", why

    def _is_window(self, gateway: Gateway, chunk: EmittedChunk, key: Reading) -> str:
        row = self._windows.get(key)
        if row is None:
            return "no window in the store"
        if row.get("samples") != chunk.count:
            return f"a window of {row.get('samples')} samples instead of {chunk.count}"
        if gateway.load is None:
            return ""
        mean = chunk.sum / chunk.count * LOAD_SCALE
        found = row.get("mean", math.nan)
        return (
            "" if math.isclose(found, mean, rel_tol=MEAN_TOLERANCE, abs_tol=1e-7) else f"mean {found} instead of {mean}"
        )

    def _are_readings(self, chunk: EmittedChunk, keys: list[Reading]) -> str:
        absent = [key for key in keys if key not in self._readings]
        if absent:
            return f"{len(absent)} of {chunk.count} readings not in the store"
        values = [row["value"] for key in keys if "value" in (row := self._readings[key])]
        if len(values) != chunk.count - chunk.missing:
            return f"{len(values)} values instead of {chunk.count - chunk.missing}"
        total = math.fsum(values)
        return (
            ""
            if math.isclose(total, chunk.sum, rel_tol=SUM_TOLERANCE, abs_tol=SUM_TOLERANCE)
            else f"sum {total} instead of {chunk.sum}"
        )

    def surplus(self) -> None:
        """Rows that nothing explains."""
        for name, rows in (("reading", self._readings), ("window", self._windows)):
            for channel, t_ns in rows.keys() - self._explained:
                self._verdict.complaints.add("unexplained", f"{name} of {channel} at {t_ns}: nothing handed it over")


def read_all_emitted(folder: Path) -> Iterator[EmittedTick]:
    """The ticks that a source handed over, each once."""
    path, seen = folder / EMITTED_FILE, set()
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                tick = msgspec.json.decode(line, type=EmittedTick)
                if tick.tick not in seen:
                    seen.add(tick.tick)
                    yield tick


def _keys(channel: str, chunk: EmittedChunk) -> Iterator[Reading]:
    for i in range(chunk.count):
        yield channel, chunk.t0_ns + (round(i * NS_PER_S / chunk.rate_hz) if i else 0)


def read_elsewhere(cloud_data: Path) -> Elsewhere:
    """Refused rows (`state.db`), dead letters and drops (`journal.db`)."""
    found = Elsewhere()
    for reason, body in _rows(cloud_data / "state.db", "SELECT reason, body FROM refused_rows"):
        try:
            batches = decode_rows(body)
        except (msgspec.DecodeError, ValueError, KeyError, TypeError):
            continue
        for rows in batches:
            if rows.measurement in ("reading", "window"):
                found.refused.update(dict.fromkeys(((rows.subject, int(t_ns)) for t_ns in rows.t_ns), reason))
    for gateway, reason, payload in _rows(
        cloud_data / "journal.db", "SELECT gateway, reason, payload FROM dead_letter"
    ):
        try:
            frame = decode_frame(payload, gateway)
        except TelltaleError:
            continue
        for block in frame.blocks:
            found.dead.update(dict.fromkeys(((block.channel, int(t_ns)) for t_ns in block.times_ns()), reason))
    for first, last in _rows(cloud_data / "journal.db", "SELECT first, last FROM drops"):
        found.dropped_frames += last - first + 1
    return found


def check_journal(cloud_data: Path, verdict: Verdict) -> None:
    """No frame is in the journal twice."""
    twice = _rows(
        cloud_data / "journal.db",
        "SELECT gateway, hex(run_id), sequence, COUNT(*) FROM frames"
        " GROUP BY gateway, run_id, sequence HAVING COUNT(*) > 1",
    )
    for gateway, run_id, sequence, count in twice:
        verdict.complaints.add(
            "duplicated", f"frame {sequence} of run {run_id} of {gateway} is {count} times in the journal"
        )
    verdict.books["frames in the journal"] = _rows(cloud_data / "journal.db", "SELECT COUNT(*) FROM frames")[0][0]


def _rows(path: Path, query: str) -> list[tuple]:  # type: ignore[type-arg]
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
        return connection.execute(query).fetchall()

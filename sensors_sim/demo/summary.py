"""The books of a run, kept outside the product: from the simulator's record of what it handed over, the ground truth,
and the rows of the service's databases. None of the product's own counters is asked.

A *frame* here is what the gateway acquired at one simulated instant (a tick): all readings of all channels. It is
stored when each of its readings is a record of the store, with the same value, and each of its waveforms a window with
the same number of samples. A record that no tick explains counts as stored twice.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sensors_sim.demo.layout import Layout
from sensors_sim.truth import TRUTH_FILE, EmittedChunk, EmittedTick, read_emitted
from telltale.clock import NS_PER_S
from telltale.site import Site
from telltale.site_file import load_site

Key = tuple[str, int]
# float32 sums of a few readings, stored as float64
SUM_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds: (channel, t) → value of a reading (None where missing), and → samples of a window."""

    readings: Mapping[Key, float | None]
    windows: Mapping[Key, int]

    def holds(self, chunk: EmittedChunk, *, waveform: bool) -> bool:
        """Whether every reading of `chunk` is there, with its value."""
        if waveform:
            return self.windows.get((chunk.input, chunk.t0_ns)) == chunk.count
        values = [self.readings.get(key, math.nan) for key in keys(chunk)]
        present = [value for value in values if value is not None]
        total = math.fsum(present)
        return len(present) == chunk.count - chunk.missing and math.isclose(
            total, chunk.sum, rel_tol=SUM_TOLERANCE, abs_tol=SUM_TOLERANCE
        )


def summarise(layout: Layout) -> dict[str, Any]:
    """Frames, alerts and mails of the run in `layout`; frames_lost, duplicates_stored and false_alerts should be 0."""
    site = load_site(layout.folder / "site.toml")
    stored = read_store(layout.cloud_data / "store.db")
    ticks = list(read_emitted(layout.truth))
    complete = sum(is_stored(tick, stored, site) for tick in ticks)
    truth = json.loads((layout.truth / TRUTH_FILE).read_text(encoding="utf-8"))
    alerts = read_alerts(layout.cloud_data / "state.db")
    return {
        "frames_produced": len(ticks),
        "frames_stored": complete,
        "frames_lost": len(ticks) - complete,
        "duplicates_stored": surplus(ticks, stored, site),
        "alerts": [{key: alert[key] for key in ("structure", "reason", "at", "tier", "channel")} for alert in alerts],
        "mails": len(list(layout.mails.glob("*.eml"))),
        "false_alerts": sum(not is_true(alert, truth) for alert in alerts),
    }


def keys(chunk: EmittedChunk) -> Iterator[Key]:
    """(channel, t) of each reading of a scalar chunk."""
    for i in range(chunk.count):
        yield chunk.input, chunk.t0_ns + (round(i * NS_PER_S / chunk.rate_hz) if i else 0)


def is_stored(tick: EmittedTick, stored: Stored, site: Site) -> bool:
    """Whether all that was handed over in `tick` is in the store."""
    return all(stored.holds(chunk, waveform=site.places[chunk.input].channel.is_waveform) for chunk in tick.chunks)


def surplus(ticks: list[EmittedTick], stored: Stored, site: Site) -> int:
    """Records that nothing handed over explains."""
    readings: set[Key] = set()
    windows: set[Key] = set()
    for tick in ticks:
        for chunk in tick.chunks:
            if site.places[chunk.input].channel.is_waveform:
                windows.add((chunk.input, chunk.t0_ns))
            else:
                readings.update(keys(chunk))
    return len(stored.readings.keys() - readings) + len(stored.windows.keys() - windows)


def read_store(path: Path) -> Stored:
    """Every reading and window of the embedded store."""
    join = "JOIN series ON series.id = {0}.series"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
        readings = connection.execute(f"SELECT subject, t_ns, value FROM reading {join.format('reading')}")  # noqa: S608
        windows = connection.execute(f"SELECT subject, t_ns, samples FROM window {join.format('window')}")  # noqa: S608
        return Stored(
            {(channel, t_ns): value for channel, t_ns, value in readings},
            {(channel, t_ns): samples for channel, t_ns, samples in windows},
        )


def read_alerts(path: Path) -> list[dict[str, Any]]:
    """Every incident, oldest first."""
    query = (
        "SELECT structure, reason, tier, subject, occurred_ns, opened_ns, finding FROM incidents ORDER BY opened_ns, id"
    )
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute(query)]
    for row in rows:
        row["at"] = datetime.fromtimestamp(row["opened_ns"] / NS_PER_S, UTC).isoformat()
        row["channel"] = blamed(row)
    return rows


def blamed(row: Mapping[str, Any]) -> str:
    """The channel that an incident blames: of a group's, the one that it says contributes most."""
    evidence = json.loads(row["finding"])["evidence"]
    return str(evidence.get("contributes_most", row["subject"]))


def is_true(alert: Mapping[str, Any], truth: Mapping[str, Any]) -> bool:
    """Whether the truth explains the alert: a sensor's by a fault of that sensor (or of one it is computed from), a
    structure's by damage, or works, that show in that channel; never before it began.
    """
    sensor = alert["reason"].startswith(("sensor_", "silent_", "gateway_"))
    causes = truth["faults"] if sensor else [*truth["damages"], *truth["works"]]
    return any(alert["channel"] in _shown_in(cause) and alert["opened_ns"] >= cause["start_ns"] for cause in causes)


def _shown_in(cause: Mapping[str, Any]) -> set[str]:
    return {cause.get("channel", ""), *cause.get("affects", ()), *cause.get("channels", ())}

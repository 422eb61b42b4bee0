"""The readings behind a mail, read through the store port: which series shows best what the reason says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cloud_service.incident_record import IncidentRecord
from cloud_service.store.port import Query, Table
from cloud_service.store_reader import StoreReader
from cloud_service.wording.numbers import unit_text
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from telltale.findings import Reason
from telltale.kinds import KINDS
from telltale.site import Channel

SPAN_DAYS = 90
MAX_POINTS = 700


@dataclass(frozen=True, slots=True)
class Line:
    """A horizontal line: a limit with its name."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A series that could be shown."""

    measurement: str
    field: str
    label: str
    unit: str
    lines: tuple[Line, ...] = ()
    largest: bool = False  # of what is thinned, the largest counts and not the mean


@dataclass(frozen=True, slots=True)
class Series:
    """What the picture shows: `t_ns` and `values` (low and high where it is thinned), each of shape (n,).

    `beside` are further curves by name, each as (times, values); `name` is of the first one then.
    """

    candidate: Candidate
    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None
    name: str = ""
    beside: Mapping[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = field(default_factory=dict)


def candidates(channel: Channel, incident: IncidentRecord) -> tuple[Candidate, ...]:
    """Series for this incident, the most telling first; the first one that has data is shown."""
    reason, main = incident.reason, _main(channel, str(incident.finding.evidence.get("quantity", "")))
    if reason in (Reason.NOVELTY, Reason.NOVELTY_PROVISIONAL):
        return (Candidate("novelty", "score", "Difference from normal", "× threshold", (Line(1.0, "threshold"),)), main)
    if reason is Reason.NOVELTY_GROUP:
        return (Candidate("group_novelty", "score", "Difference of the group", "× limit", (Line(1.0, "limit"),)), main)
    if reason is Reason.VIBRATION_VELOCITY:
        guide = incident.finding.evidence.get("guide_mm_s")
        lines = () if guide is None or isinstance(guide, str) else (Line(guide, "guide value when it was told"),)
        label = "Largest vibration velocity"
        return (Candidate("velocity", "peak_mm_s", label, "mm/s", lines, largest=True), main)
    if reason is Reason.CRACK_TREND:
        return (Candidate("trend", "compensated", "Crack width without temperature", "mm"), main)
    if reason is Reason.LIFE and channel.fatigue is not None:
        used_up = (Line(1.0, "used up"),)
        return (Candidate("fatigue", "damage_total", "Fatigue damage used", "of 1", used_up), main)
    return (main,)


async def read_series(store: StoreReader, channel: Channel, incident: IncidentRecord, now_ns: int) -> Series | None:
    """The series to show, up to now; None where the store has nothing to show.

    Raises:
        RetryError: the store cannot be read now.
    """
    for candidate in candidates(channel, incident):
        table = await store.read(history_query(candidate, channel, incident, now_ns))
        series = _series(candidate, table)
        if series is not None:
            return series
    return None


def _main(channel: Channel, quantity: str) -> Candidate:
    unit = unit_text(KINDS[channel.kind].base_unit)
    if channel.is_waveform:
        field = quantity if quantity in ("rms", "peak") else "rms"
        label = f"{KINDS[channel.kind].quantity}, {field} of each window".capitalize()
        return Candidate("window", field, label, unit, _limits(channel, field))
    return Candidate("reading", "value", KINDS[channel.kind].quantity.capitalize(), unit, _limits(channel, "value"))


def _limits(channel: Channel, quantity: str) -> tuple[Line, ...]:
    lines = []
    for limit in channel.limits:
        if limit.quantity == quantity:
            value = limit.value * channel.to_base_unit
            lines.append(Line(value, limit.level))
            if limit.side == "absolute":
                lines.append(Line(-value, limit.level))
    if channel.crack is not None and channel.crack.limit_mm is not None and quantity == "value":
        lines.append(Line(channel.crack.limit_mm + channel.crack.datum_mm, "end of life"))
    named: dict[float, Line] = {}
    for line in lines:  # limits of one value share a line
        known = named.get(line.value)
        named[line.value] = Line(line.value, f"{known.label}, {line.label}") if known else line
    return tuple(named.values())


def history_query(candidate: Candidate, channel: Channel, incident: IncidentRecord, now_ns: int) -> Query:
    """The history of a channel around an incident, up to now, thinned to what a picture can show."""
    start_ns = min(incident.occurred_ns, now_ns) - SPAN_DAYS * NS_PER_DAY
    expected = (now_ns - start_ns) / (channel.interval_s * NS_PER_S)
    bucket_ns = 0
    if expected > MAX_POINTS:
        hours = -(-(now_ns - start_ns) // (MAX_POINTS * NS_PER_HOUR))
        bucket_ns = hours * NS_PER_HOUR
    return Query(
        candidate.measurement,
        channel.id,
        (candidate.field,),
        start_ns=start_ns,
        end_ns=now_ns + 1,
        bucket_ns=bucket_ns,
        newest=0 if bucket_ns else 2 * MAX_POINTS,
    )


def _series(candidate: Candidate, table: Table) -> Series | None:
    largest = f"{candidate.field}_max"
    shown = largest if candidate.largest and largest in table.columns else candidate.field
    values = np.asarray(table.columns.get(shown, np.full(len(table), np.nan)), dtype=np.float64)
    if np.isfinite(values).sum() < 2:
        return None
    low, high = (table.columns.get(f"{candidate.field}_{end}") for end in ("min", "max"))
    if low is None or high is None or candidate.largest:
        return Series(candidate, table.t_ns, values)
    return Series(candidate, table.t_ns, values, np.asarray(low, np.float64), np.asarray(high, np.float64))

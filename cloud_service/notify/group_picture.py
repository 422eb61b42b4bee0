"""The picture of a group that no longer agrees: each sensor less the mean of all, by its id."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cloud_service.incident_record import IncidentRecord, blamed
from cloud_service.notify.evidence import Candidate, Series, history_query
from cloud_service.store_reader import StoreReader
from cloud_service.wording.numbers import unit_text
from telltale.findings import Reason
from telltale.kinds import KINDS
from telltale.site import Channel, Group, Place

Column = tuple[NDArray[np.int64], NDArray[np.float64]]


async def read_apart(store: StoreReader, place: Place, incident: IncidentRecord, now_ns: int) -> Series | None:
    """The sensors of the incident's group, the blamed one first; None where it is no group's or nothing is stored.

    Raises:
        RetryError: the store cannot be read now.
    """
    group = _group(place, incident)
    if group is None:
        return None
    candidate = _candidate(place.channel, group)
    columns = {}
    for channel in (channel for channel in place.structure.channels if channel.id in group.channels):
        table = await store.read(history_query(candidate, channel, incident, now_ns))
        values = table.columns.get(candidate.field)
        if values is not None and len(table):
            columns[channel.id] = table.t_ns, np.asarray(values, dtype=np.float64)
    named = blamed(incident.finding)
    if named not in columns or len(columns) < 2:
        return None
    apart = _less_their_mean(columns)
    t_ns, values = apart.pop(named)
    return Series(candidate, t_ns, values, name=named, beside=apart)


def _group(place: Place, incident: IncidentRecord) -> Group | None:
    name = incident.finding.evidence.get("group")
    if incident.reason is not Reason.NOVELTY_GROUP:
        return None
    return next((group for group in place.structure.groups if group.id == name), None)


def _candidate(channel: Channel, group: Group) -> Candidate:
    measurement, field = ("reading", "value") if group.quantity == "value" else ("window", group.quantity)
    unit = "Hz" if field.endswith("_hz") else unit_text(KINDS[channel.kind].base_unit)
    return Candidate(measurement, field, "Each sensor of the group less the mean of all", unit)


def _less_their_mean(columns: dict[str, Column]) -> dict[str, Column]:
    """Each column less the mean of those that have a value at the same time; where one is alone, nothing."""
    times = np.unique(np.concatenate([t_ns for t_ns, _ in columns.values()]))
    table = np.full((times.size, len(columns)), np.nan)
    for at, (t_ns, values) in enumerate(columns.values()):
        table[np.searchsorted(times, t_ns), at] = values
    known = np.isfinite(table)
    several = known.sum(axis=1) > 1
    mean = np.where(known, table, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    apart = np.where(several[:, None], table - mean[:, None], np.nan)
    return {channel: (times, apart[:, at]) for at, channel in enumerate(columns)}

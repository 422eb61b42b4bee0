"""Spans in which the clock of a channel, or of its gateway, was known to be wrong: their windows show no mode."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cloud_service.incident_record import IncidentRecord, list_incidents
from cloud_service.state import open_state
from telltale.clock import NS_PER_S
from telltale.findings import Reason
from telltale.site import Channel

NEVER_ENDED = 2**62
MOST = 100_000


def clock_faults(data_dir: Path, channels: Sequence[Channel]) -> list[tuple[int, int]]:
    """Spans [start, end) in UTC ns in which the clock behind any of `channels` was not to be trusted.

    A gateway's incident is dated by the service's clock, its readings by the wrong one: the span reaches as far to both
    sides as the clocks parted.
    """
    if not (data_dir / "state.db").exists():
        return []
    gateways = {channel.gateway for channel in channels}
    names = {channel.id for channel in channels}
    with contextlib.closing(open_state(data_dir)) as state:
        incidents = list_incidents(state, limit=MOST)
    return [
        _span(incident)
        for incident in incidents
        if (incident.reason is Reason.GATEWAY_CLOCK and incident.subject in gateways)
        or (incident.reason is Reason.SENSOR_CLOCK and incident.subject in names)
    ]


def _span(incident: IncidentRecord) -> tuple[int, int]:
    ends_ns = NEVER_ENDED if incident.resolved_ns is None else incident.resolved_ns
    error_s = abs(incident.finding.value) if incident.reason is Reason.GATEWAY_CLOCK else 0.0
    error_ns = round(error_s * NS_PER_S) if math.isfinite(error_s) else 0
    return incident.occurred_ns - error_ns, ends_ns + error_ns


def outside(t_ns: NDArray[np.int64], spans: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """(n,) True where a window begins in none of `spans`."""
    kept = np.ones(t_ns.size, dtype=np.bool_)
    for start_ns, end_ns in spans:
        kept &= (t_ns < start_ns) | (t_ns >= end_ns)
    return kept

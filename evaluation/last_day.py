"""A crack's record through the registered detector, asked once: on the day after its last reading."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import LAGS_H, Batch
from cloud_service.analyse.detectors.crack import CrackDetector
from evaluation.replay import site_of
from telltale.clock import NS_PER_DAY
from telltale.findings import Life
from telltale.site import Channel


def readings(
    t_ns: NDArray[np.int64], values: NDArray[np.float64], lagged_c: NDArray[np.float64] | None = None
) -> Batch:
    """Sound scalar readings, with a thermometer or without."""
    none = np.zeros(t_ns.size, dtype=np.bool_)
    return Batch(
        t_ns=t_ns,
        values=values,
        flags=np.zeros(t_ns.size, dtype=np.uint8),
        temperature_c=np.full((t_ns.size, len(LAGS_H)), np.nan) if lagged_c is None else lagged_c,
        faulty=none,
        inputs_faulty=none,
    )


def life_on_last_day(channel: Channel, record: Batch) -> Life:
    """The estimate of the record's last day. Earlier days come as late data, which asks for no estimate: saves time."""
    detector, place = CrackDetector(), site_of([channel]).places[channel.id]
    state = detector.initial(place)
    day = record.t_ns // NS_PER_DAY
    last = record.take(np.flatnonzero(day == day[-1]))
    before = record.take(np.flatnonzero(day < day[-1]))
    for batch in (last, before, replace(last, t_ns=last.t_ns + NS_PER_DAY)):
        state, output = detector.step(place, state, batch)
    return output.lives[-1]

"""The noise floor of vibration sensors (see `models.noise_floor`): a sensor fault, told apart from the structure.

Runs after fixed limits, which hold whatever the sensor's noise, and before what is learned: while the floor is another
one, rows are faulty to those. The verdict is of finished days, and said at the first row of each UTC day.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from cloud_service.analyse.detector import Batch, Output
from cloud_service.analyse.detectors.vibration_rows import has_windows, log_of, shape_names
from models.noise_floor import FALL, RISE, Floor, floor_of, follow
from telltale.clock import NS_PER_DAY
from telltale.findings import Finding, Reason, Tier
from telltale.site import Place


class State(msgspec.Struct):
    """The floor, and the newest row."""

    floor: Floor
    newest_ns: int = -(2**62)


class NoiseFloorDetector:
    """Owns `Reason.SENSOR_NOISE`."""

    name = "noise_floor"
    state_type = State
    has_baseline = True

    def applies(self, place: Place) -> bool:
        """Vibration windows."""
        return has_windows(place.channel)

    def initial(self, place: Place) -> State:  # noqa: ARG002 - the port's signature
        """A sensor of which nothing is known."""
        return State(Floor())

    def step(self, place: Place, state: State, batch: Batch) -> tuple[State, Output]:
        """Follow the floor; late rows change nothing."""
        faulty = np.zeros(len(batch), dtype=np.bool_)
        output = Output(faulty=faulty)
        fresh = batch.t_ns > state.newest_ns
        top = [name for name in shape_names(place.channel) if name.startswith("band")][-1]
        values = floor_of(log_of(batch.features["rms"]), batch.features[top])
        values[batch.unusable] = np.nan
        day = batch.t_ns // NS_PER_DAY
        for number in np.unique(day[fresh]).tolist():
            rows = np.flatnonzero(fresh & (day == number))
            is_new = number > state.floor.day
            follow(state.floor, number, values[rows])
            if is_new:
                output.findings.append(_finding(place, state.floor, int(batch.t_ns[rows[0]])))
            faulty[rows] = state.floor.changed
        if fresh.any():
            state.newest_ns = int(batch.t_ns[-1])
        return state, output


def _finding(place: Place, floor: Floor, t_ns: int) -> Finding:
    return Finding(
        channel=place.channel.id,
        t_ns=t_ns,
        reason=Reason.SENSOR_NOISE,
        tier=Tier.SUSPECT if floor.changed else Tier.CLEAR,
        score=1.0 if floor.changed else 0.0,
        value=math.exp(floor.off),
        limit=math.exp(FALL if floor.off < 0 else RISE),
        unit="",
        limit_source="self-set: times the sensor's own floor of its quietest windows",
        evidence={"reference_days": float(len(floor.kept))},
    )

"""Simulated years of one sensor through the registered novelty detector, as the service would feed it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud_service.alert.evaluate import Change, Event, Watch, evaluate
from cloud_service.alert.settings import AlertSettings
from cloud_service.analyse import temperature
from cloud_service.analyse.detector import LAGS_H, Batch, Detector
from cloud_service.analyse.state_codec import decode_state, encode_state
from sensors_sim.years import BLOCK_NS, MODES_HZ, WINDOW_SAMPLES, Years
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.site import Channel, Facility, Place, Structure

BAND = 0.15  # half width of the band in which a mode is tracked, relative


@dataclass(frozen=True)
class Followed:
    """Years with the temperatures that the service would hand to a detector.

    Attributes:
        years: n blocks.
        lagged_c: (n, len(LAGS_H)).
        unsettled: (n,) see `Batch.unsettled`.
    """

    years: Years
    lagged_c: NDArray[np.float64]
    unsettled: NDArray[np.bool_]

    def days(self) -> Iterator[Batch]:
        """One batch a day."""
        day = self.years.t_ns // NS_PER_DAY
        for rows in np.split(np.arange(day.size), np.flatnonzero(np.diff(day)) + 1):
            if rows.size:
                yield _batch(self, rows)

    def part(self, start_day: float, end_day: float) -> Followed:
        """The blocks of [start_day, end_day)."""
        keep = (self.years.days >= start_day) & (self.years.days < end_day)
        return Followed(self.years.part(start_day, end_day), self.lagged_c[keep], self.unsettled[keep])


def follow(years: Years, *, coldest_c: float = -np.inf, thermometer: bool = True) -> Followed:
    """The years with lagged temperatures, from the service's own filter.

    Args:
        years: with the thermometer's readings.
        coldest_c: what the thermometer can give at least.
        thermometer: whether there is one.
    """
    lagged = np.full((years.t_ns.size, len(LAGS_H)), np.nan)
    unsettled = np.zeros(years.t_ns.size, dtype=np.bool_)
    history = temperature.new_history()
    readings = np.maximum(years.air_c, coldest_c)
    day = years.t_ns // NS_PER_DAY
    for rows in np.split(np.arange(day.size), np.flatnonzero(np.diff(day)) + 1):
        if thermometer:
            temperature.extend(history, years.t_ns[rows], readings[rows], np.ones(rows.size, dtype=np.bool_))
            lagged[rows] = temperature.look_up(history, years.t_ns[rows])
            unsettled[rows] = temperature.unsettled(history, years.t_ns[rows])
            temperature.trim(history)
    return Followed(years, lagged, unsettled)


def like_sensors(count: int) -> Place:
    """One of `count` like sensors of a structure."""
    interval_s = BLOCK_NS / NS_PER_S
    thermometer = Channel(id="air", kind="temperature", unit="°C", gateway="gw", interval_s=interval_s)
    modes_hz = tuple((mode * (1 - BAND), mode * (1 + BAND)) for mode in MODES_HZ)
    sensors = tuple(
        Channel(
            id=f"sensor{number}",
            kind="vibration",
            unit="m/s2",
            gateway="gw",
            interval_s=interval_s,
            rate_hz=100.0,
            window_samples=WINDOW_SAMPLES,
            temperature="air",
            modes_hz=modes_hz,
        )
        for number in range(count)
    )
    structure = Structure(id="structure", name="structure", channels=(thermometer, *sensors))
    return Place(Facility(id="site", name="site", structures=(structure,)), structure, sensors[0])


@dataclass
class Sensor:
    """A sensor under judgement: detector, its state, and the alert stage's watch on what it says."""

    detector: Detector
    place: Place
    state: Any
    watch: Watch

    def judge(self, followed: Followed) -> list[Event]:
        """What people were told: incidents that were opened, and those that rose to alarm while they stood."""
        told = []
        for batch in followed.days():
            self.state, output = self.detector.step(self.place, self.state, batch)
            for finding in output.findings:
                event = evaluate(self.watch, finding, finding.t_ns, AlertSettings())
                if event is not None and event.change is Change.RAISED:
                    told.append(event)
        return told

    def copy(self) -> Sensor:
        """Another that goes on from here: the state through its bytes, as after a restart."""
        state = decode_state(encode_state(self.state), self.detector.state_type)
        return replace(self, state=state, watch=deepcopy(self.watch))


def new_sensor(detector: Detector, place: Place) -> Sensor:
    """A sensor before its first block."""
    return Sensor(detector, place, detector.initial(place), Watch())


def _batch(followed: Followed, rows: NDArray[np.intp]) -> Batch:
    years = followed.years
    none = np.zeros(rows.size, dtype=np.bool_)
    features = {name: value[rows] for name, value in years.features.items()}
    return Batch(
        t_ns=years.t_ns[rows],
        values=features["rms"],
        flags=np.zeros(rows.size, dtype=np.uint8),
        temperature_c=followed.lagged_c[rows],
        faulty=none,
        inputs_faulty=none,
        rate_hz=100.0,
        features=features,
        unsettled=followed.unsettled[rows],
    )

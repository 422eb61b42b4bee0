"""Trials of `telltale evaluate environment`: simulated years through a detector, undamaged and damaged.

Each sensor lives its days undamaged: incidents that are opened, and such that rise to alarm, are false alarms. From
some of those days its history is continued with damage, once for each kind; the state goes through its bytes there, as
after a restart. Detected is a damage after whose beginning an incident is opened, or one that stood rises to alarm, in
time. All counting is the alert stage's (two verdicts in a row confirm).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Annotated

import numpy as np
from msgspec import Meta

from cloud_service.analyse.detector import Detector
from evaluation.sensor_years import Followed, Sensor, follow, like_sensors, new_sensor
from sensors_sim.span import Span, parse_start
from sensors_sim.years import Behaviour, Loss, Years, simulate
from telltale.clock import DAYS_PER_YEAR, NS_PER_DAY
from telltale.settings import Settings

Count = Annotated[int, Meta(ge=1)]
Days = Annotated[float, Meta(gt=0)]


class Damage(Settings, frozen=True):
    """A loss of frequency, and how long it may take to be found; see `sensors_sim.years.Loss`."""

    name: str
    loss_percent: Annotated[float, Meta(gt=0, lt=100)]
    within_days: Days
    ramp_days: Annotated[float, Meta(ge=0)] = 0.0


class Sensors(Settings, frozen=True):
    """Which years a trial plays, and what happens in them.

    Attributes:
        sensors, days, start: how many, for how long, from when.
        onsets_a_sensor, onset_days: damage begins on so many days drawn evenly from these.
        damages: each from every onset.
    """

    sensors: Count
    days: Count
    start: date
    onsets_a_sensor: Count
    onset_days: tuple[Days, Days]
    damages: tuple[Damage, ...]


@dataclass(frozen=True, slots=True)
class Life:
    """What became of one sensor.

    Attributes:
        false_days: day of the span of each false alarm.
        delay_days: by damage, the delay of each onset; infinite where it was not found in time.
    """

    false_days: list[float]
    delay_days: dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Trial:
    """One way to judge the same years: what the detector is, and what it gets to see."""

    detector: Detector
    coldest_c: float = -math.inf
    thermometer: bool = True


def lives(trial: Trial, seed: int, asked: Sensors) -> list[Life]:
    """What becomes of each sensor; the same arguments give the same lives."""
    return [
        _live(trial, years_of(seed, asked, number), _onsets(seed, number, asked), asked)
        for number in range(asked.sensors)
    ]


def years_of(seed: int, asked: Sensors, number: int) -> Years:
    """The undamaged years of one sensor."""
    span = Span(parse_start(asked.start.isoformat(), "environment.toml"), asked.days)
    return simulate(seed, f"sensor{number}", span, Behaviour())


def _onsets(seed: int, number: int, asked: Sensors) -> list[float]:
    drawn = np.random.default_rng([seed, number]).uniform(*asked.onset_days, asked.onsets_a_sensor)
    return sorted(drawn.tolist())


def _live(trial: Trial, years: Years, onsets: Sequence[float], asked: Sensors) -> Life:
    """Play the years undamaged, and from each onset on damaged beside."""
    see = partial(follow, coldest_c=trial.coldest_c, thermometer=trial.thermometer)
    healthy = see(years)
    sensor = new_sensor(trial.detector, like_sensors(1))
    life = Life([], {damage.name: [] for damage in asked.damages})
    for start, end in zip([0.0, *onsets], [*onsets, math.inf], strict=True):
        life.false_days.extend(false_days(sensor, healthy.part(start, end), years))
        for damage in asked.damages if end < math.inf else ():
            life.delay_days[damage.name].append(_delay_of(sensor, healthy, damage, end))
    return life


def false_days(sensor: Sensor, followed: Followed, years: Years) -> list[float]:
    """Days of the span on which incidents are opened or rise to alarm."""
    start_ns = int(years.t_ns[0]) - round(float(years.days[0]) * NS_PER_DAY)
    return [(event.finding.t_ns - start_ns) / NS_PER_DAY for event in sensor.judge(followed)]


def _delay_of(sensor: Sensor, healthy: Followed, damage: Damage, onset: float) -> float:
    """Days from the onset to the first incident that was opened or rose after it; infinite: none in time."""
    loss = Loss(damage.loss_percent / 100, onset, damage.ramp_days)
    damaged = replace(healthy, years=healthy.years.damaged(loss)).part(onset, onset + damage.within_days)
    days = false_days(sensor.copy(), damaged, healthy.years)
    return days[0] - onset if days else math.inf


def rate(found: Sequence[Life], asked: Sensors) -> float:
    """False alarms a sensor-year."""
    return sum(len(life.false_days) for life in found) / (len(found) * asked.days / DAYS_PER_YEAR)

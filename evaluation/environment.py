"""`telltale evaluate environment`: simulated years through the registered novelty detector.

Each sensor lives `days` days undamaged: incidents are false alarms. From some of those days its history is continued
with damage, once for each kind; the state goes through its bytes there, as after a restart. Detected is a damage after
whose beginning an incident is opened in time. All counting is the alert stage's (two verdicts in a row confirm).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import numpy as np
from msgspec import Meta
from scipy.stats import beta

from cloud_service.analyse.detector import Detector
from cloud_service.analyse.detectors import DETECTORS
from cloud_service.analyse.detectors.novelty import NoveltyDetector
from evaluation.port import Metrics, Options, Report, Table
from evaluation.sensor_years import Followed, Sensor, follow, like_sensors, new_sensor
from models.novelty import Rules
from sensors_sim.span import Span, parse_start
from sensors_sim.years import Behaviour, Loss, Years, simulate
from telltale.clock import DAYS_PER_YEAR, NS_PER_DAY
from telltale.settings import Settings, load

Count = Annotated[int, Meta(ge=1)]
Days = Annotated[float, Meta(gt=0)]
SETTINGS = "environment.toml"
UNPROTECTED = Rules(quarantine_days=0, quiet_score=math.inf, freeze_days=10**9)


class Damage(Settings, frozen=True):
    """A loss of frequency, and how long it may take to be found; see `sensors_sim.years.Loss`."""

    name: str
    loss_percent: Annotated[float, Meta(gt=0, lt=100)]
    within_days: Days
    ramp_days: Annotated[float, Meta(ge=0)] = 0.0


class EnvironmentSettings(Settings, frozen=True):
    """See `environment.toml`."""

    sensors: Count
    days: Count
    start: date
    onsets_a_sensor: Count
    onset_days: tuple[Days, Days]
    ablation_sensors: Count
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

    name: str
    detector: Detector
    coldest_c: float = -math.inf
    thermometer: bool = True


def evaluate(options: Options) -> Report:
    """Simulate and judge; see the module."""
    return judge(options.seed, load(Path(str(files("evaluation") / SETTINGS)), EnvironmentSettings))


def judge(seed: int, asked: EnvironmentSettings) -> Report:
    """The report for one seed; the same arguments give the same report."""
    years = partial(_years, seed, asked)
    novelty = next(detector for detector in DETECTORS if detector.name == "novelty")
    whole = Trial("as registered", novelty)
    lives = [_live(whole, years(number), _onsets(seed, number, asked), asked) for number in range(asked.sensors)]
    ablated = {
        trial.name: [
            _live(trial, years(number), _onsets(seed, number, asked), asked)
            for number in range(min(asked.ablation_sensors, asked.sensors))
        ]
        for trial in _ablations(novelty)
    }
    shared = sum(len(_alone(novelty, years(number), asked.sensors)) for number in range(asked.sensors))
    found = {
        damage.name: [delay for life in lives for delay in life.delay_days[damage.name]] for damage in asked.damages
    }
    metrics: Metrics = {
        "false_alarms_per_sensor_year": _rate(lives, asked),
        "pod": {name: _pod(delays) for name, delays in found.items()},
        "pod_low": {name: _pod_low(delays) for name, delays in found.items()},
        "delay_days": {name: _delay(delays) for name, delays in found.items()},
    }
    rows = {"as registered": lives, **ablated}
    tables = (_found_table(found, asked), _trials_table(rows, asked), _shared_table(shared, asked))
    return Report(metrics, tables, _notes(seed, years(0), asked))


def _years(seed: int, asked: EnvironmentSettings, number: int) -> Years:
    span = Span(parse_start(asked.start.isoformat(), SETTINGS), asked.days)
    return simulate(seed, f"sensor{number}", span, Behaviour())


def _onsets(seed: int, number: int, asked: EnvironmentSettings) -> list[float]:
    drawn = np.random.default_rng([seed, number]).uniform(*asked.onset_days, asked.onsets_a_sensor)
    return sorted(drawn.tolist())


def _ablations(novelty: Detector) -> Iterator[Trial]:
    """What fails without a part of the method."""
    yield Trial("learns for ever, no quarantine", NoveltyDetector(UNPROTECTED))
    yield Trial("thermometer blind below 0 °C", novelty, coldest_c=0.0)
    yield Trial("no thermometer", novelty, thermometer=False)


def _live(trial: Trial, years: Years, onsets: Sequence[float], asked: EnvironmentSettings) -> Life:
    """Play the years undamaged, and from each onset on damaged beside."""
    see = partial(follow, coldest_c=trial.coldest_c, thermometer=trial.thermometer)
    healthy = see(years)
    sensor = new_sensor(trial.detector, like_sensors(1))
    life = Life([], {damage.name: [] for damage in asked.damages})
    for start, end in zip([0.0, *onsets], [*onsets, math.inf], strict=True):
        life.false_days.extend(_days_of(sensor, healthy.part(start, end), years))
        for damage in asked.damages if end < math.inf else ():
            life.delay_days[damage.name].append(_delay_of(sensor, healthy, damage, end))
    return life


def _alone(novelty: Detector, years: Years, sharing: int) -> list[float]:
    """False alarms of one of `sharing` sensors of a structure."""
    return _days_of(new_sensor(novelty, like_sensors(sharing)), follow(years), years)


def _days_of(sensor: Sensor, followed: Followed, years: Years) -> list[float]:
    start_ns = int(years.t_ns[0]) - round(float(years.days[0]) * NS_PER_DAY)
    return [(event.finding.t_ns - start_ns) / NS_PER_DAY for event in sensor.judge(followed)]


def _delay_of(sensor: Sensor, healthy: Followed, damage: Damage, onset: float) -> float:
    """Days from the onset to the first incident that was opened after it; infinite: none in time."""
    loss = Loss(damage.loss_percent / 100, onset, damage.ramp_days)
    damaged = replace(healthy, years=healthy.years.damaged(loss)).part(onset, onset + damage.within_days)
    days = _days_of(sensor.copy(), damaged, healthy.years)
    return days[0] - onset if days else math.inf


def _rate(lives: Sequence[Life], asked: EnvironmentSettings) -> float:
    return sum(len(life.false_days) for life in lives) / (len(lives) * asked.days / DAYS_PER_YEAR)


def _pod(delays: Sequence[float]) -> float:
    return float(np.isfinite(delays).mean())


def _pod_low(delays: Sequence[float]) -> float:
    """Lower end of the two-sided 95 % interval of Clopper and Pearson, Biometrika 26 (1934) 404."""
    hits = int(np.isfinite(delays).sum())
    return float(beta.ppf(0.025, hits, len(delays) - hits + 1)) if hits else 0.0


def _delay(delays: Sequence[float]) -> float | None:
    """Median delay of what was found."""
    hits = [delay for delay in delays if math.isfinite(delay)]
    return float(np.median(hits)) if hits else None


def _found_table(found: dict[str, list[float]], asked: EnvironmentSettings) -> Table:
    rows = [
        (
            f"{damage.loss_percent:g} %" + (f" over {damage.ramp_days:g} days" if damage.ramp_days else ""),
            f"{damage.within_days:g} days",
            f"{int(np.isfinite(found[damage.name]).sum())} of {len(found[damage.name])}",
            f"{_pod_low(found[damage.name]):.3f}",
            _text(_delay(found[damage.name])),
            _text(max((delay for delay in found[damage.name] if math.isfinite(delay)), default=None)),
        )
        for damage in asked.damages
    ]
    names = ("loss of frequency", "within", "found", "95 % low", "median delay, days", "longest")
    return Table("damage", names, tuple(rows))


def _trials_table(trials: dict[str, list[Life]], asked: EnvironmentSettings) -> Table:
    rows = [
        (
            name,
            f"{len(lives)}",
            f"{_rate(lives, asked):.2f}",
            *(
                f"{_pod([delay for life in lives for delay in life.delay_days[damage.name]]):.2f}"
                for damage in asked.damages
            ),
        )
        for name, lives in trials.items()
    ]
    names = ("method", "sensors", "false alarms a sensor-year", *(f"POD {damage.name}" for damage in asked.damages))
    return Table("with and without its parts", names, tuple(rows))


def _shared_table(alarms: int, asked: EnvironmentSettings) -> Table:
    a_year = alarms / (asked.days / DAYS_PER_YEAR)
    names = ("like sensors", "false alarms", "a structure-year, before grouping")
    return Table("all sensors on one structure", names, ((f"{asked.sensors}", f"{alarms}", f"{a_year:.2f}"),))


def _notes(seed: int, example: Years, asked: EnvironmentSettings) -> tuple[str, ...]:
    behaviour = Behaviour()
    simulated = (
        f"seed {seed}: {asked.sensors} sensors, {asked.days} days of half-hour blocks; one of them: air"
        f" {example.air_c.min():.0f} to {example.air_c.max():.0f} °C, frequency swing {100 * example.swing:.1f} %,"
        f" {100 * behaviour.noise:.1f} to {150 * behaviour.noise:.1f} % noise a block and"
        f" {100 * behaviour.wander:.2f} % wander over {behaviour.wander_days:g} days,"
        f" {100 * behaviour.outlier_share:.1f} % outliers a mode, {100 * behaviour.gap_share:.0f} % of blocks missing;"
        " the structure's two lags are not measured."
    )
    by_chance = "Data-free baseline: one alarm a sensor-year at a random time finds 2 % of damages within 7 days."
    return simulated, by_chance


def _text(days: float | None) -> str:
    return "none" if days is None else f"{days:.2f}"

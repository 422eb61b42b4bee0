"""`telltale evaluate environment`: simulated years with damage through the registered novelty detector, whole and
without parts of its method; see `environment_trials` for how it counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from scipy.stats import beta

from cloud_service.analyse.detector import Detector
from cloud_service.analyse.detectors import DETECTORS
from evaluation.environment_ablations import FALSE_ALARMS, WHEN, Ablation, Onsets, Part, ablation_table, trial_without
from evaluation.environment_trials import Count, Days, Life, Sensors, Trial, false_days, lives, rate, years_of
from evaluation.port import Metrics, Options, Report, Table
from evaluation.sensor_years import follow, like_sensors, new_sensor
from sensors_sim.years import Behaviour, Years
from telltale.clock import DAYS_PER_YEAR
from telltale.settings import load

SETTINGS = "environment.toml"
EARLY_DAYS = 420


class EnvironmentSettings(Sensors, frozen=True):
    """See `environment.toml`."""

    ablation_sensors: Count
    early_onset_days: tuple[Days, Days]
    promised_false_alarms: Days
    ablations: tuple[Ablation, ...]

    def __post_init__(self) -> None:
        known = {damage.name for damage in self.damages} | {FALSE_ALARMS}
        unknown = [item.judged_by for item in self.ablations if item.judged_by not in known]
        if unknown:
            raise ValueError(f"an ablation is judged by {unknown[0]!r}: expected one of {', '.join(sorted(known))}")


def evaluate(options: Options) -> Report:
    """Simulate and judge; see the module."""
    return judge(options.seed, load(Path(str(files("evaluation") / SETTINGS)), EnvironmentSettings))


def judge(seed: int, asked: EnvironmentSettings) -> Report:
    """The report for one seed; the same arguments give the same report."""
    novelty = next(detector for detector in DETECTORS if detector.name == "novelty")
    grown = lives(Trial(novelty), seed, asked)
    found = {
        damage.name: [delay for life in grown for delay in life.delay_days[damage.name]] for damage in asked.damages
    }
    ablated = _ablated(novelty, seed, asked, grown)
    sharing = like_sensors(asked.sensors)
    shared = sum(
        len(false_days(new_sensor(novelty, sharing), follow(years), years))
        for years in (years_of(seed, asked, number) for number in range(asked.sensors))
    )
    metrics: Metrics = {
        "false_alarms_per_sensor_year": rate(grown, asked),
        "pod": {name: _pod(delays) for name, delays in found.items()},
        "pod_low": {name: _pod_low(delays) for name, delays in found.items()},
        "delay_days": {name: _delay(delays) for name, delays in found.items()},
    }
    tables = (
        _found_table(found, asked),
        ablation_table(asked.ablations, ablated, asked.promised_false_alarms),
        _trials_table(ablated, asked),
        _shared_table(shared, asked),
    )
    return Report(metrics, tables, _notes(seed, years_of(seed, asked, 0), rate(grown, asked), asked))


Ablated = dict[tuple[Part | None, Onsets], tuple[Sequence[Life], float]]


def _ablated(novelty: Detector, seed: int, asked: EnvironmentSettings, grown: Sequence[Life]) -> Ablated:
    """(part taken away, onsets) → lives and false alarms a sensor-year, on the same few sensors with and without."""
    count = min(asked.ablation_sensors, asked.sensors)
    spans: dict[Onsets, EnvironmentSettings] = {
        "grown": replace(asked, sensors=count),
        "young": replace(asked, sensors=count, onset_days=asked.early_onset_days, days=min(asked.days, EARLY_DAYS)),
    }
    found: Ablated = {(None, "grown"): (grown[:count], rate(grown[:count], spans["grown"]))}
    for item in asked.ablations:
        span = spans[item.damage_begins]
        for part in (None, item.without):
            if (part, item.damage_begins) not in found:
                trial = Trial(novelty) if part is None else trial_without(part, novelty)
                became = lives(trial, seed, span)
                found[part, item.damage_begins] = (became, rate(became, span))
    return found


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


def _trials_table(ablated: Ablated, asked: EnvironmentSettings) -> Table:
    rows = [
        (
            "nothing" if part is None else part,
            WHEN[onsets],
            f"{len(became)}",
            f"{alarms:.2f}",
            *(
                f"{_pod([delay for life in became for delay in life.delay_days[damage.name]]):.2f}"
                for damage in asked.damages
            ),
        )
        for (part, onsets), (became, alarms) in sorted(ablated.items(), key=lambda item: item[0][1])
    ]
    damages = (f"POD {damage.name}" for damage in asked.damages)
    names = ("without", "damage begins", "sensors", "false alarms a sensor-year", *damages)
    return Table("the same in full", names, tuple(rows))


def _shared_table(alarms: int, asked: EnvironmentSettings) -> Table:
    a_year = alarms / (asked.days / DAYS_PER_YEAR)
    names = ("like sensors", "false alarms", "a structure-year, before grouping")
    return Table("all sensors on one structure", names, ((f"{asked.sensors}", f"{alarms}", f"{a_year:.2f}"),))


def _notes(seed: int, example: Years, alarms: float, asked: EnvironmentSettings) -> tuple[str, ...]:
    behaviour = Behaviour()
    simulated = (
        f"seed {seed}: {asked.sensors} sensors, {asked.days} days of half-hour blocks; one of them: air"
        f" {example.air_c.min():.0f} to {example.air_c.max():.0f} °C, frequency swing {100 * example.swing:.1f} %,"
        f" {100 * behaviour.noise:.1f} to {150 * behaviour.noise:.1f} % noise a block and"
        f" {100 * behaviour.wander:.2f} % wander over {behaviour.wander_days:g} days,"
        f" {100 * behaviour.outlier_share:.1f} % outliers a mode, {100 * behaviour.gap_share:.0f} % of blocks missing;"
        " the structure's two lags are not measured."
    )
    silent = (
        f"False alarms of all {asked.sensors} sensors: {alarms:.2f} a sensor-year; promised: at most"
        f" {asked.promised_false_alarms:g}."
    )
    by_chance = "Data-free baseline: one alarm a sensor-year at a random time finds 2 % of damages within 7 days."
    return silent, simulated, by_chance


def _text(days: float | None) -> str:
    return "none" if days is None else f"{days:.2f}"

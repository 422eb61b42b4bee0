"""Crack meters across rock joints in a canyon: sensor faults, trends and what temperature explains.

Twelve weeks of three gauges through the service's step; one of them is computed with a thermistor that is broken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from evaluation.crackmeter_station import Gauge, Station, StationSettings, read_station
from evaluation.port import Options, Report, Table
from evaluation.replay import play, site_of
from telltale.clock import NS_PER_YEAR
from telltale.findings import SENSOR_FAULTS, Tier
from telltale.settings import load

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Found:
    """What the service said of one channel by the end of the record.

    Attributes:
        faults: sensor faults that were reported, by name.
        others: other reasons that were not clear.
        trend, low, high: mm/year, 90 % interval; NaN where no trend was stated.
        r2_below_36h: share of the variation below 36 h that temperature explains.
    """

    faults: tuple[str, ...]
    others: tuple[str, ...]
    trend: float = NAN
    low: float = NAN
    high: float = NAN
    r2_below_36h: float = NAN

    def figures(self) -> tuple[float, ...]:
        """For comparing."""
        return self.trend, self.low, self.high, self.r2_below_36h


def evaluate(options: Options) -> Report:
    """Judge the station.

    Raises:
        UserError: no folder, or its logger file is not there or lacks a column.
    """
    settings = load(Path(__file__).with_suffix(".toml"), StationSettings)
    station = read_station(options.folder("crackmeter_zion"), settings)
    found = _judge(station, settings)
    return Report(
        metrics={gauge.column: _metrics(found[gauge.column]) for gauge in settings.gauges},
        tables=(_table(station, settings, found),),
        notes=(
            "faults and trends by the registered detectors, a frame a day; 90 % intervals at the end of the record",
            "baseline: a straight line through the raw readings, its interval as if they were independent",
            "published: no trend; a drift from 49.2 to 48.2 mm in 12 weeks of Disp_Upper; TT_CTRL is broken",
        ),
        unchanged=_same(found, _judge(station.copy(settings), settings)),
    )


def _judge(station: Station, settings: StationSettings) -> dict[str, Found]:
    """Column → what was said."""
    result = play(site_of(list(station.channels(settings))), station.frames())
    reasons: dict[str, dict[str, None]] = {}
    for judged in result.judged:
        if judged.finding.tier is not Tier.CLEAR:
            reasons.setdefault(judged.finding.channel, {})[judged.finding.reason.value] = None
    trends = {rows.subject: rows.columns for rows in result.rows if rows.measurement == "trend"}
    found = {}
    for name in settings.columns():
        channel, last = station.id_of(name), trends.get(station.id_of(name), {})
        said = reasons.get(channel, {})
        figures = (
            float(last[key][-1]) if key in last else NAN
            for key in ("trend_per_year", "low_per_year", "high_per_year", "r2_below_36h")
        )
        faults = tuple(reason for reason in said if reason in SENSOR_FAULTS)
        found[name] = Found(faults, tuple(reason for reason in said if reason not in SENSOR_FAULTS), *figures)
    return found


def _metrics(found: Found) -> dict[str, float | int | str | list[float] | None]:
    return {
        "faults": len(found.faults),
        "fault_names": ", ".join(found.faults),
        "findings": ", ".join(found.others),
        "trend_mm_per_year": _number(found.trend),
        "interval_mm_per_year": None if math.isnan(found.low) else [found.low, found.high],
        "r2_below_36h": _number(found.r2_below_36h),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _same(found: dict[str, Found], again: dict[str, Found]) -> bool:
    return all(
        (one.faults, one.others) == (again[name].faults, again[name].others)
        and np.allclose(one.figures(), again[name].figures(), rtol=1e-6, atol=1e-9, equal_nan=True)
        for name, one in found.items()
    )


def _table(station: Station, settings: StationSettings, found: dict[str, Found]) -> Table:
    gauges = {gauge.column: gauge for gauge in settings.gauges}
    rows = tuple(
        (
            name,
            ", ".join(one.faults) or "none",
            "-" if math.isnan(one.trend) else f"{one.trend:.2f} ({one.low:.2f} to {one.high:.2f})",
            "-" if math.isnan(one.r2_below_36h) else f"{one.r2_below_36h:.2f}",
            ", ".join(one.others) or "none",
            _straight_line(station, gauges[name]) if name in gauges else "-",
        )
        for name, one in found.items()
    )
    names = ("column", "sensor faults", "trend, mm/year", "R² below 36 h", "findings", "baseline, mm/year")
    return Table("gauges and their thermistors", names, rows)


def _straight_line(station: Station, gauge: Gauge) -> str:
    values: NDArray[np.float64] = station.columns[gauge.column]
    known = np.isfinite(values)
    years = (station.t_ns[known] - station.t_ns[0]) / NS_PER_YEAR
    line = stats.linregress(years, values[known])
    half = float(stats.t.ppf(0.95, known.sum() - 2) * line.stderr)
    return f"{line.slope:.2f} ({line.slope - half:.2f} to {line.slope + half:.2f})"

"""Coverage of fatigue lives: simulated girders through the registered fatigue detector, beside when they failed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cloud_service.analyse.detector import LAGS_H, Batch
from cloud_service.analyse.detectors.fatigue import FatigueDetector, FatigueSettings
from cloud_service.analyse.detectors.lives import years_to
from evaluation.replay import site_of
from models.life import PLANNING_RANGE_YEARS
from sensors_sim.fatigue_fleet import WINDOW_SAMPLES, FleetPlan, Girder, girder
from telltale.channel_details import FatigueDetail
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.findings import Life
from telltale.settings import Settings, load
from telltale.site import Channel


class FatigueFleetSettings(Settings, frozen=True):
    """The declared settings, `life_fatigue.toml`; explained there."""

    assets: int
    record_days: tuple[int, int]


@dataclass(frozen=True, slots=True)
class FatigueCoverage:
    """What the fleet shows.

    Attributes:
        assets: girders judged, one estimate each, on the last day of its record.
        coverage80, coverage90: share that failed within P10 to P90, and P5 to P95.
        early_percent: share that failed before P10: nominal 10.
        width_ratio: median of P90/P10.
        median_ratio: median of failure/P50: 1 without bias.
    """

    assets: int
    coverage80: float
    coverage90: float
    early_percent: float
    width_ratio: float
    median_ratio: float


def fatigue_coverage(seed: int, assets: int = 0) -> FatigueCoverage:
    """Coverage over the declared number of girders, or over `assets` of them; takes about a minute of CPU."""
    settings = load(Path(__file__).with_suffix(".toml"), FatigueFleetSettings)
    plan = FleetPlan(record_days=settings.record_days)
    fleet = (girder(seed, number, plan) for number in range(assets or settings.assets))
    rows = np.array([[one.failed_years, *_quantiles(one)] for one in fleet])
    truth = np.minimum(rows[:, 0], PLANNING_RANGE_YEARS)
    p5, p10, p50, p90, p95 = rows[:, 1:].T
    return FatigueCoverage(
        assets=len(rows),
        coverage80=float(np.mean((p10 <= truth) & (truth <= p90))),
        coverage90=float(np.mean((p5 <= truth) & (truth <= p95))),
        early_percent=float(100 * np.mean(truth < p10)),
        width_ratio=float(np.median(p90 / np.maximum(p10, 0.01))),
        median_ratio=float(np.median(truth / np.maximum(p50, 0.01))),
    )


def _quantiles(one: Girder) -> list[float]:
    estimate = _estimate(one)
    dates = (estimate.p5_ns, estimate.p10_ns, estimate.p50_ns, estimate.p90_ns, estimate.p95_ns)
    return [years_to(estimate, date) for date in dates]


def _estimate(one: Girder) -> Life:
    """The estimate of the record's last day. Earlier days are counted without asking for one: that saves time."""
    days = one.t_ns.size
    detector = FatigueDetector(FatigueSettings(min_history_days=days, kept_days=max(days, 28)))
    place = site_of([_channel(one)]).places[one.name]
    state, _ = detector.step(place, detector.initial(place), _batch(one, slice(None)))
    day_after = _batch(one, slice(days - 1, None))
    day_after.t_ns[:] += NS_PER_DAY
    _, output = detector.step(place, state, day_after)
    return output.lives[-1]


def _channel(one: Girder) -> Channel:
    return Channel(
        id=one.name,
        kind="strain",
        unit="µε",
        gateway="evaluation",
        interval_s=NS_PER_DAY / NS_PER_S,
        rate_hz=WINDOW_SAMPLES * NS_PER_S / NS_PER_DAY,  # a window is the day, by its reversals
        window_samples=WINDOW_SAMPLES,
        fatigue=FatigueDetail(detail_category_mpa=one.category_mpa),
    )


def _batch(one: Girder, rows: slice) -> Batch:
    t_ns = one.t_ns[rows].copy()
    none = np.zeros(t_ns.size, dtype=np.bool_)
    return Batch(
        t_ns=t_ns,
        values=np.zeros(t_ns.size),
        flags=np.zeros(t_ns.size, dtype=np.uint8),
        temperature_c=np.full((t_ns.size, len(LAGS_H)), np.nan),
        faulty=none,
        inputs_faulty=none,
        rate_hz=WINDOW_SAMPLES * NS_PER_S / NS_PER_DAY,
        windows=one.windows[rows],
    )

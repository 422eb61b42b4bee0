"""Lives of details in fatigue: simulated girders through the registered fatigue detector, beside when they failed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cloud_service.analyse.detector import LAGS_H, Batch
from cloud_service.analyse.detectors.fatigue import FatigueDetector, FatigueSettings
from evaluation.lives import Asset, Lives, lives_of
from evaluation.replay import site_of
from sensors_sim.fatigue_fleet import WINDOW_SAMPLES, FleetPlan, Girder, girder
from telltale.channel_details import FatigueDetail
from telltale.clock import DAYS_PER_YEAR, NS_PER_DAY, NS_PER_S
from telltale.findings import Life
from telltale.settings import Settings, load
from telltale.site import Channel


class FatigueFleetSettings(Settings, frozen=True):
    """The declared settings, `life_fatigue.toml`; explained there."""

    assets: int
    record_days: tuple[int, int]


def settings() -> FatigueFleetSettings:
    """How many girders are declared."""
    return load(Path(__file__).with_suffix(".toml"), FatigueFleetSettings)


def girders(seed: int, count: int, plan: FleetPlan | None = None) -> Lives:
    """Lives of girders, one estimate each, on the last day of its record; 1,000 take half a minute of CPU."""
    plan = plan or FleetPlan(record_days=settings().record_days)
    fleet = (girder(seed, number, plan) for number in range(count))
    return lives_of([Asset(_estimate(one), one.failed_years * DAYS_PER_YEAR, float(one.t_ns.size)) for one in fleet])


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

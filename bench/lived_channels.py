"""Channels past their first weeks, a block each half hour: vibration with a baseline, a growing crack, a girder's strain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.detector_cost import BLOCKS_A_DAY, History, lived
from cloud_service.analyse.detector import Batch, Detector
from evaluation.replay import site_of
from evaluation.sensor_years import Followed, follow, like_sensors
from sensors_sim.span import Span
from sensors_sim.years import Behaviour, simulate
from telltale.channel_details import CrackDetail, FatigueDetail
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.site import Channel, Place

START_NS = 20_454 * NS_PER_DAY
BASELINE_DAYS, CRACK_DAYS, STRAIN_DAYS = 40, 120, 35
INTERVAL_S = NS_PER_DAY / NS_PER_S / BLOCKS_A_DAY
STRAIN_RATE_HZ, STRAIN_SAMPLES = 100.0, 1024


def vibration(detector: Detector, seed: int, sensors: int) -> History:
    """One of `sensors` like sensors, with a baseline."""
    years = _years(seed, BASELINE_DAYS)
    past, day = _rows(years.part(0, BASELINE_DAYS)), _rows(years.part(BASELINE_DAYS, BASELINE_DAYS + 1))
    return lived(detector, like_sensors(sensors), past, day)


def crack(detector: Detector, seed: int) -> History:
    """A crack in concrete that breathes with the temperature and grows half a millimetre a year."""
    years = _years(seed, CRACK_DAYS)
    rng = np.random.default_rng(seed)
    width = (
        0.3
        - 0.006 * years.lagged_c[:, 2]
        + 0.5 * years.years.days / 365.25
        + 0.002 * rng.standard_normal(len(years.lagged_c))
    )
    past, day = (
        replace(_rows(years.part(*span)), values=width[slice(*(BLOCKS_A_DAY * day for day in span))], features={})
        for span in ((0, CRACK_DAYS), (CRACK_DAYS, CRACK_DAYS + 1))
    )
    return lived(detector, _place("crack", "mm", crack=CrackDetail(limit_mm=1.0)), past, day)


def strain(detector: Detector, seed: int) -> History:
    """A girder under traffic: a window of ten seconds each half hour."""
    place = _place(
        "strain",
        "µε",
        rate_hz=STRAIN_RATE_HZ,
        window_samples=STRAIN_SAMPLES,
        fatigue=FatigueDetail(detail_category_mpa=71.0, duty_cycle=STRAIN_SAMPLES / STRAIN_RATE_HZ / INTERVAL_S),
    )
    rng, years = np.random.default_rng(seed), _years(seed, STRAIN_DAYS)
    past, day = (
        replace(rows, windows=_traffic(rng, len(rows)), rate_hz=STRAIN_RATE_HZ, features={})
        for rows in (_rows(years.part(0, STRAIN_DAYS)), _rows(years.part(STRAIN_DAYS, STRAIN_DAYS + 1)))
    )
    return lived(detector, place, past, day)


def _years(seed: int, days: int) -> Followed:
    """So many days and one more, without gaps."""
    return follow(simulate(seed, "bench", Span(START_NS, days + 1), Behaviour(gap_share=0.0)))


def _rows(followed: Followed) -> Batch:
    """All blocks at once."""
    days = list(followed.days())
    whole = days[0]
    joined = {name: np.concatenate([getattr(day, name) for day in days]) for name in _COLUMNS}
    features = {name: np.concatenate([day.features[name] for day in days]) for name in whole.features}
    return replace(whole, **joined, features=features)


_COLUMNS = ("t_ns", "values", "flags", "temperature_c", "faulty", "inputs_faulty", "unsettled")


def _traffic(rng: np.random.Generator, windows: int) -> NDArray[np.float32]:
    """(windows, STRAIN_SAMPLES) µε: lorries of random weight cross, over the noise of the gauge."""
    crossing = np.hanning(150)
    weights = np.where(
        rng.random((windows, STRAIN_SAMPLES)) < 0.004, rng.lognormal(4.5, 0.5, (windows, STRAIN_SAMPLES)), 0.0
    )
    passed = np.array([np.convolve(row, crossing)[:STRAIN_SAMPLES] for row in weights])
    return (passed + rng.standard_normal(passed.shape)).astype(np.float32)


def _place(kind: str, unit: str, **more: object) -> Place:
    channel = Channel(id=f"bench.{kind}", kind=kind, unit=unit, gateway="bench", interval_s=INTERVAL_S, **more)  # type: ignore[arg-type]
    return site_of([channel]).places[channel.id]

"""A recorded history through the service's fatigue detector, beside the cycles of the package `rainflow`."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import starmap

import numpy as np

from evaluation.rainflow_histories import Floats, History, RainflowSettings
from evaluation.replay import play, site_of
from models import fatigue
from telltale.channel_details import FatigueDetail
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.readings import Block
from telltale.site import Channel

Cycle = tuple[float, float, float, int, int]
"""Range, mean, count, and the indices of start and end."""
Oracle = Callable[[list[float]], list[Cycle]]

SUM_TOLERANCE = 1e-9  # of sums over a whole record, relative: their order differs


def detector_agrees(history: History, values: Floats, settings: RainflowSettings, oracle: Oracle) -> bool:
    """Whether the detector's sums are those of the package's cycles, with and without restarts."""
    strain_ue = (values * history.microstrain).astype(np.float32).astype(np.float64)  # windows are float32
    spans, _, shares = np.array(oracle(strain_ue.tolist())).T[:3]
    category = settings.detail_category_mpa
    stress_mpa = fatigue.stress_ranges_mpa(spans, FatigueDetail(detail_category_mpa=category).youngs_modulus_gpa)
    expected = float(shares.sum()), fatigue.damage(stress_mpa, shares, category)
    steady, restarted = (_detected(history, values, settings, restart_every=every) for every in (0, 1))
    return steady == restarted and _are_close(steady, expected)


def is_unchanged(history: History, values: Floats, settings: RainflowSettings) -> bool:
    """The same under another name, at another time, in another unit."""
    copy = History(name="copy", files=(), column=0, rate_hz=history.rate_hz, microstrain=history.microstrain * 1e-6)
    plain = _detected(history, values, settings)
    renamed = _detected(copy, values, settings, unit="m/m", later_ns=400 * NS_PER_DAY)
    return _are_close(plain, renamed)


def _are_close(some: tuple[float, float], others: tuple[float, float]) -> bool:
    return all(starmap(lambda a, b: math.isclose(a, b, rel_tol=SUM_TOLERANCE), zip(some, others, strict=True)))


def _detected(
    history: History,
    values: Floats,
    settings: RainflowSettings,
    *,
    unit: str = "µε",
    later_ns: int = 0,
    restart_every: int = 0,
) -> tuple[float, float]:
    """Cycles and damage that the service stores of the history."""
    size, name = settings.window_samples, f"{history.name}.strain"
    channel = Channel(
        id=name,
        kind="strain",
        unit=unit,
        gateway="evaluation",
        interval_s=size / history.rate_hz,
        rate_hz=history.rate_hz,
        window_samples=size,
        fatigue=FatigueDetail(detail_category_mpa=settings.detail_category_mpa),
    )
    start_ns = round(settings.start.timestamp()) * NS_PER_S + later_ns
    span = size * settings.windows_a_frame
    frames = (
        [Block(name, start_ns + round(at * NS_PER_S / history.rate_hz), history.rate_hz, part * history.microstrain)]
        for at in range(0, values.size, span)
        for part in (values[at : at + span],)
    )
    result = play(site_of([channel]), frames, restart_every=restart_every)
    days = {
        t_ns: (float(rows.columns["cycles"][at]), float(rows.columns["damage"][at]))
        for rows in result.rows
        if rows.measurement == "fatigue"
        for at, t_ns in enumerate(rows.t_ns.tolist())
    }
    return sum(cycles for cycles, _ in days.values()), sum(damage for _, damage in days.values())

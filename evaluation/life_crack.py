"""Lives of cracks in concrete: simulated ones through the registered crack detector, beside when they met the limit."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse import temperature
from evaluation.last_day import life_on_last_day, readings
from evaluation.lives import Asset, Lives, lives_of
from sensors_sim.crack_fleet import A_DAY, Crack, CrackPlan, crack
from telltale.channel_details import CrackDetail
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.findings import Life
from telltale.settings import Settings, load
from telltale.site import Channel


class CrackFleetSettings(Settings, frozen=True):
    """The declared settings, `life.toml`; explained there."""

    growing: int
    stable: int


def settings() -> CrackFleetSettings:
    """How many cracks are declared."""
    return load(Path(__file__).with_name("life.toml"), CrackFleetSettings)


def growing_cracks(seed: int, count: int) -> Lives:
    """Lives of cracks that grow, one estimate each, at the end of its record."""
    cracks = (crack(seed, number, CrackPlan(), growing=True) for number in range(count))
    return lives_of([Asset(_estimate(one), one.reached_days, one.t_ns.size / A_DAY) for one in cracks])


def stable_answers(seed: int, count: int) -> Counter[str]:
    """What cracks at rest are answered, with counts."""
    lives = (_estimate(crack(seed, number, CrackPlan(), growing=False)) for number in range(count))
    return Counter("a life" if life.refused is None else life.refused.value for life in lives)


def _estimate(one: Crack) -> Life:
    return life_on_last_day(_channel(one), readings(one.t_ns, one.width_mm, _lagged(one)))


def _lagged(one: Crack) -> NDArray[np.float64]:
    """The thermometer's lagged temperatures at each reading, as the service keeps them."""
    history, found = temperature.new_history(), []
    for start in range(0, one.t_ns.size, A_DAY):
        rows = slice(start, start + A_DAY)
        temperature.extend(history, one.t_ns[rows], one.celsius[rows], np.ones(A_DAY, dtype=np.bool_))
        found.append(temperature.look_up(history, one.t_ns[rows]))
        temperature.trim(history)
    return np.concatenate(found)


def _channel(one: Crack) -> Channel:
    return Channel(
        id=one.name,
        kind="crack",
        unit="mm",
        gateway="evaluation",
        interval_s=NS_PER_DAY / NS_PER_S / A_DAY,
        crack=CrackDetail(limit_mm=one.limit_mm, source="simulated"),
    )

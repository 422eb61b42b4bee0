"""Coverage of crack lives: simulated cracks through the registered crack detector, beside when they met the limit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse import temperature
from cloud_service.analyse.detector import Batch
from cloud_service.analyse.detectors.crack import CrackDetector
from evaluation.replay import site_of
from models.life_scores import coverage
from sensors_sim.crack_fleet import A_DAY, Crack, CrackPlan, crack
from telltale.channel_details import CrackDetail
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.findings import Life, Refusal
from telltale.settings import Settings, load
from telltale.site import Channel


class CrackFleetSettings(Settings, frozen=True):
    """The declared settings, `life.toml`; explained there."""

    growing: int
    stable: int


@dataclass(frozen=True, slots=True)
class CrackCoverage:
    """What the fleet shows.

    Attributes:
        growing, stable: cracks judged, one estimate each, at the end of its record.
        answered: growing cracks that were given a life.
        coverage80, coverage90: share of those that reached the limit within P10 to P90, and P5 to P95.
        early_percent, late_percent: share of those before P10, and after P90: nominal 10 each.
        width_ratio: median of P90/P10.
        no_trend_percent: share of stable cracks that are answered `no_trend`.
        stable_answers: what all stable cracks are answered, with counts.
    """

    growing: int
    stable: int
    answered: int
    coverage80: float
    coverage90: float
    early_percent: float
    late_percent: float
    width_ratio: float
    no_trend_percent: float
    stable_answers: dict[str, int]


def crack_coverage(seed: int, growing: int = 0, stable: int = 0) -> CrackCoverage:
    """Judge the declared numbers of cracks, or those given."""
    settings = load(Path(__file__).with_name("life.toml"), CrackFleetSettings)
    growing, stable, plan = growing or settings.growing, stable or settings.stable, CrackPlan()
    cracks = [crack(seed, number, plan, growing=True) for number in range(growing)]
    judged = [(_estimate(one), one.reached_days) for one in cracks]
    lives = np.array([(*_days(life), reached) for life, reached in judged if life.refused is None]).reshape(-1, 5)
    p5, p10, p90, p95, reached = lives.T
    at_rest = Counter(_answer(_estimate(crack(seed, number, plan, growing=False))) for number in range(stable))
    return CrackCoverage(
        growing=growing,
        stable=stable,
        answered=len(lives),
        coverage80=coverage(p10, p90, reached),
        coverage90=coverage(p5, p95, reached),
        early_percent=float(100 * np.mean(reached < p10)),
        late_percent=float(100 * np.mean(reached > p90)),
        width_ratio=float(np.median(p90 / np.maximum(p10, 1.0))),
        no_trend_percent=100 * at_rest[Refusal.NO_TREND.value] / stable,
        stable_answers=dict(at_rest),
    )


def _answer(life: Life) -> str:
    return life.refused.value if life.refused is not None else "a life"


def _days(life: Life) -> list[float]:
    dates = (life.p5_ns, life.p10_ns, life.p90_ns, life.p95_ns)
    return [(date - life.t_ns) / NS_PER_DAY for date in dates if date is not None]


def _estimate(one: Crack) -> Life:
    """The estimate of the record's last day. Earlier days come as late data, which asks for no estimate: saves time."""
    detector, lagged_c = CrackDetector(), _lagged(one)
    place = site_of([_channel(one)]).places[one.name]
    before, last = slice(0, one.t_ns.size - A_DAY), slice(one.t_ns.size - A_DAY, None)
    state = detector.initial(place)
    for rows, later_ns in ((last, 0), (before, 0), (last, NS_PER_DAY)):
        state, output = detector.step(place, state, _batch(one, lagged_c, rows, later_ns))
    return output.lives[-1]


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


def _batch(one: Crack, lagged_c: NDArray[np.float64], rows: slice, later_ns: int) -> Batch:
    t_ns = one.t_ns[rows] + later_ns
    none = np.zeros(t_ns.size, dtype=np.bool_)
    return Batch(
        t_ns=t_ns,
        values=one.width_mm[rows],
        flags=np.zeros(t_ns.size, dtype=np.uint8),
        temperature_c=lagged_c[rows],
        faulty=none,
        inputs_faulty=none,
    )

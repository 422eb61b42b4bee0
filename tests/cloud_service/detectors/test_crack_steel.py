"""A crack in steel through the crack detector: Paris' law with its own rate, earlier cracks, and refusals by name."""

from __future__ import annotations

import numpy as np
import pytest

from cloud_service.analyse.detectors.crack import CrackDetector
from models.crack_fleet import MIN_HISTORIES
from telltale.channel_details import CrackDetail
from telltale.clock import NS_PER_DAY
from telltale.findings import Reason, Refusal
from telltale.steel_crack import GrowthHistory, SteelCrack
from tests.cloud_service.detectors.play import START_NS, findings, lives, place_of, play, scalars
from tests.models.plates import plate

CYCLES_PER_DAY = 2500.0
LIMIT_MM = 45.0
NOISE_MM = 0.02


def steel(**more) -> CrackDetail:
    loading = {"stress_range_mpa": 48.28, "cycles_per_day": CYCLES_PER_DAY, "geometry": "centre_crack"}
    loaded = SteelCrack(**{**loading, "plate_width_mm": 152.4, **more})
    return CrackDetail(material="steel", limit_mm=LIMIT_MM, source="test", steel=loaded)


def earlier(count: int) -> tuple[GrowthHistory, ...]:
    plates = [plate(100 + seed) for seed in range(count)]
    return tuple(
        GrowthHistory(length_mm=tuple(one.length_mm.tolist()), cycles=tuple(one.cycles.tolist())) for one in plates
    )


def batch_of(days: int, seed: int = 1, growing: bool = True):
    """Four readings a day of a plate's crack."""
    t_ns = START_NS + np.arange(4 * days) * NS_PER_DAY // 4
    whole = plate(seed)
    cycles = (t_ns - START_NS) / NS_PER_DAY * CYCLES_PER_DAY if growing else np.zeros(t_ns.size)
    length_mm = np.interp(cycles, whole.cycles, whole.length_mm)
    return scalars(t_ns, length_mm + np.random.default_rng(seed).normal(0, NOISE_MM, t_ns.size))


def judged(detail: CrackDetail, batch, **more):
    place = place_of(kind="crack", unit="mm", interval_s=21_600.0, crack=detail)
    return play(CrackDetector(), place, batch, **more)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_life_of_a_growing_crack_holds_the_day_of_the_limit(seed):
    whole = plate(seed)
    limit_day = float(whole.at(np.array([LIMIT_MM]))[0]) / CYCLES_PER_DAY
    outputs = judged(steel(), batch_of(round(0.7 * limit_day), seed))
    last = lives(outputs)[-1]
    assert last.refused is None, last.detail
    assert last.p5_ns <= START_NS + limit_day * NS_PER_DAY <= last.p95_ns
    assert "Paris' law" in last.detail
    assert "BS 7910" in last.source
    assert Reason.LIFE in {finding.reason for finding in findings(outputs)}


def test_earlier_cracks_are_used_once_there_are_enough():
    batch = batch_of(60)
    few, enough = (lives(judged(steel(histories=earlier(n)), batch))[-1] for n in (MIN_HISTORIES - 1, MIN_HISTORIES))
    assert any("the crack alone is judged" in one for one in few.assumptions)
    assert f"{MIN_HISTORIES} earlier cracks" in enough.detail
    assert enough.p95_ns - enough.p5_ns < few.p95_ns - few.p5_ns


def test_a_crack_at_rest_has_no_trend_and_a_short_history_is_refused():
    assert lives(judged(steel(), batch_of(40, growing=False)))[-1].refused is Refusal.NO_TREND
    assert lives(judged(steel(), batch_of(20)))[-1].refused is Refusal.INSUFFICIENT_HISTORY


def test_a_limit_that_is_reached_leaves_nothing():
    limit_day = float(plate(1).at(np.array([LIMIT_MM]))[0]) / CYCLES_PER_DAY
    last = lives(judged(steel(), batch_of(round(limit_day) + 3)))[-1]
    assert last.p5_ns == last.p95_ns == last.t_ns


def test_batches_do_not_change_the_life():
    batch = batch_of(45)
    assert lives(judged(steel(), batch)) == lives(judged(steel(), batch, at_once=3))


def test_without_a_stress_range_steel_is_judged_by_its_trend():
    detail = CrackDetail(material="steel", limit_mm=LIMIT_MM, source="test")
    life = lives(judged(detail, batch_of(60)))[-1]
    assert "Paris' law" not in life.detail

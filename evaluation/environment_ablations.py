"""What `telltale evaluate environment` takes away from the method, and what must then fail.

An ablation is declared in `environment.toml`: which part is taken away, when damage begins, what it is judged by, and
whether it must fail there. It fails where it warns falsely more often than is promised; or where it finds fewer of the
same damages than the whole method does, more clearly than chance (the exact test of McNemar, Psychometrika 12 (1947)
153, one-sided).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta
from scipy.stats import binom

from cloud_service.analyse.detector import Detector
from cloud_service.analyse.detectors.novelty import NoveltyDetector
from evaluation.environment_trials import Life, Trial
from evaluation.port import Table
from models.novelty import Rules
from telltale.settings import Settings

Part = Literal["quarantine and freezing", "temperatures below 0 °C", "thermometer"]
Onsets = Literal["grown", "young"]
FALSE_ALARMS = "false alarms"
BY_CHANCE = 0.05
WHEN: Mapping[Onsets, str] = {"grown": "after the first year", "young": "while the baseline is learned"}


class Ablation(Settings, frozen=True):
    """One part taken away.

    Attributes:
        without: which.
        damage_begins: when the baseline is `grown`, or while it is `young`.
        judged_by: the name of a damage that is found or not, or `false alarms`.
        must_fail: whether it must fail there.
    """

    without: Part
    damage_begins: Onsets
    judged_by: Annotated[str, Meta(min_length=1)]
    must_fail: bool = True


def trial_without(part: Part, novelty: Detector) -> Trial:
    """The registered detector without a part of its method, or of what it gets to see."""
    match part:
        case "quarantine and freezing":
            return Trial(NoveltyDetector(Rules(quarantine_days=0, quiet_score=math.inf, freeze_days=10**9)))
        case "temperatures below 0 °C":
            return Trial(novelty, coldest_c=0.0)
        case "thermometer":
            return Trial(novelty, thermometer=False)


def ablation_table(
    ablations: Sequence[Ablation], found: Mapping[tuple[Part | None, Onsets], tuple[Sequence[Life], float]], most: float
) -> Table:
    """What was expected of each ablation, and what it did.

    Args:
        ablations: as declared.
        found: (part taken away; None: nothing, onsets) → the lives, and their false alarms a sensor-year.
        most: false alarms a sensor-year that are promised.
    """
    names = ("without", "damage begins", "judged by", "whole method", "without it", "must fail", "fails")
    rows = []
    for item in ablations:
        whole, other = found[None, item.damage_begins], found[item.without, item.damage_begins]
        told, fails = (
            _false_alarms(whole[1], other[1], most)
            if item.judged_by == FALSE_ALARMS
            else _found(whole[0], other[0], item.judged_by)
        )
        rows.append((item.without, WHEN[item.damage_begins], item.judged_by, *told, _yes(item.must_fail), _yes(fails)))
    return Table("what the parts of the method are for", names, tuple(rows))


def _false_alarms(whole: float, other: float, most: float) -> tuple[tuple[str, str], bool]:
    return (f"{whole:.2f} a sensor-year", f"{other:.2f} a sensor-year"), other > most


def _found(whole: Sequence[Life], other: Sequence[Life], damage: str) -> tuple[tuple[str, str], bool]:
    pairs = [
        (math.isfinite(one), math.isfinite(two))
        for before, after in zip(whole, other, strict=True)
        for one, two in zip(before.delay_days[damage], after.delay_days[damage], strict=True)
    ]
    hits = np.array(pairs).sum(axis=0)
    lost, won = pairs.count((True, False)), pairs.count((False, True))
    fails = bool(binom.cdf(won, lost + won, 0.5) <= BY_CHANCE)
    return (f"{hits[0]} of {len(pairs)} found", f"{hits[1]} of {len(pairs)} found"), fails


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"

"""Fatigue cracks in 68 aluminium plates: the life model of cracks in steel, leaving one specimen out.

Each specimen is judged from its own history up to a length, alone and with the other 67 whole histories as earlier
cracks of its kind: the registered life model, its answers turned back from dates into cycles.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detectors.crack import CrackSettings
from cloud_service.analyse.detectors.crack_life import CrackHistory
from cloud_service.analyse.detectors.crack_lives import LIFE_MODELS
from evaluation.port import Options, Report, Table
from evaluation.virkler_specimens import Specimens, VirklerSettings, read_specimens
from models.life_scores import coverage, interval_score
from telltale.channel_details import CrackDetail
from telltale.clock import NS_PER_DAY
from telltale.settings import load
from telltale.site import Channel
from telltale.steel_crack import GrowthHistory, SteelCrack

Floats = NDArray[np.float64]

NOMINAL = 0.9
SAME = 1e-5  # relative; rounding to nanoseconds and the order of sums


@dataclass(frozen=True, slots=True)
class Answers:
    """Cycles to the limit of every specimen from every cut, (cuts, m); NaN where refused."""

    low: Floats
    median: Floats
    high: Floats
    truth: Floats

    def mape_percent(self, chosen: slice = slice(None)) -> list[float]:
        """Mean absolute error of the median by cut."""
        wrong = np.abs(self.median / self.truth - 1)[:, chosen]
        return [float(value) for value in 100 * wrong.mean(axis=1)]

    def coverage(self, chosen: slice = slice(None)) -> float:
        """Pooled over cuts and specimens."""
        return coverage(self.low[:, chosen], self.high[:, chosen], self.truth[:, chosen])

    def score(self) -> float:
        """Interval score, cycles."""
        return interval_score(self.low, self.high, self.truth, NOMINAL)


def evaluate(options: Options) -> Report:
    """Judge both ways.

    Raises:
        UserError: no folder, or it does not hold the published table.
    """
    settings = load(Path(__file__).with_suffix(".toml"), VirklerSettings)
    specimens = read_specimens(options.folder("virkler"), settings)
    cuts_mm = settings.cuts_mm
    fleet, alone = (_answers(specimens, settings, cuts_mm, with_others=others) for others in (True, False))
    return Report(
        metrics={
            "fleet_mape_percent": _by_cut(cuts_mm, fleet.mape_percent()),
            "alone_mape_percent": _by_cut(cuts_mm, alone.mape_percent()),
            "fleet_coverage90": fleet.coverage(),
            "alone_coverage90": alone.coverage(),
            "fleet_interval_score": fleet.score(),
            "alone_interval_score": alone.score(),
            "refused": int(np.isnan(fleet.median).sum() + np.isnan(alone.median).sum()),
        },
        tables=(_table(cuts_mm, fleet, alone, _mean_life(specimens, cuts_mm), settings.chosen_on),),
        notes=(
            f"{len(specimens.names)} specimens, leaving one out; life ends at {settings.limit_mm:g} mm",
            "coverage and score of P5 to P95, pooled over lengths; score in cycles, lower is better",
            "baseline: mean and 5 to 95 % range of the others' lives from that length, its own history unread",
            f"noises of the model alone: compared on the first {settings.chosen_on} specimens, chosen in sight of all",
            "no published figures for this protocol are known to us",
        ),
        unchanged=_is_unchanged(specimens, settings, (fleet, alone)),
    )


def _by_cut(cuts_mm: tuple[float, ...], values: list[float]) -> dict[str, float]:
    return {f"{cut:g}": value for cut, value in zip(cuts_mm, values, strict=True)}


def _answers(
    specimens: Specimens, settings: VirklerSettings, cuts_mm: tuple[float, ...], *, with_others: bool
) -> Answers:
    rows = [specimens.row(cut) for cut in cuts_mm]
    found = np.array(
        [[_life(specimens, settings, row, one, with_others) for one in range(len(specimens.names))] for row in rows]
    )
    return Answers(found[..., 0], found[..., 1], found[..., 2], np.array([specimens.left(row) for row in rows]))


def _life(
    specimens: Specimens, settings: VirklerSettings, row: int, one: int, with_others: bool
) -> tuple[float, float, float]:
    """P5, P50, P95 in cycles from the row's length on."""
    day = specimens.cycles[: row + 1, one] / settings.cycles_per_day
    others = [other for other in range(len(specimens.names)) if other != one] if with_others else []
    now_ns, rules = round(day[-1] * NS_PER_DAY), CrackSettings()
    life = LIFE_MODELS["steel"](
        _channel(specimens, settings, one, others),
        now_ns,
        CrackHistory(day, specimens.length_mm[: row + 1], None),
        min_history_days=rules.min_history_days,
        rules=rules.life,
    )
    if life.p5_ns is None or life.p50_ns is None or life.p95_ns is None:
        return (np.nan,) * 3
    low, median, high = (
        (date - now_ns) / NS_PER_DAY * settings.cycles_per_day for date in (life.p5_ns, life.p50_ns, life.p95_ns)
    )
    return low, median, high


def _channel(specimens: Specimens, settings: VirklerSettings, one: int, others: list[int]) -> Channel:
    lengths = tuple(specimens.length_mm.tolist())
    steel = SteelCrack(
        stress_range_mpa=settings.stress_range_mpa,
        cycles_per_day=settings.cycles_per_day,
        traffic_sd=0.0,  # a testing machine
        geometry="centre_crack",
        plate_width_mm=specimens.plate_width_mm,
        histories=tuple(
            GrowthHistory(length_mm=lengths, cycles=tuple(specimens.cycles[:, other].tolist())) for other in others
        ),
    )
    detail = CrackDetail(material="steel", limit_mm=specimens.limit_mm, source="the published test", steel=steel)
    name = specimens.names[one]
    return Channel(id=f"plate.{name}", kind="crack", unit="mm", gateway="evaluation", interval_s=86_400, crack=detail)


def _mean_life(specimens: Specimens, cuts_mm: tuple[float, ...]) -> Answers:
    truth = np.array([specimens.left(specimens.row(cut)) for cut in cuts_mm])
    without = [np.delete(truth, one, axis=1) for one in range(truth.shape[1])]
    low, high = (np.stack([np.quantile(rest, p, axis=1) for rest in without], axis=1) for p in (0.05, 0.95))
    return Answers(low, np.stack([rest.mean(axis=1) for rest in without], axis=1), high, truth)


def _is_unchanged(specimens: Specimens, settings: VirklerSettings, found: tuple[Answers, Answers]) -> bool:
    """The same answers on the copy, each specimen's beside its own."""
    copy = specimens.copy(settings)
    cuts_mm = tuple(cut * settings.copy_scale for cut in settings.cuts_mm)
    fleet, alone = (_answers(copy, settings, cuts_mm, with_others=others) for others in (True, False))
    return all(
        np.allclose(getattr(one, name), getattr(again, name)[:, ::-1], rtol=SAME, atol=0, equal_nan=True)
        for one, again in zip(found, (fleet, alone), strict=True)
        for name in ("low", "median", "high")
    )


def _table(cuts_mm: tuple[float, ...], fleet: Answers, alone: Answers, baseline: Answers, chosen_on: int) -> Table:
    names = ("from", *(f"{cut:g} mm" for cut in cuts_mm), "coverage of 90 %", "interval score")
    unseen = slice(chosen_on, None)
    return Table(
        "mean absolute error of the median life, %",
        names,
        (
            ("bound with the fleet", "5.0", "6.5", "8.2", "10.8", "0.85-0.95", "-"),
            ("with the fleet", *_percent(fleet), f"{fleet.coverage():.3f}", f"{fleet.score():,.0f}"),
            ("bound alone", "9", "15", "11", "16", "0.88 or more", "-"),
            ("alone", *_percent(alone), f"{alone.coverage():.3f}", f"{alone.score():,.0f}"),
            (f"alone, without the first {chosen_on}", *_percent(alone, unseen), f"{alone.coverage(unseen):.3f}", "-"),
            (
                "baseline: the others' mean",
                *_percent(baseline),
                f"{baseline.coverage():.3f}",
                f"{baseline.score():,.0f}",
            ),
        ),
    )


def _percent(answers: Answers, chosen: slice = slice(None)) -> list[str]:
    return [f"{value:.2f}" for value in answers.mape_percent(chosen)]

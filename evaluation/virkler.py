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
from models.life import QUANTILES
from models.life_scores import coverage, interval_score, near, weighted_interval_score
from telltale.channel_details import CrackDetail
from telltale.clock import NS_PER_DAY
from telltale.settings import load
from telltale.site import Channel
from telltale.steel_crack import GrowthHistory, SteelCrack

Floats = NDArray[np.float64]

NOMINAL, ALPHA = 0.9, 0.2
SAME = 1e-5  # relative; rounding to nanoseconds and the order of sums


@dataclass(frozen=True, slots=True)
class Answers:
    """Cycles to the limit of every specimen from every cut; NaN where refused.

    Attributes:
        quantiles: (cuts, m, 5), those of `QUANTILES`.
        truth: (cuts, m).
    """

    quantiles: Floats
    truth: Floats

    def mape_percent(self, chosen: slice = slice(None)) -> list[float]:
        """Mean absolute error of the median by cut."""
        wrong = np.abs(self.quantiles[..., 2] / self.truth - 1)[:, chosen]
        return [float(value) for value in 100 * wrong.mean(axis=1)]

    def coverage(self, chosen: slice = slice(None), *, outer: int = 0) -> float:
        """Pooled over cuts and specimens: of P5 to P95, or of P10 to P90 (`outer` 1)."""
        low, high = self.quantiles[:, chosen, outer], self.quantiles[:, chosen, -1 - outer]
        return coverage(low, high, self.truth[:, chosen])

    def score(self) -> float:
        """Interval score of P5 to P95, cycles."""
        return interval_score(self.quantiles[..., 0], self.quantiles[..., -1], self.truth, NOMINAL)

    def weighted_score(self) -> float:
        """Weighted interval score, cycles: stands for the CRPS."""
        return weighted_interval_score(self.quantiles.reshape(-1, len(QUANTILES)), QUANTILES, self.truth.ravel())

    def worth(self, cut: int) -> tuple[str, str, str]:
        """From one cut: share of P50 within ALPHA of the truth, median (P90 - P10) / truth, share within those."""
        told, truth = self.quantiles[cut], self.truth[cut]
        width = float(np.median((told[:, 3] - told[:, 1]) / truth))
        held = coverage(told[:, 1], told[:, 3], truth)
        return f"{100 * near(told[:, 2], truth, ALPHA):.0f} %", f"{width:.2f}", f"{held:.2f}"


def evaluate(options: Options) -> Report:
    """Judge both ways.

    Raises:
        UserError: no folder, or it does not hold the published table.
    """
    settings = load(Path(__file__).with_suffix(".toml"), VirklerSettings)
    specimens = read_specimens(options.folder("virkler"), settings)
    cuts_mm = settings.cuts_mm
    baseline = _mean_life(specimens, cuts_mm)
    fleet, alone = (_answers(specimens, settings, cuts_mm, with_others=others) for others in (True, False))
    return Report(
        metrics={
            "fleet_mape_percent": _by_cut(cuts_mm, fleet.mape_percent()),
            "alone_mape_percent": _by_cut(cuts_mm, alone.mape_percent()),
            "fleet_coverage90": fleet.coverage(),
            "alone_coverage90": alone.coverage(),
            "fleet_interval_score": fleet.score(),
            "alone_interval_score": alone.score(),
            "fleet_coverage80": fleet.coverage(outer=1),
            "alone_coverage80": alone.coverage(outer=1),
            "fleet_weighted_interval_score": fleet.weighted_score(),
            "alone_weighted_interval_score": alone.weighted_score(),
            "refused": int(np.isnan(fleet.quantiles[..., 2]).sum() + np.isnan(alone.quantiles[..., 2]).sum()),
        },
        tables=(
            _table(cuts_mm, fleet, alone, baseline, settings.chosen_on),
            _worth(cuts_mm, {"with the fleet": fleet, "alone": alone, "baseline": baseline}),
        ),
        notes=(
            f"{len(specimens.names)} specimens, leaving one out; life ends at {settings.limit_mm:g} mm",
            "shares and scores pooled over lengths; scores in cycles, lower is better; interval score: of P5 to P95",
            "weighted: interval score of P5, P10, P50, P90 and P95 together, stands for the CRPS",
            f"near: P50 within {ALPHA:.0%} of the life that is left (α-λ accuracy); width: (P90 - P10) / life left",
            "baseline: mean and 5 to 95 % range of the others' lives from that length, its own history unread",
            f"alone: noises: compared on the first {settings.chosen_on} specimens; its form in sight of all",
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
    return Answers(found, np.array([specimens.left(row) for row in rows]))


def _life(specimens: Specimens, settings: VirklerSettings, row: int, one: int, with_others: bool) -> list[float]:
    """P5, P10, P50, P90, P95 in cycles from the row's length on."""
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
    dates = (life.p5_ns, life.p10_ns, life.p50_ns, life.p90_ns, life.p95_ns)
    days = [np.nan if date is None else (date - now_ns) / NS_PER_DAY for date in dates]
    return [day * settings.cycles_per_day for day in days]


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
    told = np.stack([np.quantile(rest, QUANTILES, axis=1).T for rest in without], axis=1)
    told[..., 2] = np.stack([rest.mean(axis=1) for rest in without], axis=1)
    return Answers(told, truth)


def _is_unchanged(specimens: Specimens, settings: VirklerSettings, found: tuple[Answers, Answers]) -> bool:
    """The same answers on the copy, each specimen's beside its own."""
    copy = specimens.copy(settings)
    cuts_mm = tuple(cut * settings.copy_scale for cut in settings.cuts_mm)
    fleet, alone = (_answers(copy, settings, cuts_mm, with_others=others) for others in (True, False))
    return all(
        np.allclose(one.quantiles, again.quantiles[:, ::-1], rtol=SAME, atol=0, equal_nan=True)
        for one, again in zip(found, (fleet, alone), strict=True)
    )


def _table(cuts_mm: tuple[float, ...], fleet: Answers, alone: Answers, baseline: Answers, chosen_on: int) -> Table:
    names = ("from", *(f"{cut:g} mm" for cut in cuts_mm), "P5-P95 hold", "P10-P90", "interval score", "weighted")
    unseen = slice(chosen_on, None)
    return Table(
        "mean absolute error of the median life, %",
        names,
        (
            ("bound with the fleet", "5.0", "6.5", "8.2", "10.8", "0.85-0.95", "-", "-", "-"),
            ("with the fleet", *_percent(fleet), *_pooled(fleet)),
            ("bound alone", "9", "15", "11", "16", "0.88 or more", "-", "-", "-"),
            ("alone", *_percent(alone), *_pooled(alone)),
            (
                f"alone, without the first {chosen_on}",
                *_percent(alone, unseen),
                f"{alone.coverage(unseen):.3f}",
                f"{alone.coverage(unseen, outer=1):.3f}",
                "-",
                "-",
            ),
            ("baseline: the others' mean", *_percent(baseline), *_pooled(baseline)),
        ),
    )


def _pooled(found: Answers) -> tuple[str, str, str, str]:
    held = f"{found.coverage():.3f}", f"{found.coverage(outer=1):.3f}"
    return *held, f"{found.score():,.0f}", f"{found.weighted_score():,.0f}"


def _worth(cuts_mm: tuple[float, ...], found: dict[str, Answers]) -> Table:
    rows = [
        (name, f"{cut:g} mm", *answers.worth(index))
        for name, answers in found.items()
        for index, cut in enumerate(cuts_mm)
    ]
    return Table("near and wide, from each length", ("", "from", "near", "width", "P10-P90 hold"), tuple(rows))


def _percent(answers: Answers, chosen: slice = slice(None)) -> list[str]:
    return [f"{value:.2f}" for value in answers.mape_percent(chosen)]

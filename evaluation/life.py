"""Remaining lives: simulated cracks and girders through the registered detectors, beside what became of them."""

from __future__ import annotations

from evaluation.life_crack import CrackCoverage, crack_coverage
from evaluation.life_fatigue import FatigueCoverage, fatigue_coverage
from evaluation.port import Options, Report, Table


def evaluate(options: Options) -> Report:
    """Judge both fleets of the seed; about two minutes of CPU."""
    return report(crack_coverage(options.seed), fatigue_coverage(options.seed), options.seed)


def report(cracks: CrackCoverage, girders: FatigueCoverage, seed: int) -> Report:
    """What was found, for people and scripts."""
    return Report(
        metrics={
            "crack_coverage80": cracks.coverage80,
            "fatigue_coverage80": girders.coverage80,
            "no_trend_percent": cracks.no_trend_percent,
            "crack_coverage90": cracks.coverage90,
            "fatigue_coverage90": girders.coverage90,
            "assets": cracks.growing + cracks.stable + girders.assets,
            "cracks_growing": cracks.growing,
            "cracks_answered": cracks.answered,
            "cracks_stable": cracks.stable,
            "girders": girders.assets,
        },
        tables=(_coverage(cracks, girders), _at_rest(cracks)),
        notes=(
            f"simulated, seed {seed}; one estimate an asset, at the end of its record; truth: the same carried on",
            f"{cracks.growing - cracks.answered} of {cracks.growing} growing cracks are refused by name",
            "growing cracks reach a limit that lies 0.1 to 1.5 records ahead; records of 60 to 400 days",
        ),
    )


def _coverage(cracks: CrackCoverage, girders: FatigueCoverage) -> Table:
    names = ("fleet", "judged", "P10-P90 hold", "P5-P95 hold", "before P10", "median P90/P10")
    rows = (
        (
            "cracks in concrete",
            str(cracks.answered),
            f"{cracks.coverage80:.3f}",
            f"{cracks.coverage90:.3f}",
            f"{cracks.early_percent:.1f} %",
            f"{cracks.width_ratio:.1f}",
        ),
        (
            "girders, fatigue",
            str(girders.assets),
            f"{girders.coverage80:.3f}",
            f"{girders.coverage90:.3f}",
            f"{girders.early_percent:.1f} %",
            f"{girders.width_ratio:.1f}",
        ),
        ("nominal", "-", "0.80 (0.75-0.85)", "0.90", "10 %", "-"),
    )
    return Table("lives", names, rows)


def _at_rest(cracks: CrackCoverage) -> Table:
    rows = tuple((answer, str(count)) for answer, count in sorted(cracks.stable_answers.items()))
    title = f"{cracks.stable} stable cracks: no_trend for {cracks.no_trend_percent:.1f} % (95 % or more)"
    return Table(title, ("answered", "cracks"), rows)

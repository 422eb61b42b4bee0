"""Remaining lives: simulated cracks and girders through the registered detectors, beside what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from evaluation import life_crack, life_fatigue, life_steel
from evaluation.lives import ALPHA, SHARES, Lives, together
from evaluation.port import Metrics, Options, Report, Table

CONCRETE, STEEL, STEEL_OF_A_KIND, GIRDERS = "cracks_concrete", "cracks_steel", "cracks_steel_of_a_kind", "girders"
NAMES = {
    CONCRETE: "cracks in concrete",
    STEEL: "cracks in steel, alone",
    STEEL_OF_A_KIND: "cracks in steel, with 30 earlier ones",
    GIRDERS: "girders, fatigue",
}


def evaluate(options: Options) -> Report:
    """Judge all fleets of the seed; about three minutes of CPU."""
    concrete, steel, fatigue = life_crack.settings(), life_steel.settings(), life_fatigue.settings()
    fleets = {
        CONCRETE: life_crack.growing_cracks(options.seed, concrete.growing),
        STEEL: life_steel.steel_cracks(options.seed, steel.alone, with_earlier=False),
        STEEL_OF_A_KIND: life_steel.steel_cracks(options.seed, steel.with_earlier, with_earlier=True),
        GIRDERS: life_fatigue.girders(options.seed, fatigue.assets),
    }
    return report(fleets, life_crack.stable_answers(options.seed, concrete.stable), options.seed)


def report(fleets: Mapping[str, Lives], stable: Counter[str], seed: int) -> Report:
    """What was found, for people and scripts."""
    cracks = together(*(fleets[name] for name in (CONCRETE, STEEL, STEEL_OF_A_KIND)))
    no_trend_percent = 100 * stable["no_trend"] / stable.total()
    rows = {**{NAMES[name]: lives for name, lives in fleets.items()}, "all cracks": cracks}
    return Report(
        metrics={
            "crack_coverage80": cracks.coverage(0.8),
            "fatigue_coverage80": fleets[GIRDERS].coverage(0.8),
            "no_trend_percent": no_trend_percent,
            "crack_coverage90": cracks.coverage(0.9),
            "fatigue_coverage90": fleets[GIRDERS].coverage(0.9),
            "assets": sum(lives.asked for lives in fleets.values()) + stable.total(),
            "cracks_stable": stable.total(),
            "fleets": {name: _metrics(lives) for name, lives in fleets.items()},
        },
        tables=(_coverage(rows), _worth(rows), _nearness(rows), _refusals(rows), _at_rest(stable, no_trend_percent)),
        notes=(
            f"simulated, seed {seed}; one estimate an asset, at the end of its record; truth: the same carried on",
            "crack_coverage80 is that of all cracks that were given a life; the rows show what it is made of",
            "scores are of ln life, lower is better; baseline: quantiles of what all of a fleet had left, nothing read",
            "by how far life had gone: rows are chosen by what became of the assets, which moves shares by itself",
            f"near: P50 within {ALPHA:.0%} of the life that was left (α-λ accuracy); width: (P90 - P10) / life left",
        ),
    )


def _metrics(lives: Lives) -> Metrics:
    return {
        "asked": lives.asked,
        "judged": len(lives.left),
        "coverage80": lives.coverage(0.8),
        "coverage90": lives.coverage(0.9),
        "before_p10_percent": lives.early_percent(),
        "after_p90_percent": lives.late_percent(),
        "interval_score80": lives.interval_score(),
        "weighted_interval_score": lives.score(),
        "baseline_weighted_interval_score": lives.nothing_read().score(),
        "near_percent": 100 * lives.near(),
        "width": lives.width(),
    }


def _coverage(rows: Mapping[str, Lives]) -> Table:
    names = (
        "fleet",
        "asked",
        "refused",
        "judged",
        "P10-P90 hold",
        "P5-P95 hold",
        "before P10",
        "after P90",
        "left/P50",
    )
    found = [
        (
            name,
            str(lives.asked),
            str(lives.refused.total()),
            str(len(lives.left)),
            f"{lives.coverage(0.8):.3f}",
            f"{lives.coverage(0.9):.3f}",
            f"{lives.early_percent():.1f} %",
            f"{lives.late_percent():.1f} %",
            f"{lives.bias():.2f}",
        )
        for name, lives in rows.items()
    ]
    nominal = ("nominal", "-", "-", "-", "0.80 (0.75-0.85)", "0.90", "10 %", "10 %", "1")
    return Table("do intervals hold", names, (*found, nominal))


def _worth(rows: Mapping[str, Lives]) -> Table:
    names = ("fleet", "median P90/P10", "width", "near", "interval score", "weighted score", "baseline's")
    found = [
        (
            name,
            f"{lives.width_ratio():.1f}",
            f"{lives.width():.2f}",
            f"{100 * lives.near():.0f} %",
            f"{lives.interval_score():.2f}",
            f"{lives.score():.3f}",
            f"{lives.nothing_read().score():.3f}",
        )
        for name, lives in rows.items()
    ]
    return Table("what they are worth", names, tuple(found))


def _nearness(rows: Mapping[str, Lives]) -> Table:
    names = ("fleet", "share of life used up", "judged", "near", "width", "P10-P90 hold")
    found = []
    for name, lives in rows.items():
        for low, high in SHARES:
            some = lives.at(low, high)
            if len(some.left):
                cells = (f"{100 * some.near():.0f} %", f"{some.width():.2f}", f"{some.coverage(0.8):.3f}")
                found.append((name, f"{low:.0%} to {high:.0%}", str(len(some.left)), *cells))
    return Table("by how far life had gone", names, tuple(found))


def _refusals(rows: Mapping[str, Lives]) -> Table:
    found = [
        (name, reason, str(count), f"{100 * count / lives.asked:.1f} %")
        for name, lives in rows.items()
        for reason, count in sorted(lives.refused.items())
    ]
    return Table("refused by name", ("fleet", "as", "assets", "of those asked"), tuple(found))


def _at_rest(stable: Counter[str], no_trend_percent: float) -> Table:
    rows = tuple((answer, str(count)) for answer, count in sorted(stable.items()))
    title = f"{stable.total()} stable cracks: no_trend for {no_trend_percent:.1f} % (95 % or more)"
    return Table(title, ("answered", "cracks"), rows)

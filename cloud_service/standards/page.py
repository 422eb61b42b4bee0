"""The registry of standards and its tables as one Markdown page, which reads well in a terminal too."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from models.crack_grades import ANY, EN_1992_1_1_CRACK_LIMITS, GRADE_TABLES, GRADES, NEVER, GradeTable
from models.standards import STANDARDS, Standard
from models.vibration_limits import GUIDE_CURVES, GuideCurve
from telltale.detail_categories import CATEGORIES_MPA, DETAILS, Detail

INTRODUCTION = """# Standards

What results rest on. `telltale standards` prints this page; results cite an entry with its edition and clause.
Verified means that a test reproduces our figures from an independent source (a published worked example, another
implementation). Not verified means that they were only transcribed: results then say so, and an engineer compares them
with the edition in force, and with the national annex, before relying on them."""
SHOWN_HZ = (1.0, 4.0, 10.0, 15.0, 40.0, 50.0, 100.0)


def page() -> str:
    """The whole page, ending in a line break."""
    parts = (
        INTRODUCTION,
        "## Entries",
        _table(("key", "standard", "what we take from it", "source of our figures", "verified"), _entries()),
        "## Fatigue details",
        f"""A strain channel names one as `fatigue = {{detail = "stiffener_50"}}`, or gives Δσ_C itself as
`detail_category_mpa`; EN 1993-1-9 knows the categories {", ".join(map(str, CATEGORIES_MPA))} MPa.""",
        _table(("detail", "Δσ_C, MPa", "EN 1993-1-9:2005", "what it is"), map(_detail, DETAILS.values())),
        "## Vibration velocity of buildings",
        """Guide values in mm/s at the frequency that goes with the peak, straight lines between; an empty cell: the
standard gives none.""",
        _table(
            ("key", "clause", "building", "where", "vibration", *(f"{hz:g} Hz" for hz in SHOWN_HZ)),
            map(_curve, GUIDE_CURVES.values()),
        ),
        "## Crack widths",
        """EN 1992-1-1, table 7.1N: recommended largest width w_max.""",
        _table(("exposure", "reinforced, mm", "bonded tendons, mm"), _limits()),
        """Condition grades, a proposal that an engineer signs; the worse of the two columns counts, and a gauge sees
the width alone.""",
        *(_grades(table) for table in GRADE_TABLES.values()),
    )
    return "\n\n".join(parts) + "\n"


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _entries() -> Iterable[tuple[str, ...]]:
    return map(_entry, STANDARDS.values())


def _entry(entry: Standard) -> tuple[str, ...]:
    cited = f"{entry.name}:{entry.edition}, {entry.clause}"
    return f"`{entry.key}`", cited, entry.content, entry.source, "yes" if entry.verified else "no"


def _detail(detail: Detail) -> tuple[str, ...]:
    return f"`{detail.name}`", str(detail.category_mpa), detail.clause, detail.description


def _curve(curve: GuideCurve) -> tuple[str, ...]:
    values = curve.velocity_mm_s(np.array(SHOWN_HZ))
    shown = ("" if np.isnan(value) else f"{value:.3g}" for value in values)
    return f"`{curve.key}`", curve.clause, curve.building, curve.position, curve.duration, *shown


def _limits() -> Iterable[tuple[str, ...]]:
    for row in EN_1992_1_1_CRACK_LIMITS:
        bonded = "decompression" if row.bonded_mm is None else f"{row.bonded_mm:g}"
        yield ", ".join(row.exposure), f"{row.reinforced_mm:g}", bonded


def _grades(table: GradeTable) -> str:
    widths, shares = _steps(table.below_mm), _steps(table.below_cracked_percent)
    rows = zip(GRADES, widths, shares, strict=True)
    return f"`{table.key}`: {table.element}.\n\n" + _table(("grade", "width, mm", "cracked share, %"), rows)


def _steps(bounds: Sequence[float]) -> list[str]:
    return [_step(low, high) for low, high in pairwise((math.nan, *bounds, math.nan))]


def _step(low: float, high: float) -> str:
    """A range of a column; a bound that is no number is none."""
    if high == ANY:
        return "none"
    if low == NEVER:
        return ""
    above = low > ANY
    if np.isfinite(high):
        return f"{low:g} to < {high:g}" if above else f"< {high:g}"
    return f"≥ {low:g}" if above else ""

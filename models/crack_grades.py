"""Limits and condition grades of crack widths: Korean inspection guideline, EN 1992-1-1.

The guideline's tables are those of bridges; one for tunnel linings or dams needs a source first. Two-way cracks of a
deck are graded by width to c only, beyond it by spalling.

A grade is a proposal that an engineer signs: the guideline also asks for the share of the surface that is cracked,
leakage, reinforcement and the cause, which a gauge does not see.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

GRADES = ("a", "b", "c", "d", "e")
ANY = math.ulp(0.0)  # mm; the bound of grade a where that knows no crack at all
NEVER = math.inf  # mm; the bound of grade d where the table knows no e
NO_SHARES = (math.nan,) * 4


@dataclass(frozen=True, slots=True)
class GradeTable:
    """Grades a (best) to e of a crack width.

    Attributes:
        key: the name that `condition_scheme` of a channel uses, and of its entry in `models.standards.STANDARDS`.
        element: what the table is for.
        below_mm: widths below which grades a, b, c and d hold; e from the last one on. See `ANY` and `NEVER`.
        below_cracked_percent: the same of the cracked share of the surface, which an inspector measures; the worse of
            the two grades counts. NaN where the table gives none.
    """

    key: str
    element: str
    below_mm: tuple[float, float, float, float]
    below_cracked_percent: tuple[float, float, float, float]

    def grade(self, width_mm: float) -> str:
        """Grade by width alone; NaN is no grade.

        Raises:
            ValueError: the width is no number.
        """
        if width_mm != width_mm:  # noqa: PLR0124 - NaN
            raise ValueError("no grade of a crack width that is not known")
        return GRADES[sum(width_mm >= bound for bound in self.below_mm)]


GRADE_TABLES: dict[str, GradeTable] = {
    table.key: table
    for table in (
        GradeTable(
            key="kr_rc_deck_crack",
            element="reinforced concrete bridge deck, one-way cracks",
            below_mm=(0.1, 0.3, 0.5, 1.0),
            below_cracked_percent=(math.nan, 2.0, 10.0, 20.0),
        ),
        GradeTable(
            key="kr_psc_deck_crack",
            element="prestressed concrete bridge deck",
            below_mm=(ANY, 0.2, 0.3, 0.5),
            below_cracked_percent=(math.nan, 2.0, 10.0, 20.0),
        ),
        GradeTable(
            key="kr_rc_girder_crack",
            element="reinforced concrete girder of a bridge",
            below_mm=(0.1, 0.3, 0.5, 1.0),
            below_cracked_percent=NO_SHARES,
        ),
        GradeTable(
            key="kr_psc_girder_crack",
            element="prestressed concrete girder of a bridge",
            below_mm=(ANY, 0.2, 0.3, 0.5),
            below_cracked_percent=NO_SHARES,
        ),
        GradeTable(
            key="kr_crossbeam_crack",
            element="concrete cross beam of a bridge",
            below_mm=(0.1, 0.3, 0.5, NEVER),
            below_cracked_percent=NO_SHARES,
        ),
        GradeTable(
            key="kr_abutment_crack",
            element="body of a bridge's abutment",
            below_mm=(0.1, 0.3, 0.5, 1.0),
            below_cracked_percent=NO_SHARES,
        ),
        GradeTable(
            key="kr_pier_crack",
            element="concrete pier of a bridge",
            below_mm=(0.1, 0.3, 0.5, 1.0),
            below_cracked_percent=NO_SHARES,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class CrackLimit:
    """Recommended largest crack width w_max of one row of EN 1992-1-1 table 7.1N.

    Attributes:
        exposure: exposure classes of EN 206 / EN 1992-1-1 table 4.1.
        reinforced_mm: reinforced members and members with unbonded tendons, quasi-permanent load combination.
        bonded_mm: members with bonded tendons, frequent load combination; None: decompression is asked for instead.
    """

    exposure: tuple[str, ...]
    reinforced_mm: float
    bonded_mm: float | None


# For X0 and XC1 the width has no influence on durability: the limit is for appearance and may be relaxed (note 1). For
# XC2 to XC4 with bonded tendons decompression is checked beside (note 2). XD3 asks for special measures (7.3.1 (7)).
EN_1992_1_1_CRACK_LIMITS = (
    CrackLimit(("X0", "XC1"), 0.4, 0.2),
    CrackLimit(("XC2", "XC3", "XC4"), 0.3, 0.2),
    CrackLimit(("XD1", "XD2", "XS1", "XS2", "XS3"), 0.3, None),
)


def crack_limit_mm(exposure: str, *, bonded: bool = False) -> float:
    """Recommended w_max of an exposure class, mm (EN 1992-1-1:2004 7.3.1 (5), table 7.1N; national annexes may differ).

    Raises:
        ValueError: a class that the table does not hold, or one where decompression is asked for instead of a width.
    """
    for row in EN_1992_1_1_CRACK_LIMITS:
        if exposure in row.exposure:
            if bonded and row.bonded_mm is None:
                raise ValueError(f"exposure class {exposure} with bonded tendons: decompression, no crack width")
            return row.bonded_mm if bonded and row.bonded_mm is not None else row.reinforced_mm
    known = ", ".join(name for row in EN_1992_1_1_CRACK_LIMITS for name in row.exposure)
    raise ValueError(f"exposure class {exposure!r} has no crack width in table 7.1N, expected one of {known}")

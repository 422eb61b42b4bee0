"""The registry of standards: which edition, where the figures come from, and whether we have checked them.

Every result that rests on a standard cites its entry (`cite`). `verified` is true where a published worked example or
an independent implementation reproduces our figures in a test; false where they were only transcribed: an engineer
checks those against the edition in force before relying on them.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.crack_grades import GRADE_TABLES


@dataclass(frozen=True, slots=True)
class Standard:
    """One entry.

    Attributes:
        key: the name used in code.
        name, edition, clause: what is cited.
        content: what we take from it.
        source: where our figures come from.
        verified: whether a test reproduces them from an independent source.
    """

    key: str
    name: str
    edition: str
    clause: str
    content: str
    source: str
    verified: bool


KOREAN = "Korean detailed guideline for safety and maintenance of facilities (inspection and diagnosis), bridges"
FIVE, PRESTRESSED = "a < 0.1 ≤ b < 0.3 ≤ c < 0.5 ≤ d < 1.0 ≤ e", "a no crack, b < 0.2 ≤ c < 0.3 ≤ d < 0.5 ≤ e"
KOREAN_TABLES = (
    ("kr_rc_deck_crack", "table 1.11, one-way cracks", FIVE),
    ("kr_psc_deck_crack", "table 1.13", PRESTRESSED),
    ("kr_rc_girder_crack", "table 1.14", FIVE),
    ("kr_psc_girder_crack", "table 1.15", PRESTRESSED),
    ("kr_crossbeam_crack", "table 1.16", "a < 0.1 ≤ b < 0.3 ≤ c < 0.5 ≤ d"),
    ("kr_abutment_crack", "table 1.19", FIVE),
    ("kr_pier_crack", "table 1.20", FIVE),
)


def _korean(key: str, clause: str, grades: str) -> Standard:
    return Standard(
        key=key,
        name=KOREAN,
        edition="2026",
        clause=clause,
        content=f"grades by crack width {grades} (mm)",
        source="the guideline's text as the public repository bonhyungu-png/bridge-guide extracts it from the print; a "
        "program for inspection reports has the same bounds; not compared with the print itself",
        verified=False,
    )


STANDARDS: dict[str, Standard] = {
    entry.key: entry
    for entry in (
        Standard(
            key="astm_e1049",
            name="ASTM E1049",
            edition="85 (2017)",
            clause="5.4.4",
            content="rainflow counting, three-point rule, residue as half cycles",
            source="worked example of 5.4.4; the Python package rainflow 3.2",
            verified=True,
        ),
        Standard(
            key="en_1993_1_9",
            name="EN 1993-1-9",
            edition="2005 + AC:2009",
            clause="7.1, annex A",
            content="S-N curves of slopes 3 and 5, limits at 5e6 and 1e8 cycles, linear damage sum",
            source="clause 7.1 (2) and (3); an independent implementation (fatpack 0.7.8) gives the same lives",
            verified=True,
        ),
        Standard(
            key="en_1993_1_9_details",
            name="EN 1993-1-9",
            edition="2005 + AC:2009",
            clause="tables 8.1 to 8.5",
            content="detail categories of common constructional details that a fatigue detail of a channel may name",
            source="transcribed; not compared with the text of the standard; an engineer checks a detail's conditions",
            verified=False,
        ),
        Standard(
            key="bs_7910",
            name="BS 7910",
            edition="2019",
            clause="8.2.3 (simplified law)",
            content="Paris constants for steel in air below 100 °C: C = 5.21e-13, m = 3, ΔK₀ = 63 (N/mm^1.5, mm/cycle)",
            source="worked value: 2 to 20 mm, Y = 1.12, 60 N/mm² gives 1.098e6 cycles",
            verified=True,
        ),
        Standard(
            key="en_1992_1_1",
            name="EN 1992-1-1",
            edition="2004 + A1:2014",
            clause="7.3.1, table 7.1N",
            content="recommended crack widths: 0.4 mm (X0, XC1), 0.3 mm (XC2 to XC4, XD, XS); bonded tendons 0.2 mm",
            source="transcribed; the help pages of SCIA Engineer print the same table; reprints differ on XD3, left "
            "out here; not compared with the text of the standard; national annexes may differ",
            verified=False,
        ),
        Standard(
            key="din_4150_3",
            name="DIN 4150-3",
            edition="2016-12",
            clause="table 1, table 4",
            content="guide values of vibration velocity for buildings, by frequency and type of building",
            source="transcribed; table 1 agrees with two published reproductions of the 1999 edition, it and the "
            "long-term values with an independent program that names the 2016 edition; not compared with its text",
            verified=False,
        ),
        Standard(
            key="bs_7385_2",
            name="BS 7385-2",
            edition="1993",
            clause="table 1, figure 1",
            content="guide values of vibration velocity for cosmetic damage to buildings, by frequency",
            source="transcribed; an independent program has the same values, straight lines and half values, after a "
            "course's worked figures (44 mm/s at 35 Hz); not compared with the text of the standard",
            verified=False,
        ),
        *(_korean(*table) for table in KOREAN_TABLES),
    )
}


def cite(key: str, clause: str = "") -> str:
    """The citation of an entry, or of one clause of it, saying so where it is not verified."""
    entry = STANDARDS[key]
    text = f"{entry.name}:{entry.edition}, {clause or entry.clause}"
    return text if entry.verified else f"{text} (transcribed, not verified)"


def korean_rc_deck_grade(width_mm: float) -> str:
    """Grade a to e of a crack width in an RC bridge deck (`kr_rc_deck_crack`); a proposal that an engineer signs."""
    return GRADE_TABLES["kr_rc_deck_crack"].grade(width_mm)


# Schemes that `condition_scheme` of a channel may name.
CONDITION_SCHEMES = {key: table.grade for key, table in GRADE_TABLES.items()}

"""Guide values of vibration velocity for buildings: below them no damage in the sense of the standard is expected.

DIN 4150-3:2016-12, tables 1 and 4, and BS 7385-2:1993, table 1, as transcribed in open sources (see the registry in
`models.standards`, which says that they are not verified against the printed standards). A value above is no proof of
damage; it asks for an engineer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.standards import cite

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GuideLine:
    """One line of a table.

    Attributes:
        standard: entry of `models.standards.STANDARDS`.
        building, place: what it is for, in the standard's words.
        points: (Hz, mm/s), ascending; straight between them, level beyond the ends.
    """

    standard: str
    building: str
    place: str
    points: tuple[tuple[float, float], ...]

    def value_mm_s(self, frequency_hz: Array) -> Array:
        """The guide value at each frequency, mm/s, same shape."""
        hz, mm_s = zip(*self.points, strict=True)
        return np.asarray(np.interp(frequency_hz, hz, mm_s), dtype=np.float64)

    @property
    def source(self) -> str:
        """The citation, with the line."""
        return f"{cite(self.standard)}: {self.building}, {self.place}"


_INDUSTRIAL = "buildings used for commercial purposes, industrial buildings"
_DWELLING = "dwellings and buildings of similar design or use"
_SENSITIVE = "buildings of particular sensitivity, such as listed ones"
_FOUNDATION = "foundation, short-term"
_TOP, _TOP_LONG = "topmost floor, horizontal, short-term", "topmost floor, horizontal, long-term"
_CEILING, _CEILING_LONG = "ceilings, vertical, short-term", "ceilings, vertical, long-term"
# Below 4 Hz BS 7385-2 asks for a displacement of at most 0.6 mm (zero to peak): v = 2π f · 0.6 mm, a straight line.
_BS_CORNER_HZ = 15.0 / (2 * np.pi * 0.6)


def _din(building: str, place: str, *points: tuple[float, float]) -> GuideLine:
    return GuideLine("din_4150_3", building, place, points)


# The names are what `velocity.guide` of a channel may hold (telltale.site.GuideName).
GUIDES: dict[str, GuideLine] = {
    "din_4150_3.industrial.foundation": _din(_INDUSTRIAL, _FOUNDATION, (10, 20), (50, 40), (100, 50)),
    "din_4150_3.dwelling.foundation": _din(_DWELLING, _FOUNDATION, (10, 5), (50, 15), (100, 20)),
    "din_4150_3.sensitive.foundation": _din(_SENSITIVE, _FOUNDATION, (10, 3), (50, 8), (100, 10)),
    "din_4150_3.industrial.top_floor": _din(_INDUSTRIAL, _TOP, (1, 40)),
    "din_4150_3.dwelling.top_floor": _din(_DWELLING, _TOP, (1, 15)),
    "din_4150_3.sensitive.top_floor": _din(_SENSITIVE, _TOP, (1, 8)),
    "din_4150_3.industrial.ceiling": _din(_INDUSTRIAL, _CEILING, (1, 20)),
    "din_4150_3.dwelling.ceiling": _din(_DWELLING, _CEILING, (1, 20)),
    "din_4150_3.industrial.top_floor.long_term": _din(_INDUSTRIAL, _TOP_LONG, (1, 10)),
    "din_4150_3.dwelling.top_floor.long_term": _din(_DWELLING, _TOP_LONG, (1, 5)),
    "din_4150_3.sensitive.top_floor.long_term": _din(_SENSITIVE, _TOP_LONG, (1, 2.5)),
    "din_4150_3.industrial.ceiling.long_term": _din(_INDUSTRIAL, _CEILING_LONG, (1, 10)),
    "din_4150_3.dwelling.ceiling.long_term": _din(_DWELLING, _CEILING_LONG, (1, 10)),
    "bs_7385_2.framed": GuideLine(
        "bs_7385_2", "reinforced or framed structures, industrial and heavy commercial", "base, transient", ((4, 50),)
    ),
    # The standard's figure is drawn on logarithmic axes: the straight line between its points is never above it.
    "bs_7385_2.unframed": GuideLine(
        "bs_7385_2",
        "unreinforced or light framed structures, residential or light commercial",
        "base, transient",
        ((0, 0), (_BS_CORNER_HZ, 15), (15, 20), (40, 50)),
    ),
}

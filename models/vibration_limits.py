"""Guide values of vibration velocity for buildings: DIN 4150-3 and BS 7385-2, by frequency and type of building.

Peak component velocity (DIN: the largest of the three axes), mm/s, at the frequency that goes with the peak. Keeping to
a guide value means that damage is not expected; exceeding it does not mean that there is damage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BELOW_4_HZ_DISPLACEMENT_MM = 0.6  # BS 7385-2 table 1 note: zero to peak, where table 1 begins at 4 Hz


@dataclass(frozen=True, slots=True)
class GuideCurve:
    """One line of a standard's table.

    Attributes:
        key: the name that settings use.
        standard: key of the entry in `models.standards.STANDARDS`.
        clause: table and line.
        building: which buildings it is for, in our words.
        position: where it is measured.
        duration: what kind of vibration it is for.
        points: (frequency in Hz, velocity in mm/s) in ascending frequency, straight lines between; one point: the same
            at all frequencies.
        displacement_mm: below the first point the velocity is limited by this displacement (zero to peak); 0: the first
            point's velocity holds below it too; NaN: the standard says nothing below it.
    """

    key: str
    standard: str
    clause: str
    building: str
    position: str
    duration: str
    points: tuple[tuple[float, float], ...]
    displacement_mm: float = 0.0

    def velocity_mm_s(self, frequency_hz: Floats) -> Floats:
        """The guide value at each frequency, shape (n,); NaN where the standard gives none.

        Between two points a straight line. BS 7385-2 draws its lines on logarithmic axes, where the value lies up to
        4 % higher: the straight line is on the safe side. Above the last point its value holds (DIN 4150-3 table 1,
        note a: at least the value at 100 Hz).
        """
        at_hz, limit = np.array(self.points, dtype=np.float64).T
        values: Floats = np.interp(frequency_hz, at_hz, limit)
        if self.displacement_mm == 0.0:
            return values
        below = 2 * np.pi * frequency_hz * self.displacement_mm
        bounded: Floats = np.where(frequency_hz < at_hz[0], np.minimum(below, limit[0]), values)
        return bounded


INDUSTRIAL = "commercial and industrial buildings and the like"
DWELLING = "dwellings and buildings of similar construction or use"
SENSITIVE = "especially sensitive buildings worth preserving, such as listed ones"
FRAMED = "reinforced or framed structures, industrial and heavy commercial buildings"
LIGHT = "unreinforced or light framed structures, residential or light commercial buildings"
FOUNDATION, TOP_FLOOR = "foundation, largest of the three axes", "plane of the topmost floor, horizontal"
CEILING = "middle of a floor slab, vertical"
BASE = "base of the building, peak component"
SHORT, LONG = "short-term (too seldom for fatigue or resonance)", "long-term"
TRANSIENT, CONTINUOUS = "transient", "continuous (transient values less 50 %, where resonance may raise the response)"


def _din(
    name: str, line: int, building: str, foundation: tuple[float, float, float], *, floor: float, lasting: float
) -> list[GuideCurve]:
    key, at_1, (low, middle, high) = f"din_4150_3.{name}", f"table 1, line {line}", foundation
    points = ((1.0, low), (10.0, low), (50.0, middle), (100.0, high))
    every = 1.0  # no dependence on frequency
    return [
        GuideCurve(f"{key}.foundation", "din_4150_3", at_1, building, FOUNDATION, SHORT, points),
        GuideCurve(f"{key}.top_floor", "din_4150_3", at_1, building, TOP_FLOOR, SHORT, ((every, floor),)),
        GuideCurve(
            f"{key}.long", "din_4150_3", f"table 4, line {line}", building, TOP_FLOOR, LONG, ((every, lasting),)
        ),
    ]


def _bs(name: str, line: int, building: str, points: tuple[tuple[float, float], ...], below: float) -> list[GuideCurve]:
    key, clause = f"bs_7385_2.{name}", f"table 1, line {line}"
    half = tuple((hz, velocity / 2) for hz, velocity in points)
    return [
        GuideCurve(f"{key}.transient", "bs_7385_2", clause, building, BASE, TRANSIENT, points, below),
        GuideCurve(f"{key}.continuous", "bs_7385_2", f"{clause}; 7.4.3", building, BASE, CONTINUOUS, half, below / 2),
    ]


def _ceilings(name: str, line: int, building: str) -> list[GuideCurve]:
    """Floor slabs; for line 3 a lower value may be needed, which the standard leaves to the engineer."""
    key, clause = f"din_4150_3.{name}", f"line {line}"
    return [
        GuideCurve(f"{key}.ceiling", "din_4150_3", f"table 1, {clause}", building, CEILING, SHORT, ((1.0, 20.0),)),
        GuideCurve(f"{key}.ceiling_long", "din_4150_3", f"table 4, {clause}", building, CEILING, LONG, ((1.0, 10.0),)),
    ]


GUIDE_CURVES: dict[str, GuideCurve] = {
    curve.key: curve
    for curve in (
        *_din("industrial", 1, INDUSTRIAL, (20.0, 40.0, 50.0), floor=40.0, lasting=10.0),
        *_din("dwelling", 2, DWELLING, (5.0, 15.0, 20.0), floor=15.0, lasting=5.0),
        *_din("sensitive", 3, SENSITIVE, (3.0, 8.0, 10.0), floor=8.0, lasting=2.5),
        *_ceilings("industrial", 1, INDUSTRIAL),
        *_ceilings("dwelling", 2, DWELLING),
        *_bs("framed", 1, FRAMED, ((4.0, 50.0),), float("nan")),
        *_bs("light", 2, LIGHT, ((4.0, 15.0), (15.0, 20.0), (40.0, 50.0)), BELOW_4_HZ_DISPLACEMENT_MM),
    )
}
"""Key → curve; `channel.limits` and results name them by key."""

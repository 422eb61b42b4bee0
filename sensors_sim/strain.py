"""Strain of a girder: vehicles crossing, and temperature.

Each axle draws the influence line of the bending moment at mid-span (simply supported: a triangle, 1 at mid-span), at
`per_tonne_ue` for a tonne there. Where the girder's expansion is partly restrained, its temperature adds strain in
proportion. Loss of stiffness raises the strain under load by 1/(1 - loss).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors_sim import traffic
from sensors_sim.vibration import Deck

AXLE_SHARES = (1 / 3, 2 / 3)
AXLE_DISTANCE_M = 3.0  # EN 1991-2:2003, 5.6.3 and figure 5.2: 40 kN and 80 kN, 3 m apart


@dataclass(frozen=True)
class GirderGauge:
    """A strain gauge on the lower flange at mid-span, µε.

    Attributes:
        deck: the span, with its traffic and section temperature.
        per_tonne_ue: strain for one tonne at mid-span.
        thermal_ue_per_c: strain for each °C of the section, of the restrained share of its expansion.
        reference_c: temperature at which the gauge was zeroed.
        noise: standard deviation of the gauge's own noise, µε.
        channel: names the stream of that noise.
    """

    deck: Deck
    per_tonne_ue: float
    thermal_ue_per_c: float
    reference_c: float
    noise: float
    channel: str

    def values(self, tick: int, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """One window, shape (n,), µε."""
        deck, t0_ns = self.deck, int(t_ns[0])
        section_c = deck.temperature.at(t_ns[:1])[0]
        strain = self.thermal_ue_per_c * (section_c - self.reference_c) + self.noise * deck.streams.at(
            self.channel, tick
        ).standard_normal(t_ns.size)
        found = traffic.crossings(deck.vehicles, deck.structure, deck.streams, tick, t0_ns)
        if found.enter_s.size:
            loss = deck.condition.stiffness_loss(t_ns[:1])[0]
            strain += self._live_load(found, (t_ns - t0_ns) / 1e9) / (1.0 - loss)
        return np.asarray(strain)

    def _live_load(self, found: traffic.Crossings, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Strain by the vehicles at `at_s` seconds into the window, shape (n,)."""
        travelled_m = (at_s[None, :] - found.enter_s[:, None]) * found.speed_m_s[:, None]
        strain = np.zeros(at_s.size)
        for share, behind_m in zip(AXLE_SHARES, (0.0, AXLE_DISTANCE_M), strict=True):
            along = (travelled_m - behind_m) / self.deck.length_m
            influence = np.maximum(1.0 - np.abs(2.0 * along - 1.0), 0.0)
            strain += share * self.per_tonne_ue * (found.weight_t @ influence)
        return strain

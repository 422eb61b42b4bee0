"""The damage of one structure and the works beside it, as its signals ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sensors_sim.damage import BearingSettlement, BlockMovement, CrackGrowth, Damage, StiffnessLoss
from sensors_sim.piling import Piling
from sensors_sim.pump import BearingWear
from sensors_sim.span import Span

D = TypeVar("D")


@dataclass(frozen=True)
class Condition:
    """All damage of a structure over a span, and all works."""

    damages: tuple[Damage, ...]
    span: Span

    def stiffness_loss(self, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Relative loss of stiffness, 0 to 1, same shape as `t_ns`."""
        left = np.ones(t_ns.shape)
        for damage in self._of(StiffnessLoss):
            left *= 1.0 - damage.amount(self.span.days_at(t_ns))
        return 1.0 - left

    def crack_growth_mm(self, channel: str, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Growth of the crack that `channel` watches, mm."""
        grown = np.zeros(t_ns.shape)
        for damage in self._of(CrackGrowth):
            if damage.channel == channel:
                grown += damage.amount(self.span.days_at(t_ns))
        return grown

    def settlement_mm(self, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Settlement of the bearing, mm."""
        days = self.span.days_at(t_ns)
        return np.asarray(sum((damage.amount(days) for damage in self._of(BearingSettlement)), np.zeros(days.shape)))

    def block_movement_mrad(self, channel: str, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Inclination that the block under `channel` has gained by itself, mrad."""
        days = self.span.days_at(t_ns)
        own = (damage.amount(days) for damage in self._of(BlockMovement) if damage.channel == channel)
        return np.asarray(sum(own, np.zeros(days.shape)))

    def piling(self) -> tuple[Piling, ...]:
        """Piles that are driven beside it."""
        return tuple(self._of(Piling))

    def wear(self, channel: str) -> BearingWear | None:
        """What wears the bearing that `channel` watches, where the scenario says."""
        return next((damage for damage in self._of(BearingWear) if damage.channel == channel), None)

    def _of(self, kind: type[D]) -> Iterator[D]:
        return (damage for damage in self.damages if isinstance(damage, kind))

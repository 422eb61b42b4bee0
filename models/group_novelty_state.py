"""How a group is judged, what is learned and followed of it, and what is answered; the method is in `group_novelty`."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.wander import Wander

Array = NDArray[np.float64]

STATISTICS = ("T", "Q", "channel")


class Rule(msgspec.Struct, frozen=True):
    """How a group is judged.

    Attributes:
        smoothing: λ of the average, 0 < λ ≤ 1; 1: each row by itself.
        stretches: into how many the training part is cut, each left out once.
        chance: with which a quiet stretch of that length exceeds a limit.
        retained: share of variance that the retained components explain at least.
        wanders: False: channels stay about the middle of the training part. True: their levels wander, quiet rows that
            are learned later move them, and so do slow changes that stay below the limits.
    """

    smoothing: float = 0.1
    stretches: int = 4
    chance: float = 0.02
    retained: float = 0.8
    wanders: bool = False


class Model(msgspec.Struct):
    """What was learned of a group of c channels with e columns of environment.

    Attributes:
        rule: with which it was learned.
        centre, scale: (c,) of the channels.
        outside_centre, outside_scale: (e,) of the environment.
        coefficients: (c, 1 + e) on the environment; those of columns 1… are 0 where it does not help.
        inverse: (1 + e, 1 + e) for leverage.
        memory: (c,) rows that count as one, because neighbours are alike; 0 where environment does not help.
        limit: (c,) of each channel's average; infinite: this channel cannot be judged.
        axes: (c, k) retained components.
        variance: (k,) of their scores.
        rest: mean variance of the others.
        t_limit, q_limit: of T and Q.
        rows: that were learned.
        wander: how far each channel's average may lie from where it was; None: its limit says so.
        fitted: of these, when all but the levels was learned.
    """

    rule: Rule
    centre: Array
    scale: Array
    outside_centre: Array
    outside_scale: Array
    coefficients: Array
    inverse: Array
    memory: Array
    limit: Array
    axes: Array
    variance: Array
    rest: float
    t_limit: float
    q_limit: float
    rows: int
    wander: Wander | None = None
    fitted: int = 0


class Averages(msgspec.Struct):
    """State between rows.

    Attributes:
        value: (c,) the averages.
        missing: (c,) for how many rows each channel has been missing.
        ahead: rows since the last one that was learned.
    """

    value: Array
    missing: Array
    ahead: int = 0


@dataclass(frozen=True, slots=True)
class Scores:
    """Of k rows.

    Attributes:
        score: largest statistic over its limit; 1 is the limit. NaN where no channel could be judged.
        statistic: index into `STATISTICS` of the largest.
        ratios: (k, 3) each statistic over its limit.
        channel: the channel that contributes most to the largest.
        deviation: that channel's average over its own limit, signed; of Q, what the others leave of it.
        shift: the same in the channel's own unit.
    """

    score: Array
    statistic: NDArray[np.int64]
    ratios: Array
    channel: NDArray[np.int64]
    deviation: Array
    shift: Array


def start(channels: int) -> Averages:
    """In control, nothing seen."""
    return Averages(np.zeros(channels), np.zeros(channels))

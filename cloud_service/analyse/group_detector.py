"""The port of group detectors: like sensors of one structure, judged together row by row of event time.

As the detector port (`cloud_service.analyse.detector`): a pure step on a state that is kept between batches, and what
is said follows from the rows and their times alone. Rows come from `cloud_service.analyse.gather`: complete, ascending,
each once. One implementation, one file under `group_detectors/`, one line in its `__init__.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import Output
from telltale.site import Channel, Group, Place


@dataclass(frozen=True, slots=True)
class GroupPlace:
    """A group with the place of its first channel, where its findings stand, and its channels in their order."""

    place: Place
    group: Group
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class GroupBatch:
    """k rows of c channels, in the base unit of their kind, ascending.

    Attributes:
        t_ns: (k,) UTC.
        values: (k, c), NaN where a channel is missing or its sensor is distrusted.
        outside: (k, e) the environment to condition on (in the service: lagged temperature), NaN where unknown.
    """

    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    outside: NDArray[np.float64]

    def __len__(self) -> int:
        return int(self.t_ns.size)

    def take(self, rows: slice) -> GroupBatch:
        """Some of the rows."""
        return GroupBatch(self.t_ns[rows], self.values[rows], self.outside[rows])


class GroupDetector(Protocol):
    """One way to judge a group."""

    name: str
    state_type: type[Any]
    """As of `cloud_service.analyse.detector.Detector`; ≤ 64 KB packed for each channel of the group."""

    def initial(self, place: GroupPlace) -> Any:
        """State before any data."""

    def step(self, place: GroupPlace, state: Any, batch: GroupBatch) -> tuple[Any, Output]:
        """Judge `batch`; findings are at `place.place.channel`."""

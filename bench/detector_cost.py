"""What a registered detector costs a channel and a block: many states in memory, those of a structure judged together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cloud_service.analyse.detector import Batch, Detector
from cloud_service.analyse.state_codec import decode_state, encode_state
from telltale.site import Place

BLOCKS_A_DAY = 48
WITHIN = 6  # blocks after the first one of a day that are timed


@dataclass(frozen=True)
class History:
    """A channel that has lived: its state's bytes, and blocks of one row each: the last of a day, then the next day."""

    place: Place
    state: bytes
    blocks: Sequence[Batch]


@dataclass(frozen=True)
class Cost:
    """CPU seconds of one channel: of a block within a day, of a day's first block beyond that, and the state's bytes."""

    within_s: float
    daily_s: float
    state_bytes: int

    @property
    def block_s(self) -> float:
        """Of a block, the daily work spread over the day's blocks."""
        return self.within_s + self.daily_s / BLOCKS_A_DAY


def lived(detector: Detector, place: Place, past: Batch, day: Batch) -> History:
    """The channel after its `past` but for the last block, with a day to come."""
    state, _ = detector.step(place, detector.initial(place), past.take(slice(0, -1)))
    blocks = [past.take(slice(-1, None)), *(day.take(slice(row, row + 1)) for row in range(WITHIN + 1))]
    return History(place, encode_state(state), blocks)


def states_of(detector: Detector, histories: Sequence[History], channels: int) -> list[Any]:
    """So many states, each by itself in memory, of the histories in turn."""
    return [decode_state(histories[i % len(histories)].state, detector.state_type) for i in range(channels)]


def cost(detector: Detector, histories: Sequence[History], channels: int, together: int = 1) -> Cost:
    """Measured on `channels` channels, `together` of them at a time where the detector offers it."""
    states = states_of(detector, histories, channels)
    _block(detector, histories, states, 0, together)  # what follows from a state is worked out after a start
    first, *within = [_block(detector, histories, states, block, together) for block in range(1, 2 + WITHIN)]
    middle = sorted(within)[WITHIN // 2]
    return Cost(middle, first - middle, max(len(one.state) for one in histories))


def _block(detector: Detector, histories: Sequence[History], states: list[Any], block: int, together: int) -> float:
    """CPU seconds a channel."""
    chosen = [histories[i % len(histories)] for i in range(len(states))]
    places, batches = [one.place for one in chosen], [one.blocks[block] for one in chosen]
    began = time.process_time()
    for start in range(0, len(states), together):
        part = slice(start, start + together)
        states[part] = _step(detector, places[part], states[part], batches[part])
    return (time.process_time() - began) / len(states)


def _step(detector: Detector, places: Sequence[Place], states: Sequence[Any], batches: Sequence[Batch]) -> list[Any]:
    """As the service does; the states after."""
    step_many = getattr(detector, "step_many", None)
    if step_many is None:
        return [detector.step(*one)[0] for one in zip(places, states, batches, strict=True)]
    stepped = step_many(places, states, batches)
    failed = [one for one in stepped if isinstance(one, Exception)]
    if failed:
        raise failed[0]
    return [state for state, _ in stepped]

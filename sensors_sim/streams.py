"""Reproducible randomness with random access: any tick of any channel, in any order, gives the same numbers.

Philox is a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11): the key is
derived from the run's seed and the stream's name, and the top word of the counter is the tick, so a tick needs nothing
of the ticks before it.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


class Streams:
    """The random streams of one run."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._keys: dict[str, NDArray[np.uint64]] = {}

    def at(self, name: str, tick: int = 0) -> np.random.Generator:
        """The stream `name` (a channel id, `weather` …) at `tick` ≥ 0; 2¹⁹² numbers before it meets the next tick."""
        key = self._keys.get(name)
        if key is None:
            digest = hashlib.blake2b(f"{self._seed}/{name}".encode(), digest_size=16).digest()
            key = self._keys[name] = np.frombuffer(digest, dtype=np.uint64).copy()
        return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, tick]))

"""A sensor: a signal, sampled each tick, rounded to what its converter gives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from telltale.clock import NS_PER_S
from telltale.readings import Flag, SampleArray, missing_spans, spans_of
from telltale.source import Chunk

COUNTS_END = 32_767


class Signal(Protocol):
    """What a sensor would read if it were in order."""

    def values(self, tick: int, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Readings of a tick, shape (n,), engineering units, the sensor's noise included.

        Args:
            tick: number of the tick; with the run's seed it fixes all randomness.
            t_ns: when, UTC ns, shape (n,), equally spaced from the start of the tick.
        """


@dataclass(frozen=True, slots=True)
class Correction:
    """The sensor's own electronics correct the reading by a thermistor: `per_c` units for each °C it reads."""

    channel: str
    per_c: float


@dataclass(frozen=True)
class Sensor:
    """One input of the simulated site.

    Attributes:
        id, structure, unit: as in `site.toml`.
        signal: what it reads.
        rate_hz, samples: sampling within a tick.
        scale: engineering units a count where the converter gives int16 counts; None: float32 values.
        resolution: step of the float32 values.
        noise: standard deviation of the sensor's own noise, engineering units.
        correction: where its readings depend on another sensor's.
    """

    id: str
    structure: str
    unit: str
    signal: Signal
    rate_hz: float
    samples: int
    noise: float
    scale: float | None = None
    resolution: float = 0.001
    correction: Correction | None = None

    def times_ns(self, t0_ns: int) -> NDArray[np.int64]:
        """When the samples of the tick that starts at `t0_ns` are taken, shape (samples,)."""
        return np.asarray(t0_ns + self._offsets_ns)

    @cached_property
    def _offsets_ns(self) -> NDArray[np.int64]:
        return np.asarray(np.rint(np.arange(self.samples) * (NS_PER_S / self.rate_hz)).astype(np.int64))

    def chunk(self, t0_ns: int, values: NDArray[np.float64]) -> Chunk:
        """Readings as the converter gives them: NaN is flagged missing, the end of the range clipped."""
        flags = missing_spans(values)
        if self.scale is None:
            steps = np.rint(values / self.resolution) * self.resolution
            return Chunk(self.id, t0_ns, self.rate_hz, steps.astype(np.float32), flags)
        counts = np.rint(values / self.scale)
        clipped = np.abs(counts) > COUNTS_END
        if clipped.any():
            flags += spans_of(clipped, Flag.CLIPPED)
        if flags:
            counts = np.nan_to_num(np.clip(counts, -COUNTS_END, COUNTS_END))
        samples: SampleArray = counts.astype(np.int16)
        return Chunk(self.id, t0_ns, self.rate_hz, samples, flags)

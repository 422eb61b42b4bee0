"""Sensor faults: what a broken sensor gives instead of the reading.

Each kind is one class. A fault changes the readings of one channel between two days; it never touches the structure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from sensors_sim.span import Span

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """One tick of a fault.

    Attributes:
        days: time of each reading, shape (k,), days since the start of the span.
        frozen: the last good reading before the fault.
        generator: the fault's randomness for this tick.
    """

    days: Values
    frozen: float
    generator: np.random.Generator


class Fault(Protocol):
    """One fault of one sensor. `end_day` None: it lasts."""

    kind: ClassVar[str]

    @property
    def channel(self) -> str:
        """The channel whose sensor it is."""

    @property
    def start_day(self) -> float:
        """Day of the span on which it begins."""

    @property
    def end_day(self) -> float | None:
        """Day on which it ends; None: it lasts."""

    def apply(self, values: Values, case: Case) -> Values:
        """The faulty readings of a tick.

        Args:
            values: readings while the fault holds, shape (k,), engineering units; NaN marks a missing one.
            case: when, and what the fault may need beside them.
        """


@dataclass(frozen=True, slots=True)
class Stuck:
    """The sensor repeats its last good reading."""

    kind: ClassVar[str] = "stuck"
    channel: str
    start_day: float
    end_day: float | None = None

    def apply(self, values: Values, case: Case) -> Values:
        """`frozen`, for ever."""
        return np.full_like(values, case.frozen)


@dataclass(frozen=True, slots=True)
class Spikes:
    """Single readings jump by about `size` (in the channel's unit), each with probability `share`."""

    kind: ClassVar[str] = "spikes"
    channel: str
    start_day: float
    size: float
    share: float
    end_day: float | None = None

    def apply(self, values: Values, case: Case) -> Values:
        """Readings with spikes of either sign, 0.5 to 1.5 times `size`."""
        hit, height, sign = case.generator.random((3, values.size))
        spike = self.size * (0.5 + height) * np.where(sign < 0.5, -1.0, 1.0)
        return np.where(hit < self.share, values + spike, values)


@dataclass(frozen=True, slots=True)
class Dropouts:
    """Readings go missing: a share of the hours entirely, and a share of the single readings."""

    kind: ClassVar[str] = "dropouts"
    channel: str
    start_day: float
    share_of_hours: float
    share: float
    end_day: float | None = None

    def apply(self, values: Values, case: Case) -> Values:
        """Readings with NaN where they are missing."""
        gone = case.generator.random() < self.share_of_hours
        return np.where(gone | (case.generator.random(values.size) < self.share), np.nan, values)


@dataclass(frozen=True, slots=True)
class Drift:
    """The reading runs away at a steady rate (in the channel's unit a day)."""

    kind: ClassVar[str] = "drift"
    channel: str
    start_day: float
    per_day: float
    end_day: float | None = None

    def apply(self, values: Values, case: Case) -> Values:
        """Readings plus rate times the age of the fault."""
        return values + self.per_day * (case.days - self.start_day)


@dataclass(frozen=True, slots=True)
class Noise:
    """A loose connector or a failing supply: white noise of deviation `size` (in the channel's unit) on top."""

    kind: ClassVar[str] = "noise"
    channel: str
    start_day: float
    size: float
    end_day: float | None = None

    def apply(self, values: Values, case: Case) -> Values:
        """Readings with more noise."""
        return values + self.size * case.generator.standard_normal(values.size)


@dataclass(frozen=True, slots=True)
class Clipped:
    """A range too small for the place: readings end at ±`limit` (in the channel's unit)."""

    kind: ClassVar[str] = "clipped"
    channel: str
    start_day: float
    limit: float
    end_day: float | None = None

    def apply(self, values: Values, case: Case) -> Values:  # noqa: ARG002 - the port's signature
        """Readings with their tops cut off."""
        return np.clip(values, -self.limit, self.limit)


@dataclass(frozen=True, slots=True)
class DeadThermistor:
    """An open thermistor circuit: erratic readings from about -167 to -110 °C, as loggers give them."""

    kind: ClassVar[str] = "dead_thermistor"
    channel: str
    start_day: float
    end_day: float | None = None

    def apply(self, values: Values, case: Case) -> Values:
        """Readings between the two ends, most of them near one of them."""
        return -167.0 + 57.0 * case.generator.beta(0.6, 0.6, values.size)


def record(fault: Fault, structure: str, affects: tuple[str, ...], span: Span) -> Mapping[str, object]:
    """The fault's entry in the ground truth: what, where, when, how much, and whose readings derive from it."""
    sizes = {
        name: value
        for name, value in asdict(fault).items()  # type: ignore[call-overload]
        if name not in ("channel", "start_day", "end_day")
    }
    return {
        "kind": fault.kind,
        "structure": structure,
        "channel": fault.channel,
        "start_ns": span.day_ns(fault.start_day),
        "end_ns": None if fault.end_day is None else span.day_ns(fault.end_day),
        "affects": list(affects),
        **sizes,
    }

"""What people do to a sensor on purpose, and record: it is another one afterwards, and no worse.

The service is told by its own command (`telltale cloud recommission`), as on a site; without it, a quieter or louder
sensor looks like a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from sensors_sim.faults import Case, Values
from sensors_sim.span import Span


@dataclass(frozen=True, slots=True)
class Replaced:
    """The sensor of `channel` is replaced by one with noise of its own, `noise` (standard deviation) on top, and a
    sensitivity that differs by the factor `gain`. `who` and `why` as they go into the audit record.
    """

    kind: ClassVar[str] = "sensor_replaced"
    channel: str
    start_day: float
    gain: float
    noise: float
    who: str
    why: str
    end_day: float | None = None

    def apply(self, values: Values, case: Case) -> Values:
        """Readings of the new sensor."""
        return self.gain * values + self.noise * case.generator.standard_normal(values.size)

    def record(self, structure: str, span: Span) -> Mapping[str, object]:
        """Its entry in the ground truth."""
        return {
            "kind": self.kind,
            "structure": structure,
            "channel": self.channel,
            "start_ns": span.day_ns(self.start_day),
            "who": self.who,
            "why": self.why,
            "gain": self.gain,
            "noise": self.noise,
        }

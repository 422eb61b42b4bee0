"""The simulated site at work: any tick of any channel, faults included, and the truth about all of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sensors_sim import faults as faults_module
from sensors_sim import riverside
from sensors_sim.damage import BearingSettlement, BlockMovement, CrackGrowth, Damage
from sensors_sim.faults import Case, Fault
from sensors_sim.foundation import Foundation
from sensors_sim.piling import Piling
from sensors_sim.pump import BearingWear
from sensors_sim.scenarios import Scenario
from sensors_sim.sensor import Sensor
from sensors_sim.span import Span
from sensors_sim.streams import Streams
from telltale.source import Chunk

TICK_S = 3600


class World:
    """One scenario over one span. Ticks may be asked for in any order and as often as wanted."""

    def __init__(self, scenario: Scenario, seed: int, span: Span) -> None:
        self.scenario, self.seed, self.span = scenario, seed, span
        self._streams = Streams(seed)
        self.sensors: dict[str, Sensor] = riverside.sensors((*scenario.damages, *scenario.works), span, self._streams)
        self._faults: dict[str, list[Fault]] = {channel: [] for channel in self.sensors}
        for fault in (*scenario.acts, *scenario.faults):
            self._faults[fault.channel].append(fault)
        self._frozen: dict[Fault, float] = {}

    def chunks(self, tick: int) -> list[Chunk]:
        """What every sensor gives in the hour `tick`."""
        return [self.chunk(channel, tick) for channel in self.sensors]

    def chunk(self, channel: str, tick: int) -> Chunk:
        """What one sensor gives in the hour `tick`."""
        return self.sensors[channel].chunk(self.span.tick_ns(tick), self.reading(channel, tick))

    def reading(self, channel: str, tick: int) -> NDArray[np.float64]:
        """Readings with their faults, shape (n,), engineering units, before the converter; NaN where missing."""
        values = self._corrected(self.sensors[channel], tick)
        if not self._faults[channel]:
            return values
        days = self.span.days_at(self.sensors[channel].times_ns(self.span.tick_ns(tick)))
        for fault in self._faults[channel]:
            values = self._break(fault, values, days, tick)
        return values

    def sound(self, channel: str, tick: int) -> NDArray[np.float64]:
        """Readings as if no sensor had a fault, shape (n,), engineering units."""
        sensor = self.sensors[channel]
        return sensor.signal.values(tick, sensor.times_ns(self.span.tick_ns(tick)))

    def truth(self) -> dict[str, object]:
        """The ground truth of the run, as plain JSON values; faults that begin after its span are left out."""
        return {
            "scenario": self.scenario.name,
            "description": self.scenario.description,
            "seed": self.seed,
            "start_ns": self.span.start_ns,
            "end_ns": self.span.end_ns,
            "days": self.span.days,
            "tick_s": TICK_S,
            "ticks": self.span.ticks,
            "channels": {sensor.id: self._describe(sensor) for sensor in self.sensors.values()},
            "damages": [{**item.record(self.span), "channels": self._shown_by(item)} for item in self.scenario.damages],
            "works": [{**item.record(self.span), "channels": self._shown_by(item)} for item in self.scenario.works],
            "acts": [item.record(self.sensors[item.channel].structure, self.span) for item in self.scenario.acts],
            "faults": [
                faults_module.record(
                    fault, self.sensors[fault.channel].structure, self._derived_from[fault.channel], self.span
                )
                for fault in self.scenario.faults
                if fault.start_day < self.span.days
            ],
        }

    def _corrected(self, sensor: Sensor, tick: int) -> NDArray[np.float64]:
        values = self.sound(sensor.id, tick)
        source = sensor.correction
        if source is None or not self._faults[source.channel]:
            return values
        return values + source.per_c * (self.reading(source.channel, tick) - self.sound(source.channel, tick))

    def _break(
        self, fault: Fault, values: NDArray[np.float64], days: NDArray[np.float64], tick: int
    ) -> NDArray[np.float64]:
        now = days >= fault.start_day
        if fault.end_day is not None:
            now &= days < fault.end_day
        if not now.any():
            return values
        generator = self._streams.at(f"{fault.channel}/{fault.kind}", tick)
        case = Case(days[now], self._last_good(fault), generator)
        broken = values.copy()
        broken[now] = fault.apply(values[now], case)
        return broken

    def _last_good(self, fault: Fault) -> float:
        """The last sound reading before the fault; the first one of the span where there is none before."""
        if fault not in self._frozen:
            start_tick = self.span.tick_of_day(fault.start_day)
            self._frozen[fault] = float(self.sound(fault.channel, max(start_tick - 1, 0))[-1])
        return self._frozen[fault]

    @cached_property
    def _derived_from(self) -> dict[str, tuple[str, ...]]:
        return {
            channel: tuple(
                other.id
                for other in self.sensors.values()
                if other.correction is not None and other.correction.channel == channel
            )
            for channel in self.sensors
        }

    def _shown_by(self, damage: Damage) -> list[str]:
        """The channels whose readings the damage changes."""
        if isinstance(damage, CrackGrowth | BearingWear | BlockMovement):
            return [damage.channel]
        if isinstance(damage, Piling):
            return [name for name, sensor in self.sensors.items() if isinstance(sensor.signal, Foundation)]
        units: Sequence[str] = ("mrad",) if isinstance(damage, BearingSettlement) else ("m/s2", "µε")
        return [
            sensor.id
            for sensor in self.sensors.values()
            if sensor.structure == damage.structure and sensor.unit in units
        ]

    @staticmethod
    def _describe(sensor: Sensor) -> dict[str, object]:
        windows = sensor.scale is not None
        return {
            "structure": sensor.structure,
            "unit": sensor.unit,
            "rate_hz": sensor.rate_hz,
            "samples_per_tick": sensor.samples,
            "duty_cycle": sensor.samples / sensor.rate_hz / TICK_S if windows else 1.0,
            "scale": sensor.scale or 1.0,
            "noise": sensor.noise,
            "noise_counts": sensor.noise / sensor.scale if sensor.scale else None,
        }

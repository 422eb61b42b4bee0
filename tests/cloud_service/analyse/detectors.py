"""Small detectors whose verdicts a test can work out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from cloud_service.analyse.detector import Batch, Output
from cloud_service.store.schema import Rows
from telltale.findings import Finding, Reason, Tier
from telltale.site import Place


class Quiet(msgspec.Struct):
    rows: int = 0


class Range:
    """Distrusts temperatures beyond ±60 °C, and what is derived from them."""

    name = "quality"
    state_type = Quiet

    def applies(self, place: Place) -> bool:
        return True

    def initial(self, place: Place) -> Quiet:
        return Quiet()

    def step(self, place: Place, state: Quiet, batch: Batch) -> tuple[Quiet, Output]:
        state.rows += len(batch)
        absurd = np.zeros(len(batch), dtype=np.bool_)
        if place.channel.kind == "temperature":
            absurd = np.abs(batch.values) > 60
        return state, Output(faulty=absurd | batch.inputs_faulty)


class Seen(msgspec.Struct):
    newest_ns: int = -(2**62)
    total: float = 0.0
    count: int = 0


class Running:
    """Running mean of the trusted values; alarms where the value is far from it. Says what it was given."""

    name = "running"
    state_type = Seen

    def applies(self, place: Place) -> bool:
        return True

    def initial(self, place: Place) -> Seen:
        return Seen()

    def step(self, place: Place, state: Seen, batch: Batch) -> tuple[Seen, Output]:
        output = Output()
        for row, t_ns in enumerate(batch.t_ns.tolist()):
            value = float(batch.values[row])
            if batch.faulty[row] or np.isnan(value):
                continue
            output.findings.append(self._judge(place, state, batch, row, value))
            if t_ns > state.newest_ns:
                state.newest_ns, state.total, state.count = t_ns, state.total + value, state.count + 1
        output.rows.append(
            Rows("trend", place.channel.id, batch.t_ns, {"temperature_effect_per_c": batch.temperature_c[:, 2]})
        )
        return state, output

    def _judge(self, place: Place, state: Seen, batch: Batch, row: int, value: float) -> Finding:
        mean = state.total / state.count if state.count else value
        limit = abs(mean) + 1e-9
        tier = Tier.ALARM if abs(value - mean) > limit else Tier.CLEAR
        return Finding(
            channel=place.channel.id,
            t_ns=int(batch.t_ns[row]),
            reason=Reason.LIMIT,
            tier=tier,
            score=abs(value - mean) / limit,
            value=value,
            limit=limit,
            evidence={"lag_12h_c": float(batch.temperature_c[row, 2])},
        )


class Failing:
    """Raises on every batch that holds a value above 400."""

    name = "failing"
    state_type = Quiet

    def applies(self, place: Place) -> bool:
        return True

    def initial(self, place: Place) -> Quiet:
        return Quiet()

    def step(self, place: Place, state: Quiet, batch: Batch) -> tuple[Quiet, Output]:
        state.rows += len(batch)
        if (batch.values > 400).any():
            raise ZeroDivisionError("by design")
        return state, Output()


class Together(Running):
    """`Running`, stepped together; raises where a value is above 400."""

    has_baseline = True

    def __init__(self) -> None:
        self.stepped: list[list[str]] = []

    def step(self, place: Place, state: Seen, batch: Batch) -> tuple[Seen, Output]:
        if (batch.values > 400).any():
            raise ZeroDivisionError("by design")
        return super().step(place, state, batch)

    def step_many(
        self, places: Sequence[Place], states: Sequence[Seen], batches: Sequence[Batch]
    ) -> list[tuple[Seen, Output] | Exception]:
        self.stepped.append([place.channel.id for place in places])
        return [self._one(*item) for item in zip(places, states, batches, strict=True)]

    def _one(self, *item: Any) -> tuple[Seen, Output] | Exception:
        try:
            return self.step(*item)
        except ZeroDivisionError as error:
            return error


class Alone(Together):
    """The same, one by one."""

    step_many = None  # type: ignore[assignment]

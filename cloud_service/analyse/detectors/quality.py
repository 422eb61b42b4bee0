"""Sensor faults, told apart from the structure: what others must not judge or learn from.

Runs first. Each reading is judged by itself (`Output.faulty` masks it); a sensor that is bad too often is distrusted
as a whole until it has been good for long. Findings have a hold: SUSPECT stays for a day after the last bad reading,
so that they do not flicker, and a single bad reading is still told. A finding is sent at the reading that changes its
tier; and each UTC day's first reading says again what stands, CLEAR or SUSPECT.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from cloud_service.analyse.detector import Batch, Output
from models.quality import Fault, Watch, look, look_at_windows
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from telltale.findings import Finding, Reason, Tier
from telltale.kinds import KINDS
from telltale.readings import Flag
from telltale.settings import Settings
from telltale.site import Channel, Place

# What the sensors of a kind can give at all, in its base unit, where the channel does not say.
PLAUSIBLE = {
    "temperature": (-60.0, 90.0),  # structures; a broken thermistor reads far below
    "strain": (-20_000.0, 20_000.0),
    "tilt": (-800.0, 800.0),
    "vibration": (-500.0, 500.0),
}
ANYTHING = (-math.inf, math.inf)

# Faults of single readings by their bit, plain numbers: this is asked of every reading.
REASONS: Mapping[int, Reason] = {
    int(Fault.RANGE): Reason.SENSOR_RANGE,
    int(Fault.SPIKE): Reason.SENSOR_SPIKES,
    int(Fault.STUCK): Reason.SENSOR_STUCK,
    int(Fault.CLIPPED): Reason.SENSOR_CLIPPED,
}
OWNED = (Reason.SENSOR_DROPOUTS, *REASONS.values(), Reason.SENSOR_DERIVED)
DROPPING = Reason.SENSOR_DROPOUTS.value
DERIVED = Reason.SENSOR_DERIVED.value


class QualitySettings(Settings, frozen=True):
    """When a sensor is suspected; self-set.

    Attributes:
        hold_hours: how long a finding outlasts the last bad reading.
        distrust_above, trust_below: share of bad ones among the newest 48 readings, to distrust the sensor as a whole
            and to trust it again.
        dropouts_above, dropouts_below: share of missing ones, to suspect the sensor and to clear it.
    """

    hold_hours: Annotated[float, Meta(ge=0)] = 24.0
    distrust_above: Annotated[float, Meta(gt=0, lt=1)] = 0.1
    trust_below: Annotated[float, Meta(gt=0, lt=1)] = 0.02
    dropouts_above: Annotated[float, Meta(gt=0, lt=1)] = 0.05
    dropouts_below: Annotated[float, Meta(gt=0, lt=1)] = 0.01


class State(msgspec.Struct):
    """Attributes:
    watch: what is known of the sensor (of windows only the shares).
    newest_ns: rows up to here have been judged; what is older is late.
    distrusted: whether the sensor is distrusted as a whole.
    varied: whether a window has varied.
    bad_ns, bad_value: reason → time and value of its newest bad reading.
    suspect: reasons whose newest finding was SUSPECT.
    told_day: the UTC day whose first reading has said what stands.
    """

    watch: Watch
    newest_ns: int = -(2**62)
    distrusted: bool = False
    varied: bool = False
    bad_ns: dict[str, int] = {}
    bad_value: dict[str, float] = {}
    suspect: list[str] = []
    told_day: int = -(2**31)


class QualityDetector:
    """Owns `Reason.SENSOR_STUCK`, `_SPIKES`, `_DROPOUTS`, `_CLIPPED`, `_RANGE` and `_DERIVED`."""

    name = "quality"
    state_type = State
    partial_windows = True

    def __init__(self, settings: QualitySettings | None = None) -> None:
        self._settings = settings or QualitySettings()

    def applies(self, place: Place) -> bool:  # noqa: ARG002 - the port's signature
        """Every channel."""
        return True

    def initial(self, place: Place) -> State:  # noqa: ARG002 - the port's signature
        """A sensor of which nothing is known."""
        return State(watch=Watch())

    def step(self, place: Place, state: State, batch: Batch) -> tuple[State, Output]:
        """Judge each row; late rows by what can be told without their neighbours."""
        channel = place.channel
        faulty = np.zeros(len(batch), dtype=np.bool_)
        output = Output(faulty=faulty)
        bits = self._window_faults(channel, state, batch)
        if bits is not None and self._is_calm(state, batch, bits):
            _pass_calm_windows(state, batch)
            return state, output
        told_of_before = int(Fault.SPIKE) if bits is None else 0
        for row, t_ns in enumerate(batch.t_ns.tolist()):
            if t_ns <= state.newest_ns:
                faulty[row] = self._late(channel, batch, row, bits)
                continue
            state.newest_ns = t_ns
            fault = self._row_fault(channel, state, batch, row, bits)
            derived = bool(batch.inputs_faulty[row])
            self._remember(state, fault, derived=derived, t_ns=t_ns, value=float(batch.values[row]))
            faulty[row] = bool(fault & ~told_of_before) or derived or state.distrusted
            output.findings.extend(self._verdicts(channel, state, t_ns))
        return state, output

    def _window_faults(self, channel: Channel, state: State, batch: Batch) -> NDArray[np.uint8] | None:
        if batch.windows is None:
            return None
        clipped = (batch.flags & Flag.CLIPPED) != 0
        faults, state.varied = look_at_windows(batch.windows, plausible(channel), clipped, varied=state.varied)
        return faults

    def _is_calm(self, state: State, batch: Batch, bits: NDArray[np.uint8]) -> bool:
        """Whether judging the windows one by one would change nothing but the shares: by far the most frequent."""
        calm_before = not (state.bad_ns or state.distrusted)
        calm_before &= state.watch.bad_share <= self._settings.distrust_above
        calm_before &= state.watch.missing_share <= self._settings.dropouts_below
        if not (calm_before and len(batch)) or int(batch.t_ns[-1]) // NS_PER_DAY != state.told_day:
            return False
        return int(batch.t_ns[0]) > state.newest_ns and not (bits.any() or batch.inputs_faulty.any())

    def _row_fault(self, channel: Channel, state: State, batch: Batch, row: int, bits: NDArray[np.uint8] | None) -> int:
        if bits is not None:
            fault = int(bits[row])
            _count_window(state.watch, fault)
            return fault
        flags = int(batch.flags[row])
        value = math.nan if flags & Flag.MISSING else float(batch.values[row])
        interval_ns = round(channel.interval_s * NS_PER_S)
        fault = int(look(state.watch, int(batch.t_ns[row]), value, plausible(channel), interval_ns))
        fault |= int(Fault.CLIPPED) if flags & Flag.CLIPPED else 0
        return fault | (int(Fault.PENDING) if flags & Flag.SUSPECT else 0)

    def _late(self, channel: Channel, batch: Batch, row: int, bits: NDArray[np.uint8] | None) -> bool:
        if bits is not None:
            return bool(bits[row]) or bool(batch.inputs_faulty[row])
        low, high = plausible(channel)
        value = float(batch.values[row])
        bad = Flag.MISSING | Flag.CLIPPED | Flag.SUSPECT
        return not low <= value <= high or bool(batch.flags[row] & bad) or bool(batch.inputs_faulty[row])

    def _remember(self, state: State, fault: int, *, derived: bool, t_ns: int, value: float) -> None:
        settings, watch = self._settings, state.watch
        state.distrusted = watch.bad_share > (settings.trust_below if state.distrusted else settings.distrust_above)
        for bit, reason in REASONS.items():
            if fault & bit:
                jumped = reason is Reason.SENSOR_SPIKES and not math.isnan(watch.jumped_to)
                state.bad_ns[reason.value] = t_ns
                state.bad_value[reason.value] = watch.jumped_to if jumped else value
        level = settings.dropouts_below if DROPPING in state.suspect else settings.dropouts_above
        if watch.missing_share > level:
            state.bad_ns[DROPPING], state.bad_value[DROPPING] = t_ns, watch.missing_share
        if derived:
            state.bad_ns[DERIVED], state.bad_value[DERIVED] = t_ns, value

    def _verdicts(self, channel: Channel, state: State, t_ns: int) -> Iterator[Finding]:
        """Of the reasons whose tier changes at this reading; of all reasons at the first one of a UTC day."""
        hold_ns = self._settings.hold_hours * NS_PER_HOUR
        changed: set[str] = set()
        for reason, bad_ns in list(state.bad_ns.items()):
            held = t_ns - bad_ns <= hold_ns
            if held != (reason in state.suspect):
                state.suspect = sorted({*state.suspect} ^ {reason})
                changed.add(reason)
                yield self._finding(channel, state, reason, t_ns)
            if not held:
                del state.bad_ns[reason], state.bad_value[reason]
        day = t_ns // NS_PER_DAY
        if day > state.told_day:
            state.told_day = day
            for owned in OWNED:
                if owned.value not in changed:
                    yield self._finding(channel, state, owned.value, t_ns)

    def _finding(self, channel: Channel, state: State, reason: str, t_ns: int) -> Finding:
        suspect = reason in state.suspect
        watch = state.watch
        low, high = plausible(channel)
        evidence: dict[str, float | str] = {"bad_share": watch.bad_share, "missing_share": watch.missing_share}
        if reason == Reason.SENSOR_STUCK.value:
            evidence |= {"equal_readings": float(watch.run), "longest_before": float(watch.longest_run)}
        if reason == Reason.SENSOR_RANGE.value:
            evidence |= {"plausible_low": low, "plausible_high": high}
        if reason == Reason.SENSOR_DERIVED.value:
            evidence["derived_from"] = ", ".join(channel.derived_from)
        if reason in state.bad_ns:
            evidence["last_bad_hours_ago"] = (t_ns - state.bad_ns[reason]) / NS_PER_HOUR
        return Finding(
            channel=channel.id,
            t_ns=t_ns,
            reason=Reason(reason),
            tier=Tier.SUSPECT if suspect else Tier.CLEAR,
            score=1.0 if suspect else 0.0,
            value=state.bad_value.get(reason, 0.0),
            limit=_limit(reason, (low, high), state.bad_value.get(reason, 0.0), self._settings),
            unit="" if reason == Reason.SENSOR_DROPOUTS.value else KINDS[channel.kind].base_unit,
            limit_source="self-set: what the sensor can give, and how it has behaved",
            evidence=evidence,
        )


def plausible(channel: Channel) -> tuple[float, float]:
    """What a sensor can give at all, in the base unit of its kind."""
    if channel.plausible is None:
        return PLAUSIBLE.get(channel.kind, ANYTHING)
    low, high = sorted(value * channel.to_base_unit for value in channel.plausible)
    return low, high


def _limit(reason: str, plausible: tuple[float, float], value: float, settings: QualitySettings) -> float:
    if reason == Reason.SENSOR_RANGE.value:
        return plausible[0] if value < plausible[0] else plausible[1]
    return settings.dropouts_above if reason == Reason.SENSOR_DROPOUTS.value else 0.0


def _count_window(watch: Watch, fault: int) -> None:
    """Shares of windows: slower sensors than scalars, so the newest 12 count."""
    missing = int(Fault.MISSING)
    watch.missing_share += (float(bool(fault & missing)) - watch.missing_share) / 12
    watch.bad_share += (float(bool(fault & ~missing)) - watch.bad_share) / 12


def _pass_calm_windows(state: State, batch: Batch) -> None:
    state.newest_ns = int(batch.t_ns[-1])
    if state.watch.missing_share or state.watch.bad_share:
        for _ in range(len(batch)):
            _count_window(state.watch, 0)

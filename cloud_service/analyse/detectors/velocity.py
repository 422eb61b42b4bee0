"""Vibration velocity against guide values for buildings: DIN 4150-3 and BS 7385-2.

The standards judge the largest of the three axes of a sensor. Axes are channels, and each is judged alone, at the
frequency of its own peak: the axis with the largest peak is among them, so nothing that the standards find is missed.
Axes of one sensor are one incident (reason and structure are the same), told by the worst.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import Batch, Output
from cloud_service.store.schema import Rows
from models.standards import cite
from models.velocity import OVERLAP_S, refusal, velocity_peaks
from models.vibration_limits import GUIDE_CURVES, GuideCurve
from telltale.channel_details import VelocityGuide
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.findings import Finding, Reason, Refusal, Tier
from telltale.site import Channel, Place

Array = NDArray[np.float64]


Samples = NDArray[np.float32]


class State(msgspec.Struct):
    """Attributes:
    told_day: the UTC day that was last told why nothing is judged.
    tail: the last `OVERLAP_S` of the newest trusted window: put before a window that follows without a gap, so that
        no moment of continuous windows is faded in the only window that has it.
    next_ns: when such a window begins.
    """

    told_day: int = -(2**31)
    tail: Samples = msgspec.field(default_factory=lambda: np.empty(0, dtype=np.float32))
    next_ns: int = -(2**61)


@dataclass(frozen=True, slots=True)
class _Peaks:
    """Of the windows that could be judged, each (k,)."""

    t_ns: NDArray[np.int64]
    peak_mm_s: Array
    frequency_hz: Array
    guide_mm_s: Array


class VelocityDetector:
    """Owns `Reason.VIBRATION_VELOCITY`."""

    name = "velocity"
    state_type = State

    def applies(self, place: Place) -> bool:
        """Vibration waveforms with a guide."""
        channel = place.channel
        return channel.velocity is not None and channel.kind == "vibration" and channel.is_waveform

    def initial(self, place: Place) -> State:  # noqa: ARG002 - the port's signature
        """Nothing told."""
        return State()

    def step(self, place: Place, state: State, batch: Batch) -> tuple[State, Output]:
        """Judge the peak of every trusted window."""
        guide = place.channel.velocity
        if guide is None or batch.windows is None or not len(batch):
            return state, Output()
        why = refusal(batch.windows.shape[1], batch.rate_hz)
        if why:
            return state, Output(findings=_refusals(place.channel, guide, state, batch.t_ns, why))
        curve = GUIDE_CURVES[guide.guide]
        peaks = _peaks(curve, state, batch)
        judged = np.flatnonzero(np.isfinite(peaks.guide_mm_s))  # BS 7385-2 says nothing of framed structures below 4 Hz
        findings = [_finding(place.channel, guide, curve, peaks, row) for row in judged.tolist()]
        return state, Output(findings=findings, rows=[_rows(place.channel, peaks)] if peaks.t_ns.size else [])


def _peaks(curve: GuideCurve, state: State, batch: Batch) -> _Peaks:
    assert batch.windows is not None
    trusted = np.flatnonzero(~batch.faulty & ~batch.inputs_faulty)
    t_ns, windows = batch.t_ns[trusted], batch.windows[trusted]
    before, follows = _before(state, t_ns, windows, batch.rate_hz)
    peak_mm_s, frequency_hz = np.empty(t_ns.size), np.empty(t_ns.size)
    for rows, whole in ((~follows, windows), (follows, np.concatenate([before, windows], axis=1))):
        peak_mm_s[rows], frequency_hz[rows] = velocity_peaks(whole[rows], batch.rate_hz)
    known = np.isfinite(peak_mm_s)
    frequency_hz = frequency_hz[known]
    return _Peaks(t_ns[known], peak_mm_s[known], frequency_hz, curve.velocity_mm_s(frequency_hz))


def _before(
    state: State, t_ns: NDArray[np.int64], windows: Samples, rate_hz: float
) -> tuple[Samples, NDArray[np.bool_]]:
    """The end of the window before each, and which windows follow one without a gap; keeps the newest end."""
    overlap, length_ns = round(OVERLAP_S * rate_hz), round(windows.shape[1] / rate_hz * NS_PER_S)
    before = np.zeros((t_ns.size, overlap), dtype=np.float32)
    due_ns = np.full(t_ns.size, -(2**61))
    before[1:], due_ns[1:] = windows[:-1, -overlap:], t_ns[:-1] + length_ns
    if state.tail.size == overlap and t_ns.size:
        before[0], due_ns[0] = state.tail, state.next_ns
    if t_ns.size and t_ns[-1] + length_ns > state.next_ns:
        state.tail, state.next_ns = windows[-1, -overlap:].copy(), int(t_ns[-1]) + length_ns
    return before, np.abs(t_ns - due_ns) <= 0.5 / rate_hz * NS_PER_S


def _finding(channel: Channel, guide: VelocityGuide, curve: GuideCurve, peaks: _Peaks, row: int) -> Finding:
    peak, value = float(peaks.peak_mm_s[row]), float(peaks.guide_mm_s[row])
    tier, limit = _tier(peak, value, guide.warn_share)
    evidence: dict[str, float | str] = {"frequency_hz": float(peaks.frequency_hz[row]), "guide_mm_s": value}
    if channel.axis:
        evidence["axis"] = channel.axis
    return Finding(
        channel=channel.id,
        t_ns=int(peaks.t_ns[row]),
        reason=Reason.VIBRATION_VELOCITY,
        tier=tier,
        score=peak / limit,
        value=peak,
        limit=limit,
        unit="mm/s",
        limit_source=_source(curve) if limit == value else f"{guide.warn_share:.0%} of the value of {_source(curve)}",
        evidence=evidence,
    )


def _source(curve: GuideCurve) -> str:
    return f"{cite(curve.standard, curve.clause)}: {curve.building}, {curve.position}, {curve.duration}"


def _tier(peak: float, guide: float, warn_share: float) -> tuple[Tier, float]:
    """The tier, and the limit that it speaks of: the guide value is an alarm, a share of it a warning."""
    if peak >= guide:
        return Tier.ALARM, guide
    warn = warn_share * guide
    return (Tier.WARN if peak >= warn else Tier.CLEAR), warn


def _rows(channel: Channel, peaks: _Peaks) -> Rows:
    columns = {"peak_mm_s": peaks.peak_mm_s, "frequency_hz": peaks.frequency_hz, "guide_mm_s": peaks.guide_mm_s}
    return Rows("velocity", channel.id, peaks.t_ns, columns)


def _refusals(channel: Channel, guide: VelocityGuide, state: State, t_ns: NDArray[np.int64], why: str) -> list[Finding]:
    """Nothing can be judged: said with the first row of each UTC day."""
    days, first = np.unique(t_ns // NS_PER_DAY, return_index=True)
    new = days > state.told_day
    state.told_day = max(state.told_day, int(days[-1]))
    return [
        Finding(
            channel=channel.id,
            t_ns=int(at_ns),
            reason=Reason.VIBRATION_VELOCITY,
            tier=Tier.CLEAR,
            score=0.0,
            value=0.0,
            limit=0.0,
            unit="mm/s",
            limit_source=_source(GUIDE_CURVES[guide.guide]),
            evidence={"refused": Refusal.OUTSIDE_MODEL_RANGE.value, "detail": why},
        )
        for at_ns in t_ns[first[new]].tolist()
    ]

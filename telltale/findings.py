"""Findings: what analysis says about a channel, with its reason and its evidence.

A finding is the verdict of one detector at one time, not an alert: the alert stage turns findings into incidents.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Tier(StrEnum):
    """How bad, and whose concern."""

    CLEAR = "clear"  # the condition that this reason watches does not hold now
    SUSPECT = "suspect"  # a sensor fault or silence: operators only
    WARN = "warn"
    ALARM = "alarm"


class Reason(StrEnum):
    """Why. Each detector owns one or more reasons; an incident is one (structure, reason group)."""

    LIMIT = "limit"  # a fixed limit crossed
    VIBRATION_VELOCITY = "vibration_velocity"  # a guide value of a standard for buildings reached
    NOVELTY = "novelty"  # a feature left what temperature and the baseline explain
    NOVELTY_PROVISIONAL = "novelty_provisional"  # the same from the short-baseline detector
    NOVELTY_GROUP = "novelty_group"  # like sensors together left what they learned of each other
    CRACK_TREND = "crack_trend"  # a crack grows beyond what temperature and season explain
    LIFE = "life"  # P10 of the remaining life comes before the planning horizon
    SENSOR_STUCK = "sensor_stuck"
    SENSOR_SPIKES = "sensor_spikes"
    SENSOR_DROPOUTS = "sensor_dropouts"
    SENSOR_CLIPPED = "sensor_clipped"
    SENSOR_RANGE = "sensor_range"  # outside what the sensor can give: a dead thermistor, a broken wire
    SENSOR_NOISE = "sensor_noise"  # its noise floor is another one: a loose connector, a detached element
    SENSOR_CLOCK = "sensor_clock"  # samples come at another rate than they say
    SENSOR_DERIVED = "sensor_derived"  # computed from an input that is faulty
    SILENT_CHANNEL = "silent_channel"
    SILENT_GATEWAY = "silent_gateway"
    GATEWAY_CLOCK = "gateway_clock"  # the times of a gateway's readings cannot be trusted


SENSOR_FAULTS = frozenset(reason for reason in Reason if reason.value.startswith(("sensor_", "silent_", "gateway_")))


class Refusal(StrEnum):
    """Why there is no estimate."""

    NO_TREND = "no_trend"
    INSUFFICIENT_HISTORY = "insufficient_history"
    CLOCK_UNRELIABLE = "clock_unreliable"
    OUTSIDE_MODEL_RANGE = "outside_model_range"
    NO_LIMIT = "no_limit"
    SENSOR_FAULT = "sensor_fault"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One detector's verdict on one channel at one time.

    Attributes:
        channel: channel id.
        t_ns: event time that the verdict is about.
        reason, tier: what and how bad; CLEAR when the condition does not hold (sent on every evaluation, so that
            hysteresis and clearing can be judged).
        score: how far past the limit: 0 normal, 1 at the limit; comparable between detectors.
        value, limit, unit: the number judged and what it was judged against.
        limit_source: standard and clause, paper, or "self-set: …".
        evidence: what an engineer asks next (feature, sign, time scale, temperature, trend, interval …).
        provisional: from a short baseline.
    """

    channel: str
    t_ns: int
    reason: Reason
    tier: Tier
    score: float
    value: float
    limit: float
    unit: str = ""
    limit_source: str = ""
    evidence: dict[str, float | str] = {}
    provisional: bool = False


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """Remaining useful life of one channel's detail, always as quantiles, or a refusal.

    Attributes:
        channel, t_ns: whose, and as of when.
        p5_ns … p95_ns: UTC dates by which the limit is reached with 5 … 95 % probability; None when refused.
            Beyond the planning range (100 years) a date is capped there.
        refused: why there is no estimate; None when there is one.
        detail: the refusal or the method in a sentence, with its numbers.
        assumptions: what must hold for the estimate to mean anything.
        source: standard and clause, or paper.
    """

    channel: str
    t_ns: int
    p5_ns: int | None = None
    p10_ns: int | None = None
    p50_ns: int | None = None
    p90_ns: int | None = None
    p95_ns: int | None = None
    refused: Refusal | None = None
    detail: str = ""
    assumptions: tuple[str, ...] = ()
    source: str = ""

"""The types of answers. Their fields and docstrings are the API's documentation: the OpenAPI document is made of them.

Times are RFC 3339 in UTC, except long columns of them, which are milliseconds since 1970-01-01 UTC (`t_ms`).
Values are in the base unit of the channel's kind, given beside them. A missing number is null.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers."""


class LimitAnswer(_Answer, frozen=True):
    """A fixed limit, converted to the base unit."""

    level: str
    value: float
    side: str
    quantity: str
    source: str


class FindingAnswer(_Answer, frozen=True):
    """A detector's verdict with its evidence. `score` 1 is the limit."""

    channel: str
    at: str
    reason: str
    tier: str
    score: float | None
    value: float | None
    limit: float | None
    unit: str
    limit_source: str
    provisional: bool
    evidence: dict[str, Any]


class LifeAnswer(_Answer, frozen=True):
    """Remaining life: dates by which the limit is reached with 5 … 95 % probability, or why there are none."""

    channel: str
    as_of: str
    p5: str | None
    p10: str | None
    p50: str | None
    p90: str | None
    p95: str | None
    refused: str | None
    detail: str
    assumptions: tuple[str, ...]
    source: str


class ActAnswer(_Answer, frozen=True):
    """What an operator did that ended a baseline: readings from `effective` on belong to a new one."""

    channel: str
    act: str
    declared: str
    recorded: str
    effective: str
    who: str
    why: str


class ChannelAnswer(_Answer, frozen=True):
    """A channel and how it stands. `status` is clear, suspect, warn, alarm, or null before any reading."""

    id: str
    name: str
    facility: str
    structure: str
    kind: str
    unit: str
    gateway: str
    shape: Literal["scalar", "waveform"]
    interval_s: float
    rate_hz: float
    axis: str
    position: str
    status: str | None
    newest_at: str | None
    newest_value: float | None
    limits: tuple[LimitAnswer, ...]
    findings: tuple[FindingAnswer, ...]


class StructureAnswer(_Answer, frozen=True):
    """A structure, its worst open incident, and the life estimate that ends first."""

    id: str
    name: str
    type: str
    facility: str
    status: str | None
    channels: tuple[str, ...]
    open_incidents: tuple[str, ...]
    life: LifeAnswer | None


class FacilityAnswer(_Answer, frozen=True):
    """A facility with its structures' ids."""

    id: str
    name: str
    timezone: str
    structures: tuple[str, ...]


class LogAnswer(_Answer, frozen=True):
    """What happened to an incident."""

    at: str
    who: str
    what: str


class IncidentAnswer(_Answer, frozen=True):
    """An incident. `occurred_at`: when it began; `received_at`: when the service learnt of it."""

    id: str
    facility: str
    structure: str
    subject: str
    subjects: tuple[str, ...]
    reason: str
    tier: str
    state: Literal["open", "acknowledged", "resolved"]
    occurred_at: str
    opened_at: str
    received_at: str
    resolved_at: str | None
    finding: FindingAnswer
    log: tuple[LogAnswer, ...] = ()


class SeriesAnswer(_Answer, frozen=True):
    """Rows oldest first. With `bucket_s` > 0: means of buckets, with `<field>_min`, `<field>_max` and `count`."""

    channel: str
    measurement: str
    unit: str
    bucket_s: int
    t_ms: list[int]
    columns: dict[str, list[float | None]]


class WaveformAnswer(_Answer, frozen=True):
    """The newest window and its power spectral density (unit²/Hz)."""

    channel: str
    unit: str
    start: str
    rate_hz: float
    samples: list[float | None]
    frequency_hz: list[float]
    density: list[float | None]


class GatewayAnswer(_Answer, frozen=True):
    """A gateway; `online` is null and times are missing before it was ever heard."""

    id: str
    channels: tuple[str, ...]
    online: bool | None
    last_seen_at: str | None
    backlog_frames: int | None
    backlog_bytes: int | None
    stored_frames: int
    dropped_frames: int
    rejected_frames: int
    dead_letters: int
    version: str | None
    clock_quality: int | None
    errors: tuple[str, ...]


class GapAnswer(_Answer, frozen=True):
    """Readings of a channel that are missing between two that are there; `end` is now where it is open."""

    start: str
    end: str
    is_open: bool
    missing: int
    why: str


class ChannelCompletenessAnswer(_Answer, frozen=True):
    """Readings of [start, end] that are there, of those that the site file lets expect; gaps newest first."""

    channel: str
    start: str | None
    end: str | None
    expected: int
    missing: int
    complete_percent: float | None
    gaps: tuple[GapAnswer, ...]


class HoleAnswer(_Answer, frozen=True):
    """Frames of a run that are not stored; times are those of the nearest frames around them that are known."""

    run: str
    first: int
    last: int
    cause: str
    detail: str
    start: str | None
    end: str | None


class StrayAnswer(_Answer, frozen=True):
    """A channel that the gateway sends and may not; `*` stands for those beyond the bound of the table."""

    channel: str
    reason: str
    blocks: int
    last_at: str


class GatewayCompletenessAnswer(_Answer, frozen=True):
    """Frames over all runs: produced = stored + dropped + dead_lettered + missing; holes newest first."""

    gateway: str
    produced: int
    stored: int
    dropped: int
    dead_lettered: int
    missing: int
    complete_percent: float | None
    holes: tuple[HoleAnswer, ...]
    refused_channels: tuple[StrayAnswer, ...]


class RecipientAnswer(_Answer, frozen=True):
    """Who a mail is for; `outcome` is pending, sent or refused."""

    name: str
    email: str
    outcome: str
    answer: str


class MailAnswer(_Answer, frozen=True):
    """A mail about an incident."""

    id: int
    incident: str
    tier: str
    message_id: str
    created_at: str
    state: Literal["pending", "sent", "failed"]
    attempts: int
    sent_at: str | None
    error: str
    recipients: tuple[RecipientAnswer, ...]


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who takes the incident on."""

    who: str


class Problem(_Answer, frozen=True):
    """What went wrong: a word for programs, a sentence that names the culprit."""

    code: str
    message: str


class ProblemAnswer(_Answer, frozen=True):
    """Every answer that is no success."""

    error: Problem

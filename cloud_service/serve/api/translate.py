"""From the service's own records to answers."""

from __future__ import annotations

from collections.abc import Sequence

from cloud_service.baseline_record import BaselineEvent
from cloud_service.completeness.report import ChannelReport
from cloud_service.incident_record import IncidentRecord, LogEntry
from cloud_service.notify.outbox import OutboxRow
from cloud_service.serve.api.answers import (
    ActAnswer,
    ChannelAnswer,
    ChannelCompletenessAnswer,
    FindingAnswer,
    GapAnswer,
    GatewayAnswer,
    GatewayCompletenessAnswer,
    HoleAnswer,
    IncidentAnswer,
    LifeAnswer,
    LimitAnswer,
    LogAnswer,
    MailAnswer,
    RecipientAnswer,
    StrayAnswer,
    StructureAnswer,
)
from cloud_service.serve.completeness import GatewayCompleteness
from cloud_service.serve.gateways import GatewayStatus
from cloud_service.serve.status import ChannelStatus, StructureStatus
from cloud_service.wording.dates import iso
from telltale.findings import Finding, Life
from telltale.kinds import KINDS


def maybe_iso(t_ns: int | None) -> str | None:
    """RFC 3339, or null."""
    return None if t_ns is None else iso(t_ns)


def finding_answer(finding: Finding) -> FindingAnswer:
    """A finding."""
    return FindingAnswer(
        channel=finding.channel,
        at=iso(finding.t_ns),
        reason=finding.reason.value,
        tier=finding.tier.value,
        score=finding.score,
        value=finding.value,
        limit=finding.limit,
        unit=finding.unit,
        limit_source=finding.limit_source,
        provisional=finding.provisional,
        evidence=dict(finding.evidence),
    )


def life_answer(life: Life) -> LifeAnswer:
    """A life estimate or refusal."""
    return LifeAnswer(
        channel=life.channel,
        as_of=iso(life.t_ns),
        p5=maybe_iso(life.p5_ns),
        p10=maybe_iso(life.p10_ns),
        p50=maybe_iso(life.p50_ns),
        p90=maybe_iso(life.p90_ns),
        p95=maybe_iso(life.p95_ns),
        refused=None if life.refused is None else life.refused.value,
        detail=life.detail,
        assumptions=life.assumptions,
        source=life.source,
    )


def act_answer(event: BaselineEvent) -> ActAnswer:
    """An act of an operator."""
    return ActAnswer(
        channel=event.channel,
        act=event.act.value,
        declared=iso(event.declared_ns),
        recorded=iso(event.recorded_ns),
        effective=iso(event.effective_ns),
        who=event.who,
        why=event.why,
    )


def channel_answer(status: ChannelStatus) -> ChannelAnswer:
    """A channel with its status."""
    place, channel = status.place, status.place.channel
    return ChannelAnswer(
        id=channel.id,
        name=channel.label,
        facility=place.facility.id,
        structure=place.structure.id,
        kind=channel.kind,
        unit=KINDS[channel.kind].base_unit,
        gateway=channel.gateway,
        shape="waveform" if channel.is_waveform else "scalar",
        interval_s=channel.interval_s,
        rate_hz=channel.rate_hz,
        axis=channel.axis,
        position=channel.position,
        status=None if status.tier is None else status.tier.value,
        newest_at=maybe_iso(status.t_ns),
        newest_value=status.value,
        limits=tuple(
            LimitAnswer(
                level=limit.level,
                value=limit.value * channel.to_base_unit,
                side=limit.side,
                quantity=limit.quantity,
                source=limit.source,
            )
            for limit in channel.limits
        ),
        findings=tuple(map(finding_answer, status.findings)),
    )


def structure_answer(status: StructureStatus) -> StructureAnswer:
    """A structure with its status."""
    return StructureAnswer(
        id=status.structure.id,
        name=status.structure.name,
        type=status.structure.type,
        facility=status.facility.id,
        status=None if status.tier is None else status.tier.value,
        channels=tuple(channel.place.channel.id for channel in status.channels),
        open_incidents=tuple(incident.id for incident in status.incidents),
        life=None if status.life is None else life_answer(status.life),
    )


def incident_answer(incident: IncidentRecord, log: Sequence[LogEntry] = ()) -> IncidentAnswer:
    """An incident, with its log where it is asked for alone."""
    return IncidentAnswer(
        id=incident.id,
        facility=incident.facility,
        structure=incident.structure,
        subject=incident.subject,
        subjects=incident.subjects,
        reason=incident.reason.value,
        tier=incident.tier.value,
        state=incident.state,  # type: ignore[arg-type]
        occurred_at=iso(incident.occurred_ns),
        opened_at=iso(incident.opened_ns),
        received_at=iso(incident.received_ns),
        resolved_at=maybe_iso(incident.resolved_ns),
        finding=finding_answer(incident.finding),
        log=tuple(LogAnswer(at=iso(entry.at_ns), who=entry.who, what=entry.what) for entry in log),
    )


def gateway_answer(status: GatewayStatus) -> GatewayAnswer:
    """A gateway."""
    health = status.health
    return GatewayAnswer(
        id=status.gateway,
        channels=tuple(place.channel.id for place in status.places),
        online=status.online,
        last_seen_at=maybe_iso(status.seen_ns),
        backlog_frames=health.backlog_frames if health else None,
        backlog_bytes=health.backlog_bytes if health else None,
        stored_frames=status.stored,
        dropped_frames=status.dropped,
        rejected_frames=status.rejected,
        dead_letters=status.dead_letters,
        version=health.version if health else None,
        clock_quality=health.clock_quality if health else None,
        errors=health.errors if health else (),
    )


def channel_completeness_answer(channel: str, report: ChannelReport | None) -> ChannelCompletenessAnswer:
    """A channel's completeness; nothing is expected before its first reading."""
    return ChannelCompletenessAnswer(
        channel=channel,
        start=iso(report.start_ns) if report else None,
        end=iso(report.end_ns) if report else None,
        expected=report.expected if report else 0,
        missing=report.missing if report else 0,
        complete_percent=report.complete_percent if report else None,
        gaps=tuple(
            GapAnswer(
                start=iso(gap.start_ns), end=iso(gap.end_ns), is_open=gap.is_open, missing=gap.missing, why=gap.why
            )
            for gap in (report.gaps if report else ())
        ),
    )


def gateway_completeness_answer(gateway: str, told: GatewayCompleteness) -> GatewayCompletenessAnswer:
    """A gateway's books."""
    books = told.books
    return GatewayCompletenessAnswer(
        gateway=gateway,
        produced=books.produced,
        stored=books.stored,
        dropped=books.dropped,
        dead_lettered=books.dead_lettered,
        missing=books.missing,
        complete_percent=books.complete_percent,
        holes=tuple(
            HoleAnswer(
                run=hole.run,
                first=hole.first,
                last=hole.last,
                cause=hole.cause,
                detail=hole.detail,
                start=maybe_iso(hole.start_ns),
                end=maybe_iso(hole.end_ns),
            )
            for hole in told.holes
        ),
        refused_channels=tuple(
            StrayAnswer(channel=stray.channel, reason=stray.reason, blocks=stray.blocks, last_at=iso(stray.last_ns))
            for stray in told.strays
        ),
    )


def mail_answer(row: OutboxRow) -> MailAnswer:
    """A mail."""
    return MailAnswer(
        id=row.id,
        incident=row.incident,
        tier=row.tier,
        message_id=row.message_id,
        created_at=iso(row.created_ns),
        state=row.state,  # type: ignore[arg-type]
        attempts=row.attempts,
        sent_at=maybe_iso(row.sent_ns),
        error=row.error,
        recipients=tuple(
            RecipientAnswer(name=r.name, email=r.email, outcome=r.outcome or "pending", answer=r.answer)
            for r in row.recipients
        ),
    )

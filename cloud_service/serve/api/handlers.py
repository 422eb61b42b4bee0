"""What each endpoint does. Arguments are checked before they come here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np

from cloud_service.baseline_record import read
from cloud_service.incident_record import find_incident, incident_log, life_of, list_incidents, lives
from cloud_service.notify import outbox
from cloud_service.serve import completeness
from cloud_service.serve.acknowledge import acknowledge, clean_who
from cloud_service.serve.api import translate
from cloud_service.serve.api.answers import (
    ActAnswer,
    ChannelAnswer,
    ChannelCompletenessAnswer,
    FacilityAnswer,
    GatewayAnswer,
    GatewayCompletenessAnswer,
    IncidentAnswer,
    LifeAnswer,
    MailAnswer,
    SeriesAnswer,
    StructureAnswer,
    WaveformAnswer,
)
from cloud_service.serve.api.endpoint import ApiError, Args
from cloud_service.serve.gateways import gateways_now
from cloud_service.serve.series import bucket_for, newest_waveform, numeric_fields, read_history
from cloud_service.serve.service import Service
from cloud_service.serve.status import channel_now, structure_now, structures_now
from cloud_service.wording.dates import iso
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.kinds import KINDS
from telltale.site import Place

DEFAULT_SPAN_DAYS = 30


async def facilities(service: Service, _args: Args) -> list[FacilityAnswer]:
    """Every facility."""
    return [
        FacilityAnswer(
            id=facility.id,
            name=facility.name,
            timezone=facility.timezone,
            structures=tuple(structure.id for structure in facility.structures),
        )
        for facility in service.site.facilities
    ]


async def structures(service: Service, args: Args) -> list[StructureAnswer]:
    """Structures, of one facility if asked."""
    return [
        translate.structure_answer(status)
        for status in structures_now(service.state, service.site)
        if args["facility"] in (None, status.facility.id)
    ]


async def structure(service: Service, args: Args) -> StructureAnswer:
    """One structure."""
    status = structure_now(service.state, service.site, args["structure"])
    if status is None:
        raise _unknown("structure", args["structure"])
    return translate.structure_answer(status)


async def channels(service: Service, args: Args) -> list[ChannelAnswer]:
    """Channels, of one structure if asked."""
    return [
        translate.channel_answer(status)
        for parent in structures_now(service.state, service.site)
        if args["structure"] in (None, parent.structure.id)
        for status in parent.channels
    ]


async def channel(service: Service, args: Args) -> ChannelAnswer:
    """One channel."""
    status = channel_now(service.state, service.site, args["channel"])
    if status is None:
        raise _unknown("channel", args["channel"])
    return translate.channel_answer(status)


async def series(service: Service, args: Args) -> SeriesAnswer:
    """History of a channel, raw or in buckets."""
    place = _place(service, args)
    measurement, fields = args["measurement"], _fields(args)
    end_ns = service.now_ns() + 1 if args["end"] is None else args["end"]
    start_ns = end_ns - DEFAULT_SPAN_DAYS * NS_PER_DAY if args["start"] is None else args["start"]
    if start_ns >= end_ns:
        raise ApiError(400, "bad_parameter", f"start: {iso(start_ns)} is not before end {iso(end_ns)}")
    bucket_ns = bucket_for(start_ns, end_ns, place.channel.interval_s, args["points"])
    if args["bucket_s"] is not None:
        bucket_ns = args["bucket_s"] * NS_PER_S
    table = await read_history(
        service.store, measurement, place.channel.id, fields, start_ns=start_ns, end_ns=end_ns, bucket_ns=bucket_ns
    )
    return SeriesAnswer(
        channel=place.channel.id,
        measurement=measurement,
        unit=KINDS[place.channel.kind].base_unit,
        bucket_s=bucket_ns // NS_PER_S,
        t_ms=(table.t_ns // 1_000_000).tolist(),
        columns={name: _numbers(column) for name, column in table.columns.items()},
    )


async def waveform(service: Service, args: Args) -> WaveformAnswer:
    """The newest window of a channel and its spectrum."""
    place = _place(service, args)
    found = await newest_waveform(service.store, place.channel.id)
    if found is None:
        raise ApiError(404, "no_waveform", f"channel {place.channel.id!r}: no waveform is stored")
    return WaveformAnswer(
        channel=place.channel.id,
        unit=KINDS[place.channel.kind].base_unit,
        start=iso(found.t0_ns),
        rate_hz=found.rate_hz,
        samples=_numbers(found.samples),
        frequency_hz=found.frequency_hz.tolist(),
        density=_numbers(found.density),
    )


async def channel_life(service: Service, args: Args) -> LifeAnswer:
    """Remaining life of one channel."""
    place = _place(service, args)
    found = life_of(service.state, place.channel.id)
    if found is None:
        raise ApiError(404, "no_life", f"channel {place.channel.id!r}: no estimate has been made yet")
    return translate.life_answer(found)


async def channel_acts(service: Service, args: Args) -> list[ActAnswer]:
    """Acts on one channel, as they were recorded."""
    place = _place(service, args)
    return [translate.act_answer(event) for event in read(service.state) if event.channel == place.channel.id]


async def life(service: Service, _args: Args) -> list[LifeAnswer]:
    """Remaining life of every channel that has an estimate or a refusal."""
    return [translate.life_answer(found) for found in lives(service.state)]


async def incidents(service: Service, args: Args) -> list[IncidentAnswer]:
    """Incidents."""
    found = list_incidents(
        service.state, open_only=args["state"] == "standing", structure=args["structure"] or "", limit=args["limit"]
    )
    return [translate.incident_answer(incident) for incident in found]


async def incident(service: Service, args: Args) -> IncidentAnswer:
    """One incident with its log."""
    found = find_incident(service.state, args["incident"])
    if found is None:
        raise _unknown("incident", args["incident"])
    return translate.incident_answer(found, incident_log(service.state, found.id))


async def acknowledge_incident(service: Service, args: Args) -> IncidentAnswer:
    """Take an incident on."""
    who = clean_who(args["body"].who)
    if not who:
        raise ApiError(400, "bad_body", "who: empty, expected the name of a person")
    found = await incident(service, args)
    if not await asyncio.to_thread(acknowledge, service.data_dir, found.id, who, service.now_ns()):
        raise ApiError(409, "not_open", f"incident {found.id!r} is {found.state}, only an open one can be acknowledged")
    return await incident(service, args)


async def gateways(service: Service, _args: Args) -> list[GatewayAnswer]:
    """Every gateway that is configured or was heard."""
    return [translate.gateway_answer(status) for status in gateways_now(service.journal, service.site)]


async def channel_completeness(service: Service, args: Args) -> ChannelCompletenessAnswer:
    """How complete a channel is, and its gaps."""
    place = _place(service, args)
    report = completeness.of_channel(service, place, args["days"])
    return translate.channel_completeness_answer(place.channel.id, report)


async def gateway_completeness(service: Service, _args: Args) -> list[GatewayCompletenessAnswer]:
    """The books and holes of every gateway."""
    return [translate.gateway_completeness_answer(*item) for item in completeness.of_gateways(service).items()]


async def mails(service: Service, args: Args) -> list[MailAnswer]:
    """Mails, newest first."""
    return [translate.mail_answer(row) for row in outbox.newest(service.state, args["limit"])]


def _place(service: Service, args: Args) -> Place:
    place = service.site.places.get(args["channel"])
    if place is None:
        raise _unknown("channel", args["channel"])
    return place


def _fields(args: Args) -> Sequence[str]:
    known = numeric_fields(args["measurement"])
    if args["fields"] is None:
        return known[:1]
    wanted = tuple(args["fields"].split(","))
    for name in wanted:
        if name not in known:
            raise ApiError(400, "bad_parameter", f"fields: {name!r} is not one of {', '.join(known)}")
    return wanted


def _numbers(column: Any) -> list[float | None]:
    values = np.asarray(column, dtype=np.float64)
    return [float(value) if np.isfinite(value) else None for value in values]


def _unknown(what: str, name: str) -> ApiError:
    return ApiError(404, f"unknown_{what}", f"{what} {name!r}: there is none of this id")

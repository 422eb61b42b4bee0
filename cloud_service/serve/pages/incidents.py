"""Incidents: the list, one with its reason and evidence, and taking it on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cloud_service.incident_record import blamed, find_incident, incident_log, life_of, list_incidents
from cloud_service.notify import outbox
from cloud_service.serve.acknowledge import acknowledge as take_on
from cloud_service.serve.acknowledge import clean_who
from cloud_service.serve.baseline import baseline_now
from cloud_service.serve.pages.chart import Chart
from cloud_service.serve.pages.charts import charts
from cloud_service.serve.pages.missing import missing
from cloud_service.serve.pages.render import page, zone_by_facility
from cloud_service.serve.security import is_same_origin
from cloud_service.serve.service import Service, service_of
from cloud_service.serve.status import ChannelStatus, channel_now
from cloud_service.wording.dates import weekday
from cloud_service.wording.deadline import act_by_ns
from cloud_service.wording.reasons import TIER_WORDS
from telltale.findings import Tier
from telltale.kinds import KINDS

CHART_DAYS = 90


async def incidents(request: Request) -> Response:
    """`/incidents`."""
    service = service_of(request)
    found = list_incidents(service.state, limit=200)
    zones = {incident.facility: zone_by_facility(service.site, incident.facility) for incident in found}
    return page(request, "incidents.html", "Incidents", incidents=found, zones=zones)


async def incident(request: Request) -> Response:
    """`/incidents/{incident}`."""
    service = service_of(request)
    found = find_incident(service.state, request.path_params["incident"])
    if found is None:
        return missing(request, f"There is no incident {request.path_params['incident'][:64]!r}.")
    status = channel_now(service.state, service.site, blamed(found.finding))
    life, zone = life_of(service.state, found.finding.channel), zone_by_facility(service.site, found.facility)
    return page(
        request,
        "incident.html",
        "Incident",
        charts=_charts(service, status) if status else [],
        unit=KINDS[status.place.channel.kind].base_unit if status else "",
        incident=found,
        history=_history(service, found.id),
        life=life,
        zone=zone,
        structure=status.place.structure if status else None,
        act_by=weekday(act_by_ns(found.tier, life, found.received_ns), zone),
    )


def _charts(service: Service, status: ChannelStatus) -> list[Chart]:
    acts = baseline_now(service.state, status).acts
    return [chart for chart in charts(status, service.now_ns(), CHART_DAYS, acts) if chart.is_history]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of an incident's history; `mail` is the id of the mail that it is about, 0 for none."""

    at_ns: int
    what: str
    who: str
    mail: int = 0


def _history(service: Service, incident: str) -> list[Entry]:
    """What happened to it and which mails told of it, in order of time."""
    log = [Entry(entry.at_ns, entry.what, entry.who) for entry in incident_log(service.state, incident)]
    mails = [
        Entry(row.sent_ns or row.created_ns, f"mail, {TIER_WORDS[Tier(row.tier)].lower()}", row.state, row.id)
        for row in outbox.of_incident(service.state, incident)
    ]
    return sorted([*log, *mails], key=lambda entry: entry.at_ns)


async def acknowledge(request: Request) -> Response:
    """`POST /incidents/{incident}/acknowledge`: from our own page only, with a name."""
    service = service_of(request)
    if not is_same_origin(request):
        message = (
            "This request does not come from one of this service's own pages. Open the incident here and try again."
        )
        return page(request, "problem.html", "Refused", 403, message=message)
    async with request.form(max_files=0, max_fields=4) as form:
        who = clean_who(str(form.get("who", "")))
    name = request.path_params["incident"]
    if find_incident(service.state, name) is None:
        return missing(request, f"There is no incident {name[:64]!r}.")
    if not who:
        message = "Give the name of the person who takes the incident on."
        return page(request, "problem.html", "Name missing", 400, message=message)
    # An incident that somebody else took on or that is resolved by now: its page says so.
    await asyncio.to_thread(take_on, service.data_dir, name, who, service.now_ns())
    return RedirectResponse(request.url_for("incident", incident=name).path, 303)

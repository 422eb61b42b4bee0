"""A channel: history with limits, findings, waveform and spectrum, novelty, life, sensor health."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cloud_service.serve.baseline import baseline_now
from cloud_service.serve.checks import sort_checks
from cloud_service.serve.completeness import of_channel
from cloud_service.serve.gateways import gateways_now
from cloud_service.serve.pages.charts import charts
from cloud_service.serve.pages.missing import missing
from cloud_service.serve.pages.render import page
from cloud_service.serve.service import Service, service_of
from cloud_service.serve.status import ChannelStatus, channel_now
from cloud_service.wording.dates import zone_of
from telltale.health import Health
from telltale.kinds import KINDS

SPANS = {"1d": (1, "1 day"), "7d": (7, "7 days"), "30d": (30, "30 days"), "90d": (90, "90 days"), "1y": (366, "1 year")}
DEFAULT_SPAN = "30d"


async def channel(request: Request) -> Response:
    """`/channels/{channel}?span=30d`."""
    service = service_of(request)
    status = channel_now(service.state, service.site, request.path_params["channel"])
    if status is None:
        return missing(request, f"There is no channel {request.path_params['channel'][:64]!r}.")
    span = request.query_params.get("span", DEFAULT_SPAN)
    span = span if span in SPANS else DEFAULT_SPAN
    health, baseline = _health(service, status), baseline_now(service.state, status)
    return page(
        request,
        "channel.html",
        status.place.channel.label,
        status=status,
        zone=zone_of(status.place.facility.timezone),
        span=span,
        spans=SPANS,
        charts=charts(status, service.now_ns(), SPANS[span][0], baseline.acts),
        sorted=sort_checks(status.findings, KINDS[status.place.channel.kind].base_unit),
        input=next((entry for entry in health.inputs if entry.channel == status.place.channel.id), None)
        if health
        else None,
        reported_ns=health.at_ns if health else 0,
        complete=of_channel(service, status.place),
        baseline=baseline,
    )


def _health(service: Service, status: ChannelStatus) -> Health | None:
    """The newest report of the channel's gateway; rarer than its readings, in a time-lapse by days."""
    gateways = gateways_now(service.journal, service.site)
    return next((item.health for item in gateways if item.gateway == status.place.channel.gateway), None)

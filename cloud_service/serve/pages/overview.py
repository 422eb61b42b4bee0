"""The first page: every facility and structure with its status and remaining life, and what stands open."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cloud_service.incident_record import list_incidents
from cloud_service.serve.gateways import gateways_now
from cloud_service.serve.pages.render import page
from cloud_service.serve.service import service_of
from cloud_service.serve.status import structures_now, worst_first


async def overview(request: Request) -> Response:
    """`/`."""
    service = service_of(request)
    structures = worst_first(structures_now(service.state, service.site))
    incidents = list_incidents(service.state, open_only=True, limit=10)
    gateways = gateways_now(service.journal, service.site)
    return page(
        request,
        "overview.html",
        "Overview",
        structures=structures,
        incidents=incidents,
        gateways=gateways,
        online=sum(bool(gateway.online) for gateway in gateways),
    )

"""A structure: its channels, what stands open, remaining life of each detail."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cloud_service.incident_record import list_incidents
from cloud_service.serve.baseline import group_now
from cloud_service.serve.pages.missing import missing
from cloud_service.serve.pages.render import page
from cloud_service.serve.service import service_of
from cloud_service.serve.status import structure_now
from cloud_service.wording.dates import zone_of


async def structure(request: Request) -> Response:
    """`/structures/{structure}`."""
    service = service_of(request)
    status = structure_now(service.state, service.site, request.path_params["structure"])
    if status is None:
        return missing(request, f"There is no structure {request.path_params['structure'][:64]!r}.")
    return page(
        request,
        "structure.html",
        status.structure.name,
        status=status,
        incidents=list_incidents(service.state, structure=status.structure.id, limit=50),
        zone=zone_of(status.facility.timezone),
        groups=[(group, *group_now(status.channels, group)) for group in status.structure.groups],
    )

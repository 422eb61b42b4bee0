"""Gateways: when each was last heard, what it still holds back, and what of its frames is missing."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cloud_service.gate_record import read_gates
from cloud_service.serve.completeness import of_gateways
from cloud_service.serve.gateways import gateways_now
from cloud_service.serve.pages.render import page
from cloud_service.serve.service import service_of


async def gateways(request: Request) -> Response:
    """`/gateways`."""
    service = service_of(request)
    return page(
        request,
        "gateways.html",
        "Gateways",
        gateways=gateways_now(service.journal, service.site),
        completeness=of_gateways(service),
        gates=read_gates(service.state),
    )

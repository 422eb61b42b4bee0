"""The API's page for people, from the same table as its document."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cloud_service.serve.api.openapi import PREFIX
from cloud_service.serve.api.table import ENDPOINTS
from cloud_service.serve.pages.render import page


async def api_docs(request: Request) -> Response:
    """`/api/v1/`."""
    return page(request, "api.html", "API", endpoints=ENDPOINTS, prefix=PREFIX)

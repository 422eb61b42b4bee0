"""What is not there, said plainly."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cloud_service.serve.pages.render import page


def missing(request: Request, message: str) -> Response:
    """404 as a page."""
    return page(request, "problem.html", "Not found", 404, message=message)

"""The web application: every route in one list, behind one guard."""

from __future__ import annotations

import asyncio

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloud_service.serve import assets
from cloud_service.serve.api.openapi import PREFIX
from cloud_service.serve.api.routes import api_routes, json_response, problem
from cloud_service.serve.health import read_health
from cloud_service.serve.metrics import render
from cloud_service.serve.pages.api_docs import api_docs
from cloud_service.serve.pages.channel import channel
from cloud_service.serve.pages.gateways import gateways
from cloud_service.serve.pages.incidents import acknowledge, incident, incidents
from cloud_service.serve.pages.mails import mail, mail_body, mail_file, mails
from cloud_service.serve.pages.model_card import model_card
from cloud_service.serve.pages.overview import overview
from cloud_service.serve.pages.render import page
from cloud_service.serve.pages.structure import structure
from cloud_service.serve.security import Guard
from cloud_service.serve.service import Service, service_of

log = structlog.get_logger(__name__)


def create_app(service: Service) -> Starlette:
    """The application for `service`."""
    app = Starlette(
        routes=[
            Route("/", overview),
            Route("/structures/{structure}", structure),
            Route("/channels/{channel}", channel),
            Route("/channels/{channel}/model", model_card),
            Route("/incidents", incidents),
            Route("/incidents/{incident}", incident, name="incident"),
            Route("/incidents/{incident}/acknowledge", acknowledge, methods=["POST"]),
            Route("/gateways", gateways),
            Route("/mails", mails),
            Route("/mails/{mail:int}.eml", mail_file),
            Route("/mails/{mail:int}", mail),
            Route("/mails/{mail:int}/body", mail_body),
            Route("/healthz", healthz),
            Route("/metrics", metrics),
            Route("/static/{tag}/{name}", assets.asset),
            Route(f"{PREFIX}/", api_docs),
            *api_routes(),
        ],
        middleware=[Middleware(Guard)],
        exception_handlers={HTTPException: on_http_error, Exception: on_error},
    )
    app.state.service = service
    return app


async def healthz(request: Request) -> Response:
    """`/healthz`: 503 when a database is unreadable."""
    health = read_health(service_of(request))
    return json_response(health, 503 if health.status == "unreadable" else 200)


async def metrics(request: Request) -> Response:
    """`/metrics`."""
    content = await asyncio.to_thread(render, service_of(request))
    return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")


async def on_http_error(request: Request, error: Exception) -> Response:
    """Not found, wrong method: as JSON for the API, as a page for people."""
    assert isinstance(error, HTTPException)
    where = f"{request.method} {request.url.path[:200]}"
    if request.url.path.startswith(PREFIX):
        return problem(error.status_code, "http", f"{where}: {error.detail}")
    return page(request, "problem.html", error.detail, error.status_code, message=f"{where}: {error.detail}.")


async def on_error(request: Request, error: Exception) -> Response:
    """A fault of ours: no detail leaves the service, the log has it."""
    log.error("request failed", path=request.url.path[:200], error=repr(error))
    return problem(500, "internal", f"{request.method} {request.url.path[:200]}: failed here; see the service's log")

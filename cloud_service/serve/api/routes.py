"""Routes of the API: requests are checked against the table, answers and problems become JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from cloud_service.serve.api.answers import Problem, ProblemAnswer
from cloud_service.serve.api.endpoint import ApiError, Endpoint, check
from cloud_service.serve.api.openapi import PREFIX, document
from cloud_service.serve.api.table import ENDPOINTS
from cloud_service.serve.security import is_same_origin
from cloud_service.serve.service import service_of
from telltale.errors import RejectedError, RetryError


def json_response(content: Any, status: int = 200) -> Response:
    """`content` as JSON; NaN becomes null."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def problem(status: int, code: str, message: str) -> Response:
    """An answer that is no success."""
    return json_response(ProblemAnswer(error=Problem(code=code, message=message)), status)


def api_routes() -> list[Route]:
    """A route for each row of the table, and one for the document."""
    routes = [Route(PREFIX + item.path, _respond(item), methods=[item.method]) for item in ENDPOINTS]
    return [*routes, Route(f"{PREFIX}/openapi.json", openapi)]


async def openapi(_request: Request) -> Response:
    """The OpenAPI document."""
    return json_response(document())


def _respond(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        try:
            arguments = _parameters(endpoint, request)
            if endpoint.body is not None:
                arguments["body"] = await _body(endpoint, request)
            return json_response(await endpoint.handler(service_of(request), arguments))
        except ApiError as error:
            return problem(error.status, error.code, error.message)
        except (RetryError, RejectedError) as error:
            return problem(503, "store_unavailable", f"the store cannot be read now: {error}")

    return respond


def _parameters(endpoint: Endpoint, request: Request) -> dict[str, Any]:
    known = {parameter.name for parameter in endpoint.parameters if parameter.place == "query"}
    for name in request.query_params:
        if name not in known:
            expected = f"expected {', '.join(sorted(known))}" if known else "expected none"
            raise ApiError(400, "unknown_parameter", f"{name[:100]}: unknown parameter, {expected}")
    found: dict[str, Any] = {}
    for parameter in endpoint.parameters:
        given = request.path_params if parameter.place == "path" else request.query_params
        text = given.get(parameter.name)
        found[parameter.name] = parameter.default if text is None else check(parameter, text)
    return found


async def _body(endpoint: Endpoint, request: Request) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ApiError(415, "bad_body", "Content-Type: expected application/json")
    if "origin" in request.headers and not is_same_origin(request):
        raise ApiError(403, "foreign_origin", "Origin: this request comes from another site's page")
    try:
        return msgspec.json.decode(await request.body(), type=endpoint.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, "bad_body", str(error)) from None
    except ClientDisconnect:
        raise ApiError(413, "bad_body", "the body is too large or was cut off") from None

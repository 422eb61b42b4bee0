"""The OpenAPI 3.1 document, made from the table of endpoints and the answer types."""

from __future__ import annotations

from typing import Any

import msgspec

from cloud_service.serve.api.answers import ProblemAnswer
from cloud_service.serve.api.endpoint import Endpoint, Parameter
from cloud_service.serve.api.table import ENDPOINTS
from telltale import __version__

PREFIX = "/api/v1"
_ABOUT = (
    "Readings, findings, incidents and remaining life of monitored structures. Times are RFC 3339 in UTC; `t_ms` is "
    "milliseconds since 1970-01-01 UTC. Values are in the base unit of the channel's kind. "
    "Reachable on loopback only until there is sign-in."
)


def document() -> dict[str, Any]:
    """The document as plain data."""
    types = [ProblemAnswer, *(item for endpoint in ENDPOINTS for item in (endpoint.answer, endpoint.body) if item)]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    by_type = {repr(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(PREFIX + endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Telltale", "version": __version__, "description": _ABOUT},
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(endpoint: Endpoint, by_type: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.handler.__name__,
        "summary": endpoint.summary,
        "parameters": [_parameter(parameter) for parameter in endpoint.parameters],
        "responses": {
            "200": {"description": "success", "content": _content(by_type[repr(endpoint.answer)])},
            "default": {"description": "a problem, named", "content": _content(by_type[repr(ProblemAnswer)])},
        },
    }
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(by_type[repr(endpoint.body)])}
    return operation


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer" if parameter.kind == "int" else "string"}
    if parameter.kind == "int":
        schema |= {"minimum": parameter.lowest, "maximum": parameter.highest}
    if parameter.kind == "time":
        schema["format"] = "date-time"
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.default is not None:
        schema["default"] = parameter.default
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.about,
        "schema": schema,
    }


def _content(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}

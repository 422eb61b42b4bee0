"""What an endpoint declares: the table's row type, and how its parameters are checked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from cloud_service.serve.service import Service
from telltale.clock import NS_PER_S

Args = Mapping[str, Any]
Handler = Callable[[Service, Args], Awaitable[Any]]
MAX_TEXT = 200
FOREVER_NS = 2**62  # as the bounds of `cloud_service.store.port.Query`
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ApiError(Exception):
    """An answer that is no success.

    Args:
        status: the HTTP status.
        code: a word for programs.
        message: for people; names the culprit.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter in the path or the query.

    Attributes:
        name, about: for the document.
        kind: "time" is RFC 3339 with a zone, and becomes UTC ns.
        place: path parameters are required, query parameters are not.
        lowest, highest: of an int.
        choices: of a text.
        default: where it is absent.
    """

    name: str
    about: str
    kind: Literal["text", "int", "time"] = "text"
    place: Literal["path", "query"] = "query"
    lowest: int = 0
    highest: int = 0
    choices: tuple[str, ...] = ()
    default: Any = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the table: what is asked, what is answered, who does it."""

    method: Literal["GET", "POST"]
    path: str
    summary: str
    handler: Handler
    answer: Any
    parameters: tuple[Parameter, ...] = ()
    body: Any = None


def check(parameter: Parameter, text: str) -> Any:
    """The value of a parameter.

    Raises:
        ApiError: 400, naming the parameter and what was expected.
    """
    if len(text) > MAX_TEXT:
        raise _bad(parameter, f"longer than {MAX_TEXT} characters")
    if parameter.kind == "int":
        return _int(parameter, text)
    if parameter.kind == "time":
        return _time_ns(parameter, text)
    if parameter.choices and text not in parameter.choices:
        raise _bad(parameter, f"{text!r} is not one of {', '.join(parameter.choices)}")
    return text


def _int(parameter: Parameter, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise _bad(parameter, f"{text!r} is no whole number") from None
    if not parameter.lowest <= value <= parameter.highest:
        raise _bad(parameter, f"{value} is not between {parameter.lowest} and {parameter.highest}")
    return value


def _time_ns(parameter: Parameter, text: str) -> int:
    try:
        # "+" of a zone arrives as a space where the client did not escape it.
        at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise _bad(parameter, f"{text!r} is no RFC 3339 time, such as 2026-06-12T10:05:00Z") from None
    if at.tzinfo is None:
        raise _bad(parameter, f"{text!r} has no time zone; add Z for UTC")
    since = at - _EPOCH
    t_ns = (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1_000
    return max(-FOREVER_NS, min(t_ns, FOREVER_NS))  # the calendar goes beyond what 64 bits of nanoseconds can tell


def _bad(parameter: Parameter, problem: str) -> ApiError:
    return ApiError(400, "bad_parameter", f"{parameter.name}: {problem}")

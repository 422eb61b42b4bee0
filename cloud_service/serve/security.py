"""What every answer carries and every request must pass: host, origin, size."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telltale.broker import is_loopback

MAX_BODY_BYTES = 16_384
MAX_QUERY_BYTES = 4_096

# Charts set styles on single elements, hence style-src; scripts come from this service alone.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A mail is foreign content: nothing in it runs, loads or links back to this page.
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'"


class Guard:
    """Refuses hosts that are not this machine's loopback (DNS rebinding) and requests that are too large."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its answer's headers completed, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = refuse(Headers(scope=scope), scope)
        await (refusal or self._app)(scope, _limited(receive), _hardened(send))


def refuse(headers: Headers, scope: Scope) -> PlainTextResponse | None:
    """The answer to a request that must not come in, or None."""
    host = headers.get("host", "")
    if not is_loopback(host_name(host)):
        return PlainTextResponse(
            f"Host {host[:100]!r} is not served here: this page answers to 127.0.0.1, localhost and [::1] only.\n", 421
        )
    if len(scope.get("query_string", b"")) > MAX_QUERY_BYTES:
        return PlainTextResponse(f"The query is longer than {MAX_QUERY_BYTES} bytes.\n", 414)
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MAX_BODY_BYTES:
        return PlainTextResponse(f"The body is larger than {MAX_BODY_BYTES} bytes.\n", 413)
    return None


def host_name(host: str) -> str:
    """The name in a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_same_origin(request: Request) -> bool:
    """Whether a request that changes something comes from one of our own pages.

    Browsers send Origin with every POST; one without it is no browser's, and is let in only by endpoints that demand
    JSON, which no foreign page can send without asking first.
    """
    origin = request.headers.get("origin", "")
    return origin == f"{request.url.scheme}://{request.headers.get('host', '')}"


def _limited(receive: Receive) -> Receive:
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        # Chunked bodies declare no length: cut off, the parser behind sees a client that went away.
        return {"type": "http.disconnect"} if taken > MAX_BODY_BYTES else message

    return limited


def _hardened(send: Send) -> Send:
    async def hardened(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("Content-Security-Policy", PAGE_POLICY)
            headers.setdefault("Cache-Control", "no-store")
            headers["X-Content-Type-Options"] = "nosniff"
            # Not no-referrer: with it a browser sends "Origin: null" with our own forms.
            headers["Referrer-Policy"] = "same-origin"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        await send(message)

    return hardened

"""Scripts and styles: read once, compressed once, cached by browsers for ever under a name that holds their hash.

The chart library comes out of the installed plotly package: sites are offline, no CDN is asked.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_FOREVER = "public, max-age=31536000, immutable"


def _own(name: str) -> Traversable:
    return resources.files("cloud_service.serve") / "static" / name


def _plotly() -> Traversable:
    return resources.files("plotly") / "package_data" / "plotly.min.js"


_FILES: dict[str, tuple[str, Callable[[], Traversable]]] = {
    "telltale.css": ("text/css; charset=utf-8", lambda: _own("telltale.css")),
    "charts.js": ("text/javascript; charset=utf-8", lambda: _own("charts.js")),
    "refresh.js": ("text/javascript; charset=utf-8", lambda: _own("refresh.js")),
    "icon.svg": ("image/svg+xml", lambda: _own("icon.svg")),
    "plotly.min.js": ("text/javascript; charset=utf-8", _plotly),
}


@lru_cache(maxsize=len(_FILES))
def _load(name: str) -> tuple[bytes, bytes, str]:
    """Content, gzipped content, hash."""
    content = _FILES[name][1]().read_bytes()
    return content, gzip.compress(content, 6, mtime=0), sha256(content).hexdigest()[:16]


def asset_path(name: str) -> str:
    """The address of an asset; changes with its content."""
    return f"/static/{_load(name)[2]}/{name}"


def asset(request: Request) -> Response:
    """Answer with an asset; runs in a worker thread, so that the first compression stops nobody."""
    name = request.path_params["name"]
    if name not in _FILES:
        raise HTTPException(404, f"no asset {name[:100]!r}")
    content, zipped, tag = _load(name)
    current = request.path_params["tag"] == tag
    headers = {
        "ETag": f'"{tag}"',
        "Cache-Control": _FOREVER if current else "no-cache",
        "Vary": "Accept-Encoding",
    }
    if f'"{tag}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(zipped, media_type=_FILES[name][0], headers={**headers, "Content-Encoding": "gzip"})
    return Response(content, media_type=_FILES[name][0], headers=headers)

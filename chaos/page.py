"""The report as one HTML page with its pictures inside."""

from __future__ import annotations

from typing import Any


def draw_page(data: dict[str, Any]) -> str:
    """The page."""
    return f"<pre>{data['holds']}</pre>"

"""A real browser, headless: the page as a person's machine would run and show it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.servers.programs import program

QUIET = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
]  # fmt: skip
DEADLINE_S = 90


def _chromium(folder: Path, *arguments: str) -> str:
    found = program("chromium", "chromium")
    command = [str(found.path), *QUIET, f"--user-data-dir={folder / 'profile'}", *arguments]
    done = subprocess.run(
        command, env=found.full_environment(), capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )
    return done.stdout


def dump_dom(url: str, folder: Path, wait_ms: int = 4_000) -> str:
    """The page's HTML after its scripts have run for `wait_ms` of the browser's virtual time."""
    return _chromium(folder, f"--virtual-time-budget={wait_ms}", "--dump-dom", url)


def screenshot(url: str, path: Path, width: int = 1280, height: int = 1600, wait_ms: int = 4_000) -> Path:
    """A PNG of the page."""
    _chromium(
        path.parent, f"--virtual-time-budget={wait_ms}", f"--window-size={width},{height}", f"--screenshot={path}", url
    )
    return path

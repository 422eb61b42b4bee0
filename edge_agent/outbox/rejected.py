"""Frames that the service will never store, kept as files for the technician: a bounded number, the newest."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

MAX_FILES = 256
NOT_IN_NAMES = re.compile(r"[^a-z0-9_]+")


class RejectedFrames:
    """A folder of them, named by run, sequence and reason.

    Args:
        folder: created with the first.
        max_bytes: bound of all together.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def keep(self, run_id: bytes, sequence: int, reason: str, payload: bytes | None) -> None:
        """Keep a payload, if the disk takes it; nothing depends on it."""
        if payload is None:
            return
        name = f"{run_id.hex()[:8]}-{sequence}-{NOT_IN_NAMES.sub('_', reason.lower())[:32]}.frame"
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            (self._folder / name).write_bytes(payload)
            self._bound()

    def _bound(self) -> None:
        files = sorted(self._folder.glob("*.frame"), key=lambda path: path.stat().st_mtime_ns)
        size = sum(path.stat().st_size for path in files)
        while files and (len(files) > MAX_FILES or size > self._max_bytes):
            size -= files[0].stat().st_size
            files.pop(0).unlink()

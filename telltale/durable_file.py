"""Files that are whole or not there, whatever happens: written beside, synced, then put in place."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

PRIVATE = 0o600
PUBLIC = 0o644


def write_durably(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Put `content` in the place of `path`, old or absent.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    partial = _written_beside(path, content, mode)
    try:
        partial.replace(path)
    except OSError:
        partial.unlink()
        raise
    _sync_folder(path.parent)


def create_durably(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Make a file that must not exist yet.

    Raises:
        FileExistsError: it does; it was not touched.
        OSError: it cannot be written.
    """
    partial = _written_beside(path, content, mode)
    try:
        os.link(partial, path)  # unlike a rename, this never replaces
    finally:
        partial.unlink()
    _sync_folder(path.parent)


def _written_beside(path: Path, content: bytes, mode: int) -> Path:
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(number, "wb") as file:
        file.write(content)
        os.fchmod(number, mode)
        file.flush()
        os.fsync(number)
    return Path(name)


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)

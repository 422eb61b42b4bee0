"""Files and folders that outlive a power failure: whole or not there, and their names on the disk as well."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from itertools import takewhile
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
    sync_folder(path.parent)


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
    sync_folder(path.parent)


def _written_beside(path: Path, content: bytes, mode: int) -> Path:
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            os.fchmod(number, mode)
            file.flush()
            os.fsync(number)
    except OSError:
        Path(name).unlink()  # what a full disk took of it, perhaps of a key
        raise
    return Path(name)


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Create `folder` and those above it; on return their names are on the disk, or what is in them would not be.

    Args:
        folder: may exist: whoever made it may not have come to sync its name yet.
        mode: of a new folder, less the umask.

    Raises:
        OSError: it cannot be created.
    """
    made = [folder, *takewhile(lambda above: not above.exists(), folder.parents)]
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    for name in made:
        with suppress(PermissionError):  # where we may not even look, somebody else has made it
            sync_folder(name.parent)


def sync_file(path: Path) -> None:
    """Return once what was written to `path` is on the disk.

    Raises:
        OSError: it may not be.
    """
    _sync(path, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Return once the names in `folder` are on the disk.

    Raises:
        OSError: they may not be.
    """
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    number = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)

"""Who uses a data folder: every part holds a shared lock on it, restore an exclusive one.

The lock ends with the process that holds it, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from telltale.durable_file import make_folder
from telltale.errors import FatalError, UserError

FILE = "in-use.lock"


def in_use(data_dir: Path) -> UserError:
    """What to tell an operator."""
    return UserError(f"{data_dir}: is in use", "stop the service (or the restore) that uses this folder first")


@contextlib.contextmanager
def take_lock(data_dir: Path, *, shared: bool = False) -> Iterator[int | None]:
    """The lock's descriptor, or None where somebody else holds one that excludes it. Never waits.

    Raises:
        FatalError: the folder cannot be written.
    """
    try:
        make_folder(data_dir)
        descriptor = os.open(data_dir / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FatalError(f"{data_dir / FILE}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)

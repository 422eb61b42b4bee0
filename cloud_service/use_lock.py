"""Who uses a data folder: every part, backup and dead-letter hold a shared lock on it, restore an exclusive one.

The lock ends with the process that holds it, however it ends. A restore that ended half-way leaves a mark, and nobody
but another restore uses the folder.
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
UNFINISHED = "restore-unfinished"


@contextlib.contextmanager
def take_lock(data_dir: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock. Never waits.

    Raises:
        UserError: somebody else holds one that excludes it, or (shared) a restore did not come to its end.
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
            remedy = "stop the service (or the restore) that uses this folder first"
            raise UserError(f"{data_dir}: is in use", remedy) from None
        if shared and (data_dir / UNFINISHED).exists():
            raise UserError(f"{data_dir}: a restore did not come to its end", "restore again before anything else")
        yield
    finally:
        os.close(descriptor)

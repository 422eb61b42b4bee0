"""One agent a data folder: two would take each other's frames and kick each other off the broker."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from telltale.durable_file import make_folder
from telltale.errors import UserError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder; it is created. The lock ends with the process, however that ends.

    Raises:
        UserError: another agent holds it, or it cannot be written.
    """
    try:
        make_folder(folder)
        file = (folder / "agent.lock").open("a", encoding="ascii")
    except OSError as error:
        raise UserError(f"{folder}: cannot be used as data_dir ({error.strerror or error})") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"{folder}: another agent is using it", "stop that one, or set another data_dir") from None
        yield

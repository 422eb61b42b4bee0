"""A bell between two processes: whoever commits rings, and who waits looks at once, not at its next poll.

A named pipe in the data folder. It carries no data and no promise: a ring that nobody hears is lost, and polling finds
the commit all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import stat
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

Name = Literal["journal", "spool"]
_AT_ONCE = 4_096


def _path(data_dir: Path, name: Name) -> Path:
    return data_dir / f"{name}.bell"


class Bell:
    """The rope: rung by the one who has committed to `name`."""

    def __init__(self, data_dir: Path, name: Name) -> None:
        self._path = _path(data_dir, name)

    def ring(self) -> None:
        """Never waits and never fails: nobody there, nobody yet, too many rings already."""
        with contextlib.suppress(OSError):
            descriptor = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(descriptor, b".")
            finally:
                os.close(descriptor)


class Ear:
    """Who listens to the bell of `name`; one process for each. Where the disk cannot hold a pipe it hears nothing."""

    def __init__(self, data_dir: Path, name: Name) -> None:
        self._path = _path(data_dir, name)
        self._descriptor = -1

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.mkfifo(self._path, 0o600)
            if stat.S_ISFIFO(self._path.stat().st_mode):  # a plain file in its place could always be read
                # For reading and writing: the pipe never ends because a ringer goes away.
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_NONBLOCK)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def wait(self, most_s: float) -> None:
        """Block until the bell rings or `most_s` seconds are over."""
        poll = select.poll()
        if self._descriptor >= 0:
            poll.register(self._descriptor, select.POLLIN)
        poll.poll(most_s * 1_000)
        self._hush()

    async def wait_async(self, most_s: float, stop: asyncio.Event) -> None:
        """The same in an event loop; `stop` ends it."""
        loop, heard = asyncio.get_running_loop(), asyncio.Event()
        if self._descriptor >= 0:
            loop.add_reader(self._descriptor, heard.set)
        tasks = [asyncio.create_task(event.wait()) for event in (heard, stop)]
        try:
            await asyncio.wait(tasks, timeout=most_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            if self._descriptor >= 0:
                loop.remove_reader(self._descriptor)
        self._hush()

    def _hush(self) -> None:
        """What rang before the next look need not ring again."""
        with contextlib.suppress(OSError):
            while self._descriptor >= 0 and len(os.read(self._descriptor, _AT_ONCE)) == _AT_ONCE:
                pass

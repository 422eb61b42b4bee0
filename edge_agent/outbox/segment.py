"""Segment files: append-only, numbered, each one deleted as a whole once nothing in it is needed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from telltale.durable_file import sync_folder

SUFFIX = ".segment"
BLOCK_BYTES = 4_096  # what a file system gives out at a time: a file's size on disk is a multiple of it
MAX_BUFFERS = 256  # of one system call; the limit is 1,024


class Segment:
    """One file of the outbox, and how much of it is still needed.

    Args:
        path: of the file; its name is its number.
        size: bytes in it.
        fd: open for appending, where it is new.
    """

    __slots__ = ("_fd", "_is_named", "frames", "live_bytes", "number", "path", "size")

    def __init__(self, path: Path, size: int, fd: int = -1) -> None:
        self.path = path
        self.number = int(path.stem)
        self.size = size
        self.frames = 0
        self.live_bytes = 0
        self._fd = fd
        self._is_named = False  # whether the folder's entry is on the disk, too

    @property
    def disk_bytes(self) -> int:
        """What the file takes on disk, in whole blocks."""
        return -(-self.size // BLOCK_BYTES) * BLOCK_BYTES

    @property
    def waste_bytes(self) -> int:
        """What would be free if only frames that are needed were left."""
        return self.size - self.live_bytes

    def append(self, buffers: Sequence[bytes]) -> None:
        """Write `buffers` at the end.

        Raises:
            OSError: some of it may be in the file: append nothing more to it.
        """
        for first in range(0, len(buffers), MAX_BUFFERS):
            some = buffers[first : first + MAX_BUFFERS]
            left = sum(map(len, some)) - os.writev(self._fd, some)
            if left:  # a disk that fills up takes a part, and says why at the next try
                _write_all(self._fd, b"".join(some)[-left:])
            self.size += sum(map(len, some))

    def cut(self, size: int) -> None:
        """Take back what was appended beyond `size`.

        Raises:
            OSError: it stays; at the next start it is read, or counted as damaged.
        """
        os.ftruncate(self._fd, size)
        self.size = size

    def sync(self) -> None:
        """Return once all that was appended, and the file's name, are on the disk.

        Raises:
            OSError: what was appended since the last sync may be lost; append nothing more to it.
        """
        os.fdatasync(self._fd)
        if not self._is_named:
            sync_folder(self.path.parent)
            self._is_named = True

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`.

        Raises:
            OSError: the disk does not give them, or the file is gone.
        """
        if self._fd < 0:
            self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        return os.pread(self._fd, size, offset)

    def close(self) -> None:
        """Close the file; reading opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def delete(self) -> None:
        """Remove the file; a name that comes back after a power failure is removed again at the start."""
        self.close()
        self.path.unlink(missing_ok=True)


def _write_all(fd: int, rest: bytes) -> None:
    while rest:
        rest = rest[os.write(fd, rest) :]


def new_segment(folder: Path, number: int) -> Segment:
    """An empty segment.

    Raises:
        OSError: it cannot be created.
    """
    path = folder / f"{number:010d}{SUFFIX}"
    return Segment(path, 0, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640))


def old_segments(folder: Path) -> list[Segment]:
    """The segments in `folder`, oldest first, to be read and deleted."""
    return [Segment(path, path.stat().st_size) for path in sorted(folder.glob(f"[0-9]*{SUFFIX}"))]

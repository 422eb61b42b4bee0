"""A real file system of a few megabytes, so that "no space left on device" is the kernel's own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MIB = 1 << 20


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """An empty tmpfs of that size: mounted on `folder` by root; else in a user namespace of its own, and reached
    through the process that holds it. A skip that says why where neither is allowed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    if os.geteuid() == 0:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no small disk: {done.stderr.strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        return
    with _namespace(mount) as root:
        yield root / folder.relative_to("/")


@contextmanager
def _namespace(mount: list[str]) -> Iterator[Path]:
    """The root folder as a process sees it that has mounted something and waits for its input to end."""
    script = '"$@" && echo mounted && exec cat'
    try:
        holder = subprocess.Popen(
            ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", *mount],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    except FileNotFoundError:
        pytest.skip("no small disk: neither root nor the program unshare")
    with holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stderr is not None
        if holder.stdout.readline().strip() != "mounted":
            pytest.skip(f"no small disk: {holder.stderr.read().strip()}")
        try:
            yield Path(f"/proc/{holder.pid}/root")
        finally:
            holder.stdin.close()


def fill(folder: Path) -> Path:
    """Take all the space that is left; returns the file that holds it."""
    path = folder / "filler"
    with path.open("ab", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
    return path

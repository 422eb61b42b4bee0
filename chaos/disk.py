"""Small disks that can be filled: a tmpfs for each data folder, a ballast file that takes all that is left."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from pathlib import Path

BALLAST = ".ballast"
DEVICE = "telltale-chaos"
STEP_BYTES = 4 * 1024 * 1024


def unmount_below(folder: Path) -> None:
    """Unmount what a campaign that was killed itself has left mounted below `folder`."""
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        device, where, *_ = line.split(" ")
        if device == DEVICE and Path(where).is_relative_to(folder):
            subprocess.run(["umount", "-l", where], capture_output=True, check=False)


class SmallDisk:
    """A tmpfs on `folder`, where this user may mount one; else `is_mounted` is False and nothing can be filled."""

    def __init__(self, folder: Path, size_mb: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", DEVICE, str(folder)],
            capture_output=True,
            check=False,
        )
        self.is_mounted = done.returncode == 0

    def fill(self) -> None:
        """Every write that needs room fails from now on."""
        with contextlib.suppress(OSError), (self.folder / BALLAST).open("ab") as ballast:
            step = STEP_BYTES
            while step:
                try:
                    os.posix_fallocate(ballast.fileno(), os.fstat(ballast.fileno()).st_size, step)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    step //= 16

    def free(self) -> None:
        """There is room again."""
        (self.folder / BALLAST).unlink(missing_ok=True)

    def keep_copy(self) -> None:
        """Unmount, and leave what was on it in the folder: for the oracle and for a post-mortem."""
        if not self.is_mounted:
            return
        self.free()
        kept = self.folder.with_name(self.folder.name + ".kept")
        subprocess.run(["cp", "-a", str(self.folder), str(kept)], check=True)
        self.unmount()
        self.folder.rmdir()
        kept.rename(self.folder)

    def unmount(self) -> None:
        """Unmount; safe to call twice."""
        if self.is_mounted:
            done = subprocess.run(["umount", str(self.folder)], capture_output=True, check=False)
            if done.returncode != 0:
                subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)
            self.is_mounted = False

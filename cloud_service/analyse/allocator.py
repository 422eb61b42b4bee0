"""Memory that arrays leave is kept for the next ones.

glibc gives every large array back to the kernel when it is freed, and the next one is paid for page by page: 40 % of
the time of the spectra. A process that works on arrays of a few MB, batch after batch, is better off keeping them.
"""

from __future__ import annotations

import ctypes
import sys

KEPT_BYTES = 64 * 1024 * 1024  # several times what one batch holds at a time
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h
MMAP_THRESHOLD_MAX = 32 * 1024 * 1024  # glibc refuses more


def keep_freed_memory() -> bool:
    """Set it for this process; whether the C library knows it (glibc does). Safe to call again."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_TRIM_THRESHOLD, KEPT_BYTES)) and bool(mallopt(_MMAP_THRESHOLD, MMAP_THRESHOLD_MAX))

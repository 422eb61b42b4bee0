"""How far the gateway's clock can be trusted now."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from telltale.clock import ClockMode
from telltale.readings import ClockQuality

# systemd-timesyncd touches it on the first synchronisation after boot; it stays when the synchronisation is lost.
SYNCHRONISED_MARK = Path("/run/systemd/timesync/synchronized")
NS_PER_US = 1_000
STA_UNSYNC = 0x0040  # adjtimex(2): no daemon disciplines the clock, or it has gone unheard for too long


@dataclass(frozen=True, slots=True)
class ClockStatement:
    """The clock's quality, and the bound of its error in ns; 0: none is known."""

    quality: ClockQuality
    error_ns: int = 0


UNKNOWN = ClockStatement(ClockQuality.UNKNOWN)
SYNCHRONISED = ClockStatement(ClockQuality.SYNCHRONISED)
ClockProbe = Callable[[], ClockStatement]


class _Timex(ctypes.Structure):
    """The head of `struct timex` of <sys/timex.h>, and room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),  # 0: read only, which needs no privilege
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def kernel_statement() -> ClockStatement | None:
    """What the kernel says: synchronised with its bound of the error, or unknown; None where it cannot be asked."""
    timex = _Timex()
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex is None or adjtimex(ctypes.byref(timex)) < 0:
        return None
    quality = ClockQuality.UNKNOWN if timex.status & STA_UNSYNC else ClockQuality.SYNCHRONISED
    return ClockStatement(quality, int(timex.maxerror) * NS_PER_US)


def clock_probe(
    mode: ClockMode,
    mark: str = "",
    *,
    kernel: Callable[[], ClockStatement | None] = kernel_statement,
    timesyncd: Path = SYNCHRONISED_MARK,
) -> ClockProbe:
    """A cheap function that states the clock's quality.

    Args:
        mode: a recording's own time (`data`) is taken as right: there is no other to doubt it by.
        mark: a file that says by being there that the clock is right; where one is named, nothing else is asked.
        kernel: asked otherwise.
        timesyncd: its mark. A clock that timesyncd has set and the kernel has heard nothing of since
            runs freely. Where the kernel cannot be asked, timesyncd's word is all there is.
    """
    if mode == "data":
        return lambda: SYNCHRONISED
    if mark:
        named = Path(mark)
        return lambda: SYNCHRONISED if named.exists() else UNKNOWN

    def probe() -> ClockStatement:
        told = kernel()
        if told is None:
            return SYNCHRONISED if timesyncd.exists() else UNKNOWN
        if told.quality is ClockQuality.SYNCHRONISED:
            return told
        return ClockStatement(ClockQuality.FREE_RUNNING, told.error_ns) if timesyncd.exists() else UNKNOWN

    return probe

"""Readings that were taken before the clock was first synchronised get their right time on the way out."""

from __future__ import annotations

from collections.abc import Callable, Collection

from edge_agent.boot_clock import BootClock, BootUtc
from edge_agent.outbox.schema import run_of
from telltale.clock import NS_PER_S, Clock
from telltale.readings import ClockQuality, Flag
from telltale.wire import frame_pb2 as pb
from telltale.wire.codec import MAX_FLAG_SPANS, MAX_INT64

# Between seal and synchronisation only the machine's crystal kept the time: 100 ppm is a poor one.
CRYSTAL_PPM = 100


def restamped(payload: bytes, utc: BootUtc, recorded: Collection[str]) -> bytes:
    """The frame with its times brought to UTC; the same bytes each time.

    A frame whose clock was not unknown comes back as it is.

    Args:
        payload: of a frame that was sealed in the boot of `utc`.
        utc: what the boot's monotonic time is in UTC.
        recorded: channels that brought times of their own, which are left alone.
    """
    frame = pb.Frame.FromString(payload)
    if ClockQuality(frame.clock_quality) is not ClockQuality.UNKNOWN or not _shift(frame, utc, recorded):
        return payload
    frame.clock_quality = int(ClockQuality.FREE_RUNNING)  # type: ignore[assignment]
    frame.clock_error_ns = utc.error_ns + abs(utc.monotonic_ns - frame.monotonic_ns) * CRYSTAL_PPM // 1_000_000
    return frame.SerializeToString()


def _shift(frame: pb.Frame, utc: BootUtc, recorded: Collection[str]) -> bool:
    """Move all times; False, and nothing is moved, where one would leave the range of the format."""
    shift_ns = utc.offset_ns - (frame.acquired_ns - frame.monotonic_ns)
    live = [block for block in frame.blocks if block.channel not in recorded]
    if any(abs(at_ns + shift_ns) > MAX_INT64 // 2 for at_ns in (frame.acquired_ns, *(block.t0_ns for block in live))):
        return False
    frame.acquired_ns += shift_ns
    for block in live:
        block.t0_ns += shift_ns
        if len(block.flags) < MAX_FLAG_SPANS:  # a block with that many spans says its doubt in the frame's quality
            block.flags.add(start=0, count=block.count, flag=int(Flag.RESTAMPED))
    return True


class Restamper:
    """Which frames wait for the clock, and what becomes of those that need not wait any longer.

    Args:
        boots: the boots whose UTC is known.
        boot_of: the boot of a run in the outbox, by its ordinal; empty where it is not known.
        own: the current run's ordinal.
        clock: for its monotonic time.
        wait_s: how long frames of this boot wait for the clock, from the first connection on.
        recorded: channels whose times are their source's own.
        active: False: no channel is live, no frame waits and none is changed.
    """

    def __init__(
        self,
        boots: BootClock,
        boot_of: Callable[[int], str],
        own: int,
        *,
        clock: Clock,
        wait_s: float,
        recorded: Collection[str],
        active: bool,
    ) -> None:
        self._boots = boots
        self._boot_of = boot_of
        self._own = own
        self._boot = boot_of(own)
        self._clock = clock
        self._wait_ns = round(wait_s * NS_PER_S)
        self._recorded = recorded
        self._active = active
        self._connected_ns: int | None = None

    def connected(self) -> None:
        """There is a connection; the wait begins with the first one."""
        if self._connected_ns is None:
            self._connected_ns = self._clock.monotonic_ns()

    def holds(self, frame: int) -> bool:
        """Whether a frame is to wait: it is of this boot, whose UTC is not known yet."""
        return (
            self._active
            and self._boots.utc_of(self._boot) is None
            and self._is_of_this_boot(run_of(frame))
            and not self._has_waited()
        )

    def _is_of_this_boot(self, run: int) -> bool:
        return run == self._own or (self._boot != "" and self._boot_of(run) == self._boot)

    def _has_waited(self) -> bool:
        begin_ns = self._connected_ns
        return begin_ns is not None and self._clock.monotonic_ns() - begin_ns >= self._wait_ns

    def stamped(self, frame: int, payload: bytes) -> bytes:
        """The frame as it is sent."""
        utc = self._boots.utc_of(self._boot_of(run_of(frame))) if self._active else None
        return payload if utc is None else restamped(payload, utc, self._recorded)

"""Frame assembly: about one frame a second, or at a bound of bytes, whichever comes first.

Waveforms and scalar readings go into frames of their own, so that a full outbox can let go of the oldest waveforms
and still account for each frame as a whole. The two are sealed together, scalars first: when the service judges a
waveform it has the temperature of that time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated

from msgspec import Meta

from edge_agent.frame.merge import merge_scalars
from edge_agent.window.slicing import within_limits
from telltale.clock import NS_PER_S, Clock
from telltale.readings import Block, ClockQuality, DropRecord, Frame, RunEnd
from telltale.settings import Settings
from telltale.wire.codec import MAX_BLOCKS, encode_frame

TIME_BYTES = 8
HARD_FACTOR = 2  # of the bound: where a frame is closed also within a list of chunks


class Rank(IntEnum):
    """What a full outbox lets go of first: the lowest rank, and in it the oldest. Reports of drops are never let go.

    The numbers are on disk. They leave room for what an agent may come to send: features (20) go before scalar
    readings, alarms (40) after them.
    """

    WAVEFORM = 10
    SCALAR = 30
    REPORT = 50


class FrameSettings(Settings, frozen=True):
    """`[frame]` of `edge.toml`.

    Attributes:
        interval_s: a frame is closed when its first reading has waited this long.
        max_bytes: … or when its samples take this much, before compression; what was acquired together stays together
            up to twice as much.
    """

    interval_s: Annotated[float, Meta(gt=0, le=60)] = 1.0
    max_bytes: Annotated[int, Meta(ge=1_024, le=1_048_576)] = 262_144


@dataclass(frozen=True, slots=True)
class SealedFrame:
    """A frame in its wire form: what the outbox keeps."""

    run_id: bytes
    sequence: int
    rank: Rank
    acquired_ns: int
    payload: bytes


@dataclass(slots=True)
class _Open:
    blocks: list[Block] = field(default_factory=list)
    size: int = 0
    since_ns: int = 0


class FrameAssembler:
    """Collects blocks and seals frames, numbered 1, 2, 3, … within the run.

    Args:
        gateway, run_id: of every frame.
        clock: stamps the frames and times the interval.
        quality, error_ns: the clock's quality now, and the bound of its error.
        settings: interval and bound.
        sealed: takes each finished frame over.
        earlier: the runs before a given one of which the gateway still holds frames, oldest first.
    """

    def __init__(
        self,
        gateway: str,
        run_id: bytes,
        *,
        clock: Clock,
        quality: Callable[[], ClockQuality],
        settings: FrameSettings,
        sealed: Callable[[SealedFrame], None],
        error_ns: Callable[[], int] = lambda: 0,
        earlier: Callable[[bytes], tuple[RunEnd, ...]] = lambda _: (),
    ) -> None:
        self.run_id = run_id
        self.sequence = 0
        self.samples = 0
        self._gateway = gateway
        self._clock = clock
        self._quality = quality
        self._error_ns = error_ns
        self._settings = settings
        self._sealed = sealed
        self._earlier = earlier
        self._open = {Rank.SCALAR: _Open(), Rank.WAVEFORM: _Open()}  # in the order of sealing

    def add(self, blocks: Iterable[Block], rank: Rank) -> None:
        """Put blocks into the open frame of their rank; seals it when it is full."""
        for block in blocks:
            for piece in within_limits(block):
                self._put(piece, rank)

    def _put(self, block: Block, rank: Rank) -> None:
        frame = self._open[rank]
        if not frame.blocks:
            frame.since_ns = self._clock.monotonic_ns()
        frame.blocks.append(block)
        frame.size += block.samples.nbytes + (TIME_BYTES * len(block) if rank is Rank.SCALAR else 0)
        if frame.size >= HARD_FACTOR * self._settings.max_bytes or len(frame.blocks) >= MAX_BLOCKS // 2:
            self.seal_all()

    def seal_full(self) -> None:
        """Seal both frames when either has reached its bound; called between lists of chunks. Within one, a waveform
        would be parted from the temperature of its time, and be judged before it.
        """
        if any(frame.size >= self._settings.max_bytes for frame in self._open.values()):
            self.seal_all()

    def seal_due(self) -> None:
        """Seal both frames when the first reading of either has waited long enough; called a few times a second."""
        limit_ns = self._clock.monotonic_ns() - round(self._settings.interval_s * NS_PER_S)
        if any(frame.blocks and frame.since_ns <= limit_ns for frame in self._open.values()):
            self.seal_all()

    def seal_all(self) -> None:
        """Seal what has begun."""
        for rank, frame in self._open.items():
            if frame.blocks:
                self._seal(rank)

    def report(self, run_id: bytes, sequence: int | None, drops: Sequence[DropRecord]) -> SealedFrame:
        """A frame without readings that reports drops; `sequence` None: the next one of this run."""
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        return self._encode(run_id, sequence, Rank.REPORT, (), tuple(drops))

    def _seal(self, rank: Rank) -> None:
        blocks = self._open[rank].blocks
        self._open[rank] = _Open()
        self.samples += sum(map(len, blocks))
        if rank is Rank.SCALAR:
            blocks = [piece for block in merge_scalars(blocks) for piece in within_limits(block)]
        self.sequence += 1
        self._sealed(self._encode(self.run_id, self.sequence, rank, tuple(blocks), ()))

    def _encode(
        self, run_id: bytes, sequence: int, rank: Rank, blocks: tuple[Block, ...], drops: tuple[DropRecord, ...]
    ) -> SealedFrame:
        frame = Frame(
            gateway=self._gateway,
            run_id=run_id,
            sequence=sequence,
            acquired_ns=self._clock.now_ns(),
            monotonic_ns=self._clock.monotonic_ns(),
            clock_quality=self._quality(),
            clock_error_ns=self._error_ns(),
            blocks=blocks,
            drops=drops,
            after=self._earlier(run_id),
        )
        return SealedFrame(run_id, sequence, rank, frame.acquired_ns, encode_frame(frame))

"""Windows of one waveform channel, aligned to the clock.

Where the source is continuous, windows start at whole multiples of their duration since 1970, so that the windows of
all channels and gateways cover the same spans. A window that the source hands over complete (a duty cycle) passes
unchanged. Nothing is discarded: what a gap or the end of the stream leaves over is a shorter block.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from edge_agent.window.slicing import cut, join, sample_ns
from telltale.clock import NS_PER_S
from telltale.readings import Block

# A converter's crystal and the clock part by some 30 ppm, a sample or so a minute: windows keep their full length and
# slip, until they are off by this share of their duration; then one shorter window brings them back.
SLIP_TOLERANCE = Fraction(1, 16)


class AlignedWindows:
    """Chunks of any length in, windows of `window_samples` out.

    Args:
        rate_hz: the channel's sample rate.
        window_samples: samples a window.
    """

    def __init__(self, rate_hz: float, window_samples: int) -> None:
        self._samples = window_samples
        self._rate_hz = rate_hz
        self._duration_ns = Fraction(window_samples * NS_PER_S) / Fraction(rate_hz).limit_denominator(1_000_000)
        self._parts: list[Block] = []
        self._held = 0
        self._target = window_samples
        self._next_ns: int | None = None
        self._on_grid = False

    @property
    def held(self) -> int:
        """Samples waiting for their window to fill."""
        return self._held

    def push(self, block: Block) -> Iterator[Block]:
        """Take the next block of the channel; yields the windows that it completes."""
        if not self._continues(block):
            yield from self.flush()
        self._next_ns = sample_ns(block, len(block) - 1) + round(NS_PER_S / block.rate_hz)
        if not self._held and len(block) == self._samples:
            yield block
            return
        yield from self._fill(block)

    def flush(self) -> Iterator[Block]:
        """The window that has begun, shorter than the others: at a gap, at the end, on shutdown."""
        if self._parts:
            yield join(self._parts)
        self._parts, self._held, self._next_ns = [], 0, None
        self._on_grid = False

    def _continues(self, block: Block) -> bool:
        """Whether `block` follows what is held: same kind of samples, and on time to half a sample."""
        if self._next_ns is None:
            return True
        tolerance_ns = NS_PER_S / self._rate_hz / 2
        if abs(block.t0_ns - self._next_ns) > tolerance_ns:
            return False
        return not self._parts or _alike(self._parts[0], block)

    def _fill(self, block: Block) -> Iterator[Block]:
        start = 0
        while start < len(block):
            if not self._held:
                self._target = self._length_from(sample_ns(block, start))
            stop = min(len(block), start + self._target - self._held)
            self._parts.append(cut(block, start, stop))
            self._held += stop - start
            start = stop
            if self._held == self._target:
                yield join(self._parts)
                self._parts, self._held = [], 0

    def _length_from(self, t0_ns: int) -> int:
        """Samples of the window that begins at `t0_ns`: all, or those up to the next multiple of the duration."""
        phase = t0_ns / self._duration_ns % 1
        off_by = min(phase, 1 - phase)
        # A stream that has just begun aligns to the sample; one that runs may slip up to the tolerance.
        self._on_grid = off_by <= (SLIP_TOLERANCE if self._on_grid else Fraction(1, 2 * self._samples))
        if self._on_grid:
            return self._samples
        return min(max(round((1 - phase) * self._samples), 1), self._samples)


def _alike(first: Block, second: Block) -> bool:
    return (
        first.samples.dtype == second.samples.dtype
        and first.rate_hz == second.rate_hz
        and (first.scale, first.offset, first.calibration_id) == (second.scale, second.offset, second.calibration_id)
    )

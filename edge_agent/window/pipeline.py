"""From a source's chunk to the open frame: calibrate, cut into windows, hand to the assembler; note who is alive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from edge_agent.frame.assemble import FrameAssembler, Rank
from edge_agent.reports import Reports
from edge_agent.settings import ChannelSettings
from edge_agent.window.aligned import AlignedWindows
from edge_agent.window.calibrate import UNCALIBRATED, calibrate
from telltale.clock import NS_PER_S, Clock
from telltale.health import InputHealth
from telltale.readings import Block
from telltale.source import Chunk

# An input is taken for dead after so many of its own intervals plus some seconds for the scheduler.
SILENT_INTERVALS = 3
SILENT_MARGIN_NS = 10 * NS_PER_S


@dataclass(slots=True)
class _Path:
    channel: ChannelSettings
    windows: AlignedWindows | None
    samples: int = 0
    last_ns: int = 0
    last_value: float | None = None
    came_ns: int = 0
    interval_ns: int = 0
    ended: bool = False
    warned: set[str] = field(default_factory=set)

    def silent(self, now_ns: int) -> bool:
        return now_ns - self.came_ns > SILENT_INTERVALS * self.interval_ns + SILENT_MARGIN_NS


class Pipeline:
    """The channels of a gateway, between its sources and its frames.

    Args:
        channels: of `edge.toml`.
        assembler: takes the blocks.
        clock: told of every acquisition time.
        reports: where trouble goes.
    """

    def __init__(
        self, channels: Iterable[ChannelSettings], assembler: FrameAssembler, clock: Clock, reports: Reports
    ) -> None:
        self._assembler = assembler
        self._clock = clock
        self._reports = reports
        self._paths = {(channel.source, channel.input): _Path(channel, _windows(channel)) for channel in channels}
        self._unmapped: set[tuple[str, str]] = set()

    def inputs_of(self, source: str) -> tuple[str, ...]:
        """The inputs of a source that channels want."""
        return tuple(name for owner, name in self._paths if owner == source)

    def take(self, source: str, chunk: Chunk, shift_ns: int = 0) -> None:
        """Bring one chunk, with its times moved by `shift_ns`, into the open frame or its channel's open window.

        Raises:
            UserError: the chunk breaks the source contract.
        """
        path = self._paths.get((source, chunk.input))
        if path is None:
            if (source, chunk.input) not in self._unmapped:
                self._unmapped.add((source, chunk.input))
                self._reports.problem(f"source {source}", f"input {chunk.input!r} is no [[channel]]: ignored")
            return
        if not chunk.samples.size:
            return
        block = calibrate(chunk, path.channel.id, path.channel.calibration or UNCALIBRATED)
        if shift_ns:
            block = replace(block, t0_ns=block.t0_ns + shift_ns)
        self._note(path, block)
        if path.windows is None:
            self._assembler.add((block,), Rank.SCALAR)
        else:
            self._assembler.add(self._cut(path, path.windows, block), Rank.WAVEFORM)

    def _cut(self, path: _Path, windows: AlignedWindows, block: Block) -> Iterator[Block]:
        if block.rate_hz <= 0:
            self._warn(path, "has a time for each sample, no rate: passed on as it is, without windows")
            yield from windows.flush()
            yield block
            return
        if abs(block.rate_hz / (path.channel.rate_hz or block.rate_hz) - 1) > 0.01:
            self._warn(path, f"comes at {block.rate_hz:g} Hz, the settings say {path.channel.rate_hz:g} Hz")
        yield from windows.push(block)

    def _warn(self, path: _Path, text: str) -> None:
        if text not in path.warned:
            path.warned.add(text)
            self._reports.problem(f"channel {path.channel.id}", text)

    def _note(self, path: _Path, block: Block) -> None:
        now_ns, end_ns = self._clock.monotonic_ns(), block.end_ns()
        if path.samples:
            path.interval_ns = max(now_ns - path.came_ns, path.interval_ns // 2)
        path.came_ns = now_ns
        path.samples += len(block)
        path.last_ns = end_ns
        last = float(block.values()[-1]) if len(block) < 64 else float(block.samples[-1]) * block.scale + block.offset
        if np.isfinite(last):
            path.last_value = last
        self._clock.observe(end_ns)

    def flush(self, source: str) -> None:
        """A source has ended: its open windows become shorter blocks."""
        for (owner, _), path in self._paths.items():
            if owner == source:
                path.ended = True
                if path.windows is not None:
                    self._assembler.add(path.windows.flush(), Rank.WAVEFORM)

    def flush_all(self) -> None:
        """The clock steps: no window may hold both times."""
        for path in self._paths.values():
            if path.windows is not None:
                self._assembler.add(path.windows.flush(), Rank.WAVEFORM)

    def end_of_list(self) -> None:
        """All that was acquired together is taken: a frame that is full may go."""
        self._assembler.seal_full()

    def flush_silent(self) -> None:
        """Inputs that fell silent: what is held of their windows is committed, for the agent may be switched off."""
        now_ns = self._clock.monotonic_ns()
        for path in self._paths.values():
            if path.windows is not None and path.windows.held and path.silent(now_ns):
                self._assembler.add(path.windows.flush(), Rank.WAVEFORM)

    def health(self) -> tuple[InputHealth, ...]:
        """Every configured channel as the agent sees it."""
        now_ns = self._clock.monotonic_ns()
        return tuple(
            InputHealth(
                channel=path.channel.id,
                alive=bool(path.samples) and not path.ended and not path.silent(now_ns),
                last_ns=path.last_ns,
                last_value=path.last_value,
                samples=path.samples,
            )
            for path in self._paths.values()
        )


def _windows(channel: ChannelSettings) -> AlignedWindows | None:
    if channel.rate_hz is None or channel.window_samples is None:
        return None
    return AlignedWindows(channel.rate_hz, channel.window_samples)

"""Frames: what is sealed together, in which order, and when."""

from __future__ import annotations

import numpy as np

from edge_agent.frame.assemble import FrameAssembler, FrameSettings, Rank, SealedFrame
from telltale.clock import NS_PER_S, ManualClock
from telltale.readings import Block, ClockQuality
from telltale.wire.codec import decode_frame


class Bench:
    def __init__(self, **settings: float) -> None:
        self.clock = ManualClock(1_000)
        self.sealed: list[SealedFrame] = []
        self.assembler = FrameAssembler(
            "gw-1",
            bytes(16),
            clock=self.clock,
            quality=lambda: ClockQuality.SYNCHRONISED,
            settings=FrameSettings(**settings),  # type: ignore[arg-type]
            sealed=self.sealed.append,
        )

    def add(self, rank: Rank, samples: int = 4) -> None:
        dtype = np.int16 if rank is Rank.WAVEFORM else np.float32
        self.assembler.add((Block(f"a.{rank.name.lower()}", 0, 10.0, np.zeros(samples, dtype)),), rank)

    def ranks(self) -> list[Rank]:
        return [frame.rank for frame in self.sealed]


def test_a_full_waveform_frame_takes_the_scalars_of_its_time_with_it_and_behind_them() -> None:
    bench = Bench(max_bytes=1_024)
    bench.add(Rank.WAVEFORM, 10)
    bench.add(Rank.SCALAR)
    bench.add(Rank.WAVEFORM, 600)
    assert bench.ranks() == [Rank.SCALAR, Rank.WAVEFORM]
    assert [frame.sequence for frame in bench.sealed] == [1, 2]
    assert sum(len(block) for block in decode_frame(bench.sealed[1].payload, "gw-1").blocks) == 610


def test_a_frame_is_sealed_when_its_first_reading_has_waited() -> None:
    bench = Bench(interval_s=1.0)
    bench.add(Rank.WAVEFORM)
    bench.clock.advance(NS_PER_S // 2)
    bench.add(Rank.SCALAR)
    bench.assembler.seal_due()
    assert bench.ranks() == []
    bench.clock.advance(NS_PER_S // 2)
    bench.assembler.seal_due()
    assert bench.ranks() == [Rank.SCALAR, Rank.WAVEFORM]
    bench.clock.advance(NS_PER_S)
    bench.assembler.seal_due()
    assert len(bench.sealed) == 2  # nothing new, nothing sent

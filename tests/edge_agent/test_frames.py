"""Frames: what is sealed together, in which order, and when."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from edge_agent.frame.assemble import FrameAssembler, FrameSettings, Rank, SealedFrame
from telltale.clock import NS_PER_S, ManualClock
from telltale.readings import Block, ClockQuality, RunEnd
from telltale.wire.codec import decode_frame


class Bench:
    def __init__(self, **settings: float) -> None:
        self.clock = ManualClock(1_000)
        self.sealed: list[SealedFrame] = []
        self.earlier: dict[bytes, tuple[RunEnd, ...]] = defaultdict(tuple)
        self.assembler = FrameAssembler(
            "gw-1",
            bytes(16),
            clock=self.clock,
            quality=lambda: ClockQuality.SYNCHRONISED,
            settings=FrameSettings(**settings),  # type: ignore[arg-type]
            sealed=self.sealed.append,
            earlier=lambda run_id: self.earlier[run_id],
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
    bench.assembler.seal_full()
    assert bench.ranks() == [Rank.SCALAR, Rank.WAVEFORM]
    assert [frame.sequence for frame in bench.sealed] == [1, 2]
    assert sum(len(block) for block in decode_frame(bench.sealed[1].payload, "gw-1").blocks) == 610


def test_a_frame_that_is_full_waits_for_the_rest_of_what_was_acquired_together() -> None:
    """Else its waveform would be judged before the temperature of its time: by how frames happened to be cut."""
    bench = Bench(max_bytes=1_024)
    bench.add(Rank.WAVEFORM, 600)
    assert bench.ranks() == []
    bench.add(Rank.SCALAR)
    bench.assembler.seal_full()
    assert bench.ranks() == [Rank.SCALAR, Rank.WAVEFORM]
    bench.add(Rank.WAVEFORM, 600)
    bench.add(Rank.WAVEFORM, 600)
    assert bench.ranks()[2:] == [Rank.WAVEFORM], "a long list is bounded"


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


def test_a_frame_names_the_earlier_runs_that_were_not_delivered_when_it_was_sealed() -> None:
    bench = Bench()
    ends = (RunEnd(b"a" * 16, 7), RunEnd(b"b" * 16, 2))
    bench.earlier[bytes(16)] = ends
    bench.add(Rank.SCALAR)
    bench.assembler.seal_all()
    bench.earlier[bytes(16)] = ends[1:]
    bench.add(Rank.SCALAR)
    bench.assembler.seal_all()
    bench.earlier[bytes(16)] = ()
    bench.add(Rank.SCALAR)
    bench.assembler.seal_all()
    assert [decode_frame(frame.payload, "gw-1").after for frame in bench.sealed] == [ends, ends[1:], ()]
    bench.earlier[b"b" * 16] = ends[:1]
    report = bench.assembler.report(b"b" * 16, 3, ())
    assert decode_frame(report.payload, "gw-1").after == ends[:1]

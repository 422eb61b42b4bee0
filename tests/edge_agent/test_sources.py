"""Sources through the pipeline: faults, silence, garbage; a live source against a full outbox."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from edge_agent.frame.assemble import FrameAssembler, FrameSettings
from edge_agent.outbox.box import Outbox, OutboxSettings
from edge_agent.reports import Reports
from edge_agent.settings import ChannelSettings
from edge_agent.sources.feed import Feed
from edge_agent.sources.replay import open_source
from edge_agent.window.calibrate import Calibration, calibrate
from edge_agent.window.pipeline import Pipeline
from telltale.backoff import FullJitter
from telltale.clock import NS_PER_S, DataClock, ManualClock
from telltale.errors import RetryError, SettingsError, UserError
from telltale.readings import Block, ClockQuality, Flag
from telltale.source import Chunk, Source, SourceContext
from telltale.wire.codec import decode_frame

RUN = b"r" * 16
WAVE = ChannelSettings(id="c.wave", source="s", input="wave", rate_hz=64.0, window_samples=64)
SCALAR = ChannelSettings(id="c.temp", source="s", input="temp")


class Bench:
    """Pipeline, assembler and outbox of one gateway, committed by hand."""

    def __init__(self, **bounds: int) -> None:
        self.reports = Reports()
        self.clock = ManualClock()
        self.outbox = Outbox(OutboxSettings(**bounds), self.reports)
        self.assembler = FrameAssembler(
            "gw",
            RUN,
            clock=self.clock,
            quality=lambda: ClockQuality.UNKNOWN,
            settings=FrameSettings(max_bytes=8_192),
            sealed=self.outbox.offer,
        )
        self.pipeline = Pipeline((WAVE, SCALAR), self.assembler, self.clock, self.reports)

    def feed(self, opens: Callable[[], Source]) -> Feed:
        backoff = FullJitter(0.01, 0.02, random.Random(1))
        return Feed("s", opens, self.pipeline, self.outbox, backoff=backoff, reports=self.reports)

    async def blocks(self) -> list[Block]:
        self.assembler.seal_all()
        assert await self.outbox._commit()
        found = []
        for frame, _ in await self.outbox.after(0, (1 << 63) - 1, 10_000):
            payload = await self.outbox.payload(frame)
            assert payload is not None
            found += decode_frame(payload, "gw").blocks
        return found


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(max_bytes=65_536)
    await bench.outbox.open(tmp_path, RUN)
    yield bench
    await bench.outbox.close()


class Played:
    """A shipped list of chunk lists; an exception in it is raised."""

    def __init__(self, lists: Sequence[Sequence[Chunk] | Exception], *, live: bool = False) -> None:
        self.live = live
        self.closed = 0
        self._lists = lists

    async def chunks(self) -> AsyncIterator[Sequence[Chunk]]:
        for item in self._lists:
            if isinstance(item, Exception):
                raise item
            yield item

    async def close(self) -> None:
        self.closed += 1


def wave(first: int, count: int) -> Chunk:
    return Chunk("wave", first * NS_PER_S // 64, 64.0, np.arange(first, first + count, dtype=np.int16))


def temperature(second: int, value: float) -> Chunk:
    return Chunk("temp", second * NS_PER_S, 0.0, np.array([value]), dt_ns=np.zeros(1, np.int64))


async def test_a_passing_fault_opens_the_source_again_and_nothing_is_lost(bench: Bench) -> None:
    sources = iter([Played([[wave(0, 100)], RetryError("bus is busy")]), Played([[wave(100, 60)]])])
    feed = bench.feed(lambda: next(sources))
    await feed.run()
    samples = np.concatenate([block.samples for block in await bench.blocks()])
    assert np.array_equal(samples, np.arange(160))
    assert feed.failure is None
    assert any("bus is busy" in line for line in bench.reports.errors())


@pytest.mark.parametrize("error", [ValueError("boom"), UserError("file.csv: line 9: garbage")])
async def test_a_source_that_fails_ends_alone_is_closed_and_keeps_what_it_gave(bench: Bench, error: Exception) -> None:
    source = Played([[wave(0, 10)], error])
    feed = bench.feed(lambda: source)
    await feed.run()
    assert feed.failure is error
    assert source.closed == 1
    assert sum(map(len, await bench.blocks())) == 10


@pytest.mark.parametrize("error", [ValueError("boom"), UserError("a chunk that breaks the contract")])
async def test_a_live_source_is_opened_again_after_any_fault(bench: Bench, error: Exception) -> None:
    sources = iter([Played([[wave(0, 100)], error], live=True), Played([[wave(100, 60)]], live=True)])
    feed = bench.feed(lambda: next(sources))
    await feed.run()
    assert sum(map(len, await bench.blocks())) == 160
    assert feed.failure is None
    assert any("opening it again" in line for line in bench.reports.errors())


async def test_live_readings_are_brought_to_the_time_of_the_frames_and_recorded_ones_are_not(bench: Bench) -> None:
    for live in (True, False):
        backoff = FullJitter(0.01, 0.02, random.Random(1))
        source = Played([[temperature(1, 2.0)]], live=live)
        feed = Feed(
            "s", lambda source=source: source, bench.pipeline, bench.outbox, backoff=backoff, reports=bench.reports,
            shift_ns=lambda: 7,
        )  # fmt: skip
        await feed.run()
    [block] = await bench.blocks()
    assert block.times_ns().tolist() == [NS_PER_S + 7, NS_PER_S]


async def test_an_input_that_no_channel_wants_is_said_once(bench: Bench) -> None:
    other = Chunk("other", 0, 1.0, np.zeros(3))
    await bench.feed(lambda: Played([[other], [other]])).run()
    assert [line for line in bench.reports.errors() if "'other'" in line] == [
        "source s: input 'other' is no [[channel]]: ignored"
    ]
    assert await bench.blocks() == []


async def test_readings_of_a_frame_become_one_block_with_their_times(bench: Bench) -> None:
    lists = [[temperature(second, second / 2)] for second in (5, 7, 6, 100)]
    await bench.feed(lambda: Played([*lists, [temperature(101, np.nan)]])).run()
    [block] = await bench.blocks()
    assert block.times_ns().tolist() == [s * NS_PER_S for s in (5, 7, 6, 100, 101)]
    assert np.array_equal(block.values(), [2.5, 3.5, 3.0, 50.0, np.nan], equal_nan=True)
    assert block.flag_array().tolist() == [0, 0, 0, 0, Flag.MISSING]


async def test_an_open_window_of_an_input_that_fell_silent_is_committed(bench: Bench) -> None:
    bench.pipeline.take("s", wave(0, 20))
    bench.pipeline.flush_silent()
    assert await bench.blocks() == []
    bench.clock.advance(60 * NS_PER_S)
    bench.pipeline.flush_silent()
    assert [len(block) for block in await bench.blocks()] == [20]
    assert [item.alive for item in bench.pipeline.health()] == [False, False]


async def test_a_live_source_never_waits_and_loses_the_oldest_waveforms_counted(bench: Bench) -> None:
    rng = np.random.default_rng(1)
    bench.outbox.may_drop = True
    noise = [Chunk("wave", i * NS_PER_S, 64.0, rng.integers(-30_000, 30_000, 64).astype(np.int16)) for i in range(900)]
    lists = [[chunk, temperature(second, float(second))] for second, chunk in enumerate(noise)]
    await bench.feed(lambda: Played(lists, live=True)).run()
    blocks = await bench.blocks()
    temperatures = np.concatenate([block.values() for block in blocks if block.channel == "c.temp"])
    assert np.array_equal(np.sort(temperatures), np.arange(900.0))
    kept = sorted(block.t0_ns // NS_PER_S for block in blocks if block.channel == "c.wave")
    assert kept == list(range(900 - len(kept), 900)), "the newest are kept"
    assert bench.outbox.dropped > 0
    assert await bench.outbox.report_drops(bench.assembler) == 1
    [*_, (last, _)] = await bench.outbox.after(0, (1 << 63) - 1, 10_000)
    payload = await bench.outbox.payload(last)
    assert payload is not None
    drops = decode_frame(payload, "gw").drops
    assert sum(drop.last - drop.first + 1 for drop in drops) == bench.outbox.dropped


def test_calibration_travels_beside_the_counts_and_a_polynomial_is_applied() -> None:
    chunk = Chunk("x", 0, 10.0, np.array([1, 2, 3], np.int16))
    linear = calibrate(chunk, "c", Calibration(id="cal-1", scale=0.5, offset=1.0))
    assert linear.samples.dtype == np.int16
    assert linear.values().tolist() == [1.5, 2.0, 2.5]
    curved = calibrate(chunk, "c", Calibration(id="cal-2", polynomial=(1.0, 0.0, 2.0)))
    assert curved.samples.tolist() == [3.0, 9.0, 19.0]
    assert (curved.scale, curved.calibration_id) == (1.0, "cal-2")


def test_what_is_not_finite_is_flagged_missing_even_if_the_source_forgot() -> None:
    block = calibrate(Chunk("x", 0, 1.0, np.array([1.0, np.inf, np.nan])), "c", Calibration(id="a"))
    assert block.flag_array().tolist() == [0, 1, 1]
    with pytest.raises(UserError, match="samples are int64"):
        calibrate(Chunk("x", 0, 1.0, np.arange(3)), "c", Calibration(id="a"))


def context(folder: Path) -> SourceContext:
    return SourceContext(DataClock(), folder, "edge.toml: source 'file'")


async def test_a_paced_replay_hands_over_all_rows_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,a\n" + "".join(f"{1_700_000_000 + i},{i}\n" for i in range(300)))
    source = open_source({"path": "a.csv", "speed": 1_000.0, "rows_per_chunk": 128}, context(tmp_path))
    chunks = [chunk async for chunks in source.chunks() for chunk in chunks]
    await source.close()
    assert np.array_equal(np.concatenate([chunk.samples for chunk in chunks]), np.arange(300.0))
    assert 3 < len(chunks) < 30


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"path": "a.csv", "sped": 1}, "unknown field"),
        ({"path": "a.csv", "rate_hz": 10.0}, "start: missing"),
        ({"path": "a.csv", "rate_hz": 10.0, "start": "soon"}, "'soon' is no time"),
        ({"path": "b.csv"}, "no such file"),
        ({"path": "a.csv", "columns": ["q"]}, "no column 'q': the file has time, a"),
    ],
)
def test_settings_of_a_replay_that_cannot_work(tmp_path: Path, settings: dict, said: str) -> None:
    (tmp_path / "a.csv").write_text("time,a\n1700000000,1\n")
    with pytest.raises(UserError, match=said):
        open_source(settings, context(tmp_path))


async def test_a_channel_that_wants_an_input_the_source_lacks_is_refused_at_the_start(
    bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("time,a\n1700000000,1\n")
    with pytest.raises(SettingsError, match="no input 'wave': it has a"):
        bench.feed(lambda: open_source({"path": "a.csv"}, context(tmp_path)))
    await asyncio.sleep(0)

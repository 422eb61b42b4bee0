"""Windows: whatever the chunking, every sample comes out once, in order, with its time and its flag."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.window.aligned import AlignedWindows
from edge_agent.window.slicing import cut, join_irregular, within_limits
from telltale.readings import Block, Flag, FlagSpan
from telltale.wire.codec import MAX_FLAG_SPANS

RATE_HZ = 128.0
WINDOW = 64
DURATION_NS = 500_000_000
SAMPLE_NS = 7_812_500
T0_NS = 1_800_000_000 * 10**9


def block(first: int, count: int, offset_ns: int = 0) -> Block:
    """Samples numbered from `first`; every 5th is flagged."""
    samples = np.arange(first, first + count, dtype=np.int32)
    flags = tuple(FlagSpan(i, 1, Flag.SUSPECT) for i in range(count) if (first + i) % 5 == 0)
    return Block("c", T0_NS + offset_ns + first * SAMPLE_NS, RATE_HZ, samples, flags=flags)


def played(chunks: list[Block]) -> list[Block]:
    windows = AlignedWindows(RATE_HZ, WINDOW)
    out = [window for chunk in chunks for window in windows.push(chunk)]
    return [*out, *windows.flush()]


sizes = st.lists(st.integers(1, 300), min_size=1, max_size=20)


@given(sizes, st.integers(0, 10 * WINDOW), st.integers(-SAMPLE_NS // 3, SAMPLE_NS // 3))
@settings(max_examples=300, deadline=None)
def test_no_sample_is_lost_or_doubled_for_any_chunking(sizes: list[int], start: int, offset_ns: int) -> None:
    chunks, first = [], start
    for size in sizes:
        chunks.append(block(first, size, offset_ns))
        first += size
    out = played(chunks)
    samples = np.concatenate([window.samples for window in out])
    assert np.array_equal(samples, np.arange(start, first))
    times = np.concatenate([window.times_ns() for window in out])
    assert np.array_equal(times, T0_NS + offset_ns + samples.astype(np.int64) * SAMPLE_NS)
    flagged = np.concatenate([window.flag_array() for window in out])
    assert np.array_equal(flagged == Flag.SUSPECT, samples % 5 == 0)
    assert all(len(window) <= max(WINDOW, *sizes) for window in out)


@given(sizes, st.integers(0, 3 * WINDOW))
@settings(max_examples=200, deadline=None)
def test_inner_windows_are_full_and_start_at_multiples_of_their_duration(sizes: list[int], start: int) -> None:
    chunks, first = [], start
    if sizes[0] == WINDOW:
        sizes = [WINDOW + 1, *sizes[1:]]  # a complete window passes unchanged: another test
    for size in sizes:
        chunks.append(block(first, size))
        first += size
    out = played(chunks)
    for window in out[1:-1]:
        assert len(window) == WINDOW
        assert window.t0_ns % DURATION_NS == 0


@given(st.lists(st.tuples(st.integers(1, 200), st.integers(-400, 400)), min_size=1, max_size=12))
@settings(max_examples=200, deadline=None)
def test_gaps_and_steps_back_cut_windows_but_lose_nothing(pieces: list[tuple[int, int]]) -> None:
    chunks, at, number = [], 1000, 0
    for size, gap in pieces:
        at += gap
        samples = np.arange(number, number + size, dtype=np.int32)
        chunks.append(Block("c", T0_NS + at * SAMPLE_NS, RATE_HZ, samples))
        at, number = at + size, number + size
    out = played(chunks)
    assert np.array_equal(np.concatenate([window.samples for window in out]), np.arange(number))
    want = np.concatenate([chunk.times_ns() for chunk in chunks])
    assert np.array_equal(np.concatenate([window.times_ns() for window in out]), want)


def test_a_complete_window_passes_unchanged_wherever_it_begins() -> None:
    for first in (3, 1000, 5001):
        given_window = block(first, WINDOW)
        assert played([given_window]) == [given_window]


def test_a_drifting_crystal_keeps_full_windows_and_is_brought_back_by_one_short_one() -> None:
    # 200 ppm fast: each chunk begins a little before the last one's end says, far less than half a sample.
    count, half = 2_000, WINDOW // 2
    step_ns = round(half * SAMPLE_NS * (1 - 200e-6))
    out = played([Block("c", T0_NS + i * step_ns, RATE_HZ, np.zeros(half, np.int32)) for i in range(count)])
    assert sum(map(len, out)) == count * half
    short = [window for window in out[1:-1] if len(window) != WINDOW]
    assert 0 < len(short) <= 5
    slips = [min(window.t0_ns % DURATION_NS, -window.t0_ns % DURATION_NS) for window in out[:-1]]
    assert max(slips) <= DURATION_NS / 8


def test_another_sample_type_or_calibration_begins_a_new_window() -> None:
    first = block(0, 10)
    second = Block("c", first.t0_ns + 10 * SAMPLE_NS, RATE_HZ, np.zeros(10, np.float32))
    assert [len(window) for window in played([first, second])] == [10, 10]


@given(st.integers(1, 400), st.integers(1, 60), st.booleans())
@settings(max_examples=100, deadline=None)
def test_pieces_within_limits_join_to_the_whole(count: int, most: int, irregular: bool) -> None:
    whole = block(0, count)
    if irregular:
        whole = join_irregular([whole, block(count + 7, 3)])
    pieces = list(within_limits(whole, most))
    assert all(len(piece) <= most for piece in pieces)
    assert np.array_equal(np.concatenate([piece.samples for piece in pieces]), whole.samples)
    assert np.array_equal(np.concatenate([piece.times_ns() for piece in pieces]), whole.times_ns())
    assert np.array_equal(np.concatenate([piece.flag_array() for piece in pieces]), whole.flag_array())


def test_more_flag_spans_than_the_wire_takes_split_the_block() -> None:
    count = 3 * MAX_FLAG_SPANS
    flags = tuple(FlagSpan(i, 1, Flag.MISSING) for i in range(0, count, 2))
    pieces = list(within_limits(Block("c", 0, 1.0, np.zeros(count), flags=flags)))
    assert len(pieces) > 1
    assert all(len(piece.flags) <= MAX_FLAG_SPANS for piece in pieces)
    assert sum(len(piece.flags) for piece in pieces) == len(flags)


@pytest.mark.parametrize(("start", "stop"), [(0, 5), (2, 7), (9, 10)])
def test_cut_keeps_times_of_irregular_samples(start: int, stop: int) -> None:
    dt = np.array([0, 3, 4, 9, 11, 30, 31, 40, 77, 80])
    whole = Block("c", 100, 0.0, np.arange(10.0), dt_ns=dt)
    part = cut(whole, start, stop)
    assert np.array_equal(part.times_ns(), whole.times_ns()[start:stop])

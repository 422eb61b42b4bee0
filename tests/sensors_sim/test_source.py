"""The source as an agent uses it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensors_sim.load import LoadSettings
from sensors_sim.source import open_source
from sensors_sim.truth import read_emitted, summary
from telltale.clock import NS_PER_HOUR, NS_PER_S, DataClock, ManualClock, SystemClock
from telltale.errors import SettingsError
from telltale.source import ENTRY_POINT_GROUP, Chunk, Source, SourceContext
from tests.sensors_sim.spans import START_NS, world


def _context(base: Path, clock: Any = None) -> SourceContext:
    return SourceContext(clock or DataClock(), base, "edge.toml: source 'site'")


async def _take(source: Source, count: int | None = None) -> list[Sequence[Chunk]]:
    """The first `count` lists of chunks, the last one taken over only if all are; then the source is closed."""
    taken: list[Sequence[Chunk]] = []
    async for chunks in source.chunks():
        taken.append(chunks)
        if len(taken) == count:
            break
    await source.close()
    return taken


def test_the_entry_point_leads_here() -> None:
    (entry,) = entry_points(group=ENTRY_POINT_GROUP, name="sim")
    assert entry.load() is open_source


async def test_a_day_is_24_lists_of_the_worlds_chunks_and_the_record_equals_them(tmp_path: Path) -> None:
    source = open_source({"scenario": "riverside", "days": 1, "truth_dir": "truth"}, _context(tmp_path))
    assert source.live is False
    taken = await _take(source)
    assert len(taken) == 24
    for tick, chunks in enumerate(taken):
        for ours, theirs in zip(chunks, world("riverside", days=1).chunks(tick), strict=True):
            np.testing.assert_array_equal(ours.samples, theirs.samples)
    emitted = list(read_emitted(tmp_path / "truth"))
    assert [tick.chunks for tick in emitted] == [tuple(map(summary, chunks)) for chunks in taken]
    assert [tick.tick for tick in emitted] == list(range(24))


async def test_the_record_is_never_behind(tmp_path: Path) -> None:
    source = open_source({"days": 1, "truth_dir": "truth"}, _context(tmp_path))
    seen = 0
    async for _ in source.chunks():
        seen += 1
        assert len(list(read_emitted(tmp_path / "truth"))) == seen
    await source.close()
    await source.close()


async def test_opened_again_it_goes_on_with_the_hour_that_may_not_have_been_taken_over(tmp_path: Path) -> None:
    settings = {"days": 1, "truth_dir": "truth", "speed": 0.0}
    first = await _take(open_source(settings, _context(tmp_path)), 10)
    second = await _take(open_source({**settings, "speed": 1e9}, _context(tmp_path)))
    assert len(first) + len(second) == 25
    for ours, theirs in zip(first[-1], second[0], strict=True):
        np.testing.assert_array_equal(ours.samples, theirs.samples)
    assert [tick.tick for tick in read_emitted(tmp_path / "truth")] == list(range(24))


async def test_speed_sets_how_long_an_hour_takes(tmp_path: Path) -> None:
    clock = SystemClock()
    begun_ns = clock.monotonic_ns()
    await _take(open_source({"days": 1, "speed": 3600 / 0.02}, _context(tmp_path, clock)))
    assert clock.monotonic_ns() - begun_ns >= 23 * 0.02 * NS_PER_S


async def test_a_start_within_an_hour_moves_to_the_next_whole_hour(tmp_path: Path) -> None:
    taken = await _take(open_source({"days": 1, "start": "2025-11-14T23:20:00"}, _context(tmp_path)), 1)
    assert taken[0][0].t0_ns == START_NS
    zoned = await _take(open_source({"days": 1, "start": "2025-11-15T01:00:00+01:00"}, _context(tmp_path)), 1)
    assert zoned[0][0].t0_ns == START_NS


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"scenario": "earthquake"}, "unknown scenario 'earthquake': expected one of .*healthy.*load.*riverside"),
        ({"scenari": "healthy"}, "unknown field `scenari`"),
        ({"days": 0}, "days: Expected `int` >= 1"),
        ({"speed": -1.0}, "speed: Expected `float` >= 0.0"),
        ({"seed": "one"}, "seed: Expected `int`, got `str`"),
        ({"start": "mid-november"}, "start: 'mid-november' is no date: write it as 2025-11-15"),
        ({"start": "1960-01-01"}, "start: '1960-01-01' is out of range"),
        ({"scenario": "load", "days": 3}, "unknown field `days`"),
        ({"scenario": "load", "sensors": 0}, "sensors: Expected `int` >= 1"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(
    tmp_path: Path, settings: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(SettingsError, match=rf"edge\.toml: source 'site': .*{complaint}"):
        open_source(settings, _context(tmp_path))


async def test_a_load_hands_over_every_channel_without_a_gap(tmp_path: Path) -> None:
    settings = {"scenario": "load", "sensors": 2, "seconds": 40.0, "speed": 0.0, "truth_dir": "truth"}
    source = open_source(settings, _context(tmp_path, ManualClock(START_NS)))
    taken = await _take(source)
    assert len(taken) == 40
    assert [chunk.input for chunk in taken[0]] == [f"load.s0{n}.{axis}" for n in (0, 1) for axis in "xyz"]
    assert [chunks[0].t0_ns for chunks in taken] == [START_NS + n * NS_PER_S for n in range(40)]
    emitted = list(read_emitted(tmp_path / "truth"))
    assert [tick.chunks for tick in emitted] == [tuple(map(summary, chunks)) for chunks in taken]


async def test_a_load_has_the_declared_noise_and_no_seam(tmp_path: Path) -> None:
    settings = {"scenario": "load", "sensors": 1, "seconds": 32.0, "speed": 0.0, "noise_counts": 20.0}
    taken = await _take(open_source(settings, _context(tmp_path)))
    assert taken[0][0].t0_ns == START_NS  # a data clock has no time before the first reading
    signal = np.concatenate([chunks[0].samples for chunks in taken]).astype(float)
    spectrum = np.abs(np.fft.rfft(signal[:16_000])) / 16_000
    tones = np.argsort(spectrum)[-3:] / 16.0
    np.testing.assert_allclose(np.sort(tones), [2.6, 9.7, 21.3], atol=1 / 16)
    quiet = np.flatnonzero(spectrum < 10.0)
    noise = np.sqrt(2 * (spectrum[quiet] ** 2).sum())
    assert noise == pytest.approx(20.0, rel=0.03)
    assert np.abs(np.diff(signal[15_990:16_010])).max() < 6 * 20.0


async def test_a_load_in_real_time_waits_for_the_last_sample(tmp_path: Path) -> None:
    settings = {"scenario": "load", "sensors": 1, "rate_hz": 1000.0, "chunk_samples": 50, "seconds": 0.25}
    clock = SystemClock()
    source = open_source(settings, _context(tmp_path, clock))
    begun_ns = clock.monotonic_ns()
    assert len(await _take(source)) == 5
    assert clock.monotonic_ns() - begun_ns >= 0.25 * NS_PER_S


def test_load_channels_are_named_by_sensor_and_axis() -> None:
    assert len(LoadSettings(sensors=8).channels) == 24
    assert LoadSettings(sensors=8).channels[-1] == "load.s07.z"
    assert LoadSettings(seconds=3600.0).ticks == NS_PER_HOUR // NS_PER_S

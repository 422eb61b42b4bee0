"""What every source of the entry-point group keeps: a new one is tested by being registered and given a case here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from telltale.clock import NS_PER_S, DataClock
from telltale.errors import SettingsError, UserError
from telltale.readings import SAMPLE_DTYPES, Block, Flag
from telltale.source import ENTRY_POINT_GROUP, Chunk, NamesInputs, Source, SourceContext

KINDS = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
LISTS = 60  # a source may be endless


@dataclass
class Case:
    """A settings table that works.

    Attributes:
        kind: the registered source.
        settings: its table.
        unusable: what to change so that the table names a file or folder that cannot be used.
        gaps: whether the readings have missing ones.
    """

    kind: str
    settings: dict[str, Any]
    unusable: dict[str, Any]
    gaps: bool = False


def _replay(folder: Path) -> Case:
    rows = "".join(
        f"2026-01-01 {hour:02d}:00:00,{0.1 * hour:.1f},{'NAN' if hour == 5 else hour}\n" for hour in range(24)
    )
    (folder / "logger.csv").write_text(f"time,width,air\n{rows}", encoding="utf-8")
    return Case("replay", {"path": "logger.csv", "rows_per_chunk": 7}, {"path": "gone.csv"}, gaps=True)


def _replay_waveform(folder: Path) -> Case:
    np.savez(folder / "shock.npz", az=np.sin(np.arange(5_000) / 7.0).astype(np.float32))
    table = {"path": "shock.npz", "rate_hz": 100.0, "start": "2026-01-01T00:00:00Z"}
    return Case("replay", table, {"path": "gone.npz"})


def _sim(folder: Path) -> Case:
    (folder / "taken").write_text("a file where a folder should be", encoding="utf-8")
    return Case("sim", {"days": 2, "truth_dir": "truth"}, {"truth_dir": "taken"})


def _sim_load(folder: Path) -> Case:
    (folder / "taken").write_text("a file where a folder should be", encoding="utf-8")
    table = {"scenario": "load", "sensors": 2, "start": "2026-01-01", "speed": 0.0, "seconds": 30.0}
    return Case("sim", table, {"truth_dir": "taken"})


CASES: dict[str, Callable[[Path], Case]] = {
    "replay": _replay,
    "replay-waveform": _replay_waveform,
    "sim": _sim,
    "sim-load": _sim_load,
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    return CASES[request.param](tmp_path)


def opened(case: Case, folder: Path, **changes: Any) -> Source:
    context = SourceContext(DataClock(), folder, "edge.toml: source 'contract'")
    return KINDS[case.kind].load()({**case.settings, **changes}, context)


async def taken(source: Source) -> list[Sequence[Chunk]]:
    lists: list[Sequence[Chunk]] = []
    async with contextlib.aclosing(source.chunks()) as chunks:  # type: ignore[type-var]
        async for item in chunks:
            lists.append(item)
            if len(lists) == LISTS:
                break
    return lists


def block_of(chunk: Chunk) -> Block:
    return Block(chunk.input, chunk.t0_ns, chunk.rate_hz, chunk.samples, flags=chunk.flags, dt_ns=chunk.dt_ns)


def test_every_source_has_a_case(tmp_path: Path) -> None:
    assert {make(tmp_path).kind for make in CASES.values()} == set(KINDS)


async def test_chunks_are_well_formed(case: Case, tmp_path: Path) -> None:
    source = opened(case, tmp_path)
    lists = await taken(source)
    assert lists
    for chunk in (chunk for item in lists for chunk in item):
        assert chunk.samples.ndim == 1
        assert chunk.samples.size
        assert chunk.samples.dtype.name in SAMPLE_DTYPES
        assert (chunk.dt_ns is None) == (chunk.rate_hz > 0)
        if chunk.dt_ns is not None:
            assert chunk.dt_ns.dtype == np.int64
            assert chunk.dt_ns.shape == chunk.samples.shape
        assert all(0 <= span.start < span.start + span.count <= chunk.samples.size for span in chunk.flags)
    await source.close()


async def test_what_is_nan_is_flagged_missing(case: Case, tmp_path: Path) -> None:
    source = opened(case, tmp_path)
    missing = 0
    for chunk in (chunk for item in await taken(source) for chunk in item):
        if chunk.samples.dtype.kind == "f":
            nan = np.isnan(chunk.samples)
            missing += int(nan.sum())
            assert np.all(block_of(chunk).flag_array()[nan] & Flag.MISSING)
    assert missing or not case.gaps
    await source.close()


async def test_times_ascend_for_each_input(case: Case, tmp_path: Path) -> None:
    source = opened(case, tmp_path)
    newest: dict[str, int] = {}
    for chunk in (chunk for item in await taken(source) for chunk in item):
        times = block_of(chunk).times_ns()
        assert np.all(np.diff(times) > 0)
        assert times[0] > newest.get(chunk.input, -(2**62))
        assert abs(times[0]) < 2**61, "a time in nanoseconds that leaves room to add to"
        newest[chunk.input] = int(times[-1])
    assert all(times_ns > NS_PER_S for times_ns in newest.values())
    await source.close()


async def test_a_source_that_names_its_inputs_names_them_all(case: Case, tmp_path: Path) -> None:
    source = opened(case, tmp_path)
    given = {chunk.input for item in await taken(source) for chunk in item}
    if isinstance(source, NamesInputs):
        assert given <= set(source.inputs)
    await source.close()


async def test_close_twice_read_or_not(case: Case, tmp_path: Path) -> None:
    untouched, read = opened(case, tmp_path), opened(case, tmp_path)
    await taken(read)
    for source in (untouched, read):
        await source.close()
        await source.close()


def test_an_unknown_key_is_named(case: Case, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="colour") as caught:
        opened(case, tmp_path, colour="blue")
    assert "edge.toml" in str(caught.value)


def test_a_file_that_cannot_be_used_is_the_users_error(case: Case, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=str(next(iter(case.unusable.values())))):
        opened(case, tmp_path, **case.unusable)

"""The record of what was handed over: never behind, never twice, and it goes on after a crash."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sensors_sim.truth import EMITTED_FILE, TRUTH_FILE, TruthWriter, read_emitted, summary
from telltale.errors import SettingsError
from telltale.readings import Flag, FlagSpan
from telltale.source import Chunk

TRUTH = {"scenario": "healthy", "seed": 1}


def _chunk(tick: int) -> Chunk:
    return Chunk("a", tick * 1000, 2.0, np.array([1, 2, tick], dtype=np.int16))


def _ticks(folder: Path) -> list[int]:
    return [tick.tick for tick in read_emitted(folder)]


def test_a_summary_leaves_missing_samples_out_of_the_sum() -> None:
    floats = Chunk("a", 5, 0.5, np.array([0.1, np.nan, 0.3], dtype=np.float32), (FlagSpan(1, 1, Flag.MISSING),))
    kept = summary(floats)
    assert (kept.input, kept.t0_ns, kept.rate_hz, kept.count, kept.missing) == ("a", 5, 0.5, 3, 1)
    assert kept.sum == float(np.float32(0.1)) + float(np.float32(0.3))
    counts = Chunk("a", 5, 1.0, np.array([30_000, 0, 30_000], dtype=np.int16), (FlagSpan(1, 1, Flag.MISSING),))
    assert (summary(counts).sum, summary(counts).missing) == (60_000.0, 1)


def test_a_tick_can_be_read_as_soon_as_it_is_recorded(tmp_path: Path) -> None:
    writer = TruthWriter(tmp_path, TRUTH, "edge.toml")
    for tick in range(3):
        writer.record(tick, [_chunk(tick)])
        assert _ticks(tmp_path) == list(range(tick + 1))
    writer.close()
    writer.close()


def test_another_process_goes_on_and_repeats_nothing(tmp_path: Path) -> None:
    first = TruthWriter(tmp_path, TRUTH, "edge.toml")
    for tick in range(3):
        first.record(tick, [_chunk(tick)])
    first.close()
    second = TruthWriter(tmp_path, TRUTH, "edge.toml")
    assert second.last_tick == 2
    for tick in (2, 3):
        second.record(tick, [_chunk(tick)])
    second.close()
    assert _ticks(tmp_path) == [0, 1, 2, 3]


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_line_that_a_crash_cut_short_is_dropped_and_written_again(tmp_path: Path, cut: int) -> None:
    writer = TruthWriter(tmp_path, TRUTH, "edge.toml")
    writer.record(0, [_chunk(0)])
    writer.record(1, [_chunk(1)])
    writer.close()
    path = tmp_path / EMITTED_FILE
    path.write_bytes(path.read_bytes()[:-cut])
    assert _ticks(tmp_path) == [0]
    again = TruthWriter(tmp_path, TRUTH, "edge.toml")
    assert again.last_tick == 0
    again.record(1, [_chunk(1)])
    again.close()
    assert _ticks(tmp_path) == [0, 1]


def test_a_folder_with_another_run_is_refused(tmp_path: Path) -> None:
    TruthWriter(tmp_path, TRUTH, "edge.toml").close()
    with pytest.raises(SettingsError, match=r"edge\.toml: truth_dir: .*another run.*empty folder"):
        TruthWriter(tmp_path, {**TRUTH, "seed": 2}, "edge.toml")
    (tmp_path / TRUTH_FILE).unlink()
    with pytest.raises(SettingsError, match=r"emitted\.jsonl without truth\.json"):
        TruthWriter(tmp_path, TRUTH, "edge.toml")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"truth_dir: .*file/truth cannot be written"):
        TruthWriter(tmp_path / "file" / "truth", TRUTH, "edge.toml")

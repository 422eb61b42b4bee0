"""`telltale sim`: files that read back as what was simulated."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from sensors_sim.command import sim
from sensors_sim.scenarios import SCENARIOS
from sensors_sim.truth import read_emitted
from telltale.cli import main
from telltale.loggerfile import ReadOptions, open_logger_file
from tests.sensors_sim.spans import START_NS, world


def test_list_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert sim(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == sorted(SCENARIOS)


def test_files_hold_the_readings_and_their_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert sim(["--scenario", "riverside", "--days", "62", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "simulated span: 62 days, 1488 hours" in said.out
    assert "duty cycle 0.2844%: footbridge.midspan.az" in said.out
    assert said.err.splitlines()[-1] == "100 % (1488 of 1488 hours)"
    site = world("riverside", days=62)
    _check_table(out, site, "tunnel-lining", "tunnel.wall.crack")
    _check_table(out, site, "dam-gallery", "dam.gallery.temp")
    with np.load(out / "footbridge.quarter.az.npz", allow_pickle=False) as windows:
        assert windows["samples"].dtype == np.int16
        assert (float(windows["rate_hz"]), float(windows["scale"]), str(windows["unit"])) == (100.0, 0.0005, "m/s2")
        for tick in (0, 700, 1487):
            chunk = site.chunk("footbridge.quarter.az", tick)
            np.testing.assert_array_equal(windows["samples"][tick], chunk.samples)
            assert windows["t0_ns"][tick] == chunk.t0_ns
    assert json.loads((out / "truth.json").read_text()) == json.loads(json.dumps(site.truth()))
    assert sum(1 for _ in read_emitted(out)) == 1488


def _check_table(out: Path, site: object, structure: str, channel: str) -> None:
    with (out / f"{structure}.csv").open() as file:
        rows = list(csv.DictReader(file))
    expected = np.concatenate([site.chunk(channel, tick).samples for tick in range(1488)])  # type: ignore[attr-defined]
    read = np.array([float(row[channel]) if row[channel] else np.nan for row in rows], dtype=np.float32)
    np.testing.assert_array_equal(read, expected)
    times = [datetime.fromisoformat(row["time"]).timestamp() for row in rows]
    np.testing.assert_array_equal(times, START_NS / 1e9 + 1800.0 * np.arange(2976))


def test_tables_are_read_by_the_product_with_their_gaps(tmp_path: Path) -> None:
    sim(["--scenario", "riverside", "--days", "62", "--out", str(tmp_path / "out")])
    reader = open_logger_file(tmp_path / "out" / "tunnel-lining.csv", ReadOptions(time="time"))
    read = np.concatenate([rows.values[rows.names.index("tunnel.wall.crack")] for rows in reader.rows(1024)])
    emitted = [chunk for tick in read_emitted(tmp_path / "out") for chunk in tick.chunks]
    assert read.size == 2976
    assert np.isnan(read).sum() == sum(chunk.missing for chunk in emitted if chunk.input == "tunnel.wall.crack") > 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--out is missing"),
        (["--scenario", "flood", "--out", "x"], "unknown scenario 'flood': expected one of bearing_settlement"),
        (["--scenario", "load", "--out", "x"], "--scenario load"),
        (["--days", "0", "--out", "x"], "days: Expected `int` >= 1"),
        (["--start", "soon", "--out", "x"], "start: 'soon' is no date"),
        (["--out", "."], "not empty"),
        (["--out", "file/out"], "--out file/out: cannot be written"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    complaint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert main(["sim", *arguments]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert complaint in said.err
    assert said.out == ""

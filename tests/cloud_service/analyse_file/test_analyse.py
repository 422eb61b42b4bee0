"""`telltale analyse` as a user calls it: one JSON object, a summary, a picture, and one clear line for a mistake."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from telltale.cli import main
from tests.models.gallery import Body, Growth, recording

HEADER = "time,width,air\n"


def write_crack(path: Path, days: int, grows: Growth | None = None, spoil=None) -> Path:
    _, width, lagged_c = recording(1, days, Body(noise=0.002, per_c=-0.006), grows)
    columns = {"width": width, "air": lagged_c[:, 0]}
    if spoil is not None:
        spoil(columns)
    start = np.datetime64("2024-03-01T00:00:00")
    lines = [
        f"{start + np.timedelta64(hour, 'h')},{w if np.isfinite(w) else 'NAN'},{c:.3f}"
        for hour, (w, c) in enumerate(zip(columns["width"], columns["air"], strict=True))
    ]
    path.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(capsys, *args) -> tuple[int, str, str]:
    status = main(["analyse", *map(str, args)])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


CRACK = ("--time", "time", "--value", "width", "--temperature", "air", "--kind", "crack")


def test_json_is_one_object_with_every_field(tmp_path, capsys):
    path = write_crack(tmp_path / "a.csv", 60)
    status, out, err = run(capsys, path, *CRACK, "--limit", 1.0, "--json")
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert found["rows"] == 60 * 24
    assert found["quality"] == []
    assert found["anomalies"] == []
    low, high = found["interval_per_year"]
    assert low <= found["trend_per_year"] <= high
    assert low <= 0 <= high
    assert found["temperature_effect_per_c"] == pytest.approx(-0.006, rel=0.3)
    assert found["life"]["refused"] == "no_trend"


def test_growth_is_an_anomaly_and_life_has_dates(tmp_path, capsys):
    path = write_crack(tmp_path / "a.csv", 100, Growth(onset=40, rate=1.0, acceleration=4.0))
    status, out, _ = run(capsys, path, *CRACK, "--limit", 0.9, "--json")
    found = json.loads(out)
    assert status == 0
    assert "crack_trend" in {one["reason"] for one in found["anomalies"]}
    life = found["life"]
    assert "2024-06-09" < life["p10"] <= life["p50"] <= life["p90"]


def test_sensor_faults_are_flagged_with_their_spans(tmp_path, capsys):
    def spoil(columns):
        columns["air"][24 * 10 : 24 * 30] = -150.0 + np.arange(480) % 7
        columns["width"][24 * 40 : 24 * 50] = columns["width"][24 * 40]

    status, out, _ = run(capsys, write_crack(tmp_path / "a.csv", 60, None, spoil), *CRACK, "--json")
    assert status == 0
    flags = {(one["flag"], one["column"]): (one["from"], one["to"]) for one in json.loads(out)["quality"]}
    began, ended = flags["sensor_range", "air"]
    assert began == "2024-03-11T00:00:00Z"
    assert "2024-03-30" < ended < "2024-04-02"
    assert flags["sensor_stuck", "width"][0].startswith("2024-04-1")


def test_the_summary_is_readable_and_the_picture_is_written(tmp_path, capsys):
    path = write_crack(tmp_path / "a.csv", 40)
    status, out, err = run(capsys, path, *CRACK, "--plot", tmp_path / "a.png")
    assert (status, err) == (0, "")
    for word in ("960 rows", "Quality: no sensor fault found", "Trend: ", "Life: refused, no_limit"):
        assert word in out
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_strain_by_rate_counts_cycles(tmp_path, capsys):
    load = 300 * np.sin(2 * np.pi * np.arange(10_000) / 100)
    path = tmp_path / "strain.csv"
    path.write_text("strain\n" + "\n".join(f"{value:.6f}" for value in load) + "\n", encoding="utf-8")
    args = (path, "--rate-hz", 100, "--value", "strain", "--kind", "strain", "--detail-category", 71)
    status, out, _ = run(capsys, *args, "--json")
    found = json.loads(out)
    assert status == 0
    assert found["rows"] == 10_000
    assert found["fatigue"]["cycles"] == pytest.approx(100, abs=0.51)
    assert found["fatigue"]["range_max_mpa"] == pytest.approx(126, rel=1e-3)
    assert found["fatigue"]["damage"] == pytest.approx(100 / (2e6 * (71 / 126) ** 3), rel=0.02)
    assert found["life"]["refused"] == "insufficient_history"


def test_slow_vibration_levels_are_readings_not_waveforms(tmp_path, capsys):
    path = tmp_path / "rms.csv"
    values = 1 + 0.01 * np.random.default_rng(0).normal(size=200)
    start = np.datetime64("2024-03-01T00:00:00")
    rows = [f"{start + np.timedelta64(10 * i, 'm')},{value:.5f}" for i, value in enumerate(values)]
    path.write_text("time,rms\n" + "\n".join(rows) + "\n", encoding="utf-8")
    args = (path, "--time", "time", "--value", "rms", "--kind", "vibration", "--limit", 1.2, "--json")
    status, out, _ = run(capsys, *args)
    assert status == 0
    assert json.loads(out)["anomalies"] == []


def test_stamps_out_of_order_are_sorted_and_said(tmp_path, capsys):
    path = write_crack(tmp_path / "a.csv", 20)
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[5], lines[6] = lines[6], lines[5]
    path.write_text("\n".join([*lines, lines[10]]) + "\n", encoding="utf-8")
    status, out, _ = run(capsys, path, *CRACK)
    assert status == 0
    assert "steps back" in out
    assert "repeat" in out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--time", "time", "--value", "gap", "--kind", "crack"), ("'gap'", "width, air")),
        (("--time", "when", "--value", "width", "--kind", "crack"), ("'when'",)),
        (("--time", "time", "--value", "width", "--kind", "tilt"), ("--kind", "'tilt'")),
        (("--value", "width", "--kind", "crack"), ("--time", "--rate-hz")),
        (("--rate-hz", "-5", "--value", "width", "--kind", "strain"), ("--rate-hz", "above 0")),
        (("--time", "time", "--value", "width", "--kind", "crack", "--plot", "a.pdf"), ("a.pdf", ".png")),
        (("--time", "time", "--value", "width", "--kind", "crack", "--plot", "/nowhere/a.png"), ("no such folder",)),
        (("--time", "time", "--value", "width", "--kind", "crack", "--detail-category", "71"), ("--kind strain",)),
        (
            ("--time", "time", "--value", "width", "--kind", "strain", "--detail-category", "weld"),
            ("--detail-category", "'weld'", "stiffener_50"),
        ),
        (("--time", "time", "--value", "width", "--kind", "strain", "--detail-category", "-3"), ("MPa above 0",)),
        (("--time", "time", "--value", "width", "--kind", "crack", "--limit", "wide"), ("--limit", "'wide'")),
    ],
)
def test_a_mistake_is_one_line_and_status_2(tmp_path, capsys, args, words):
    path = write_crack(tmp_path / "a.csv", 3)
    status, out, err = run(capsys, path, *args)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    for word in words:
        assert word in err


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02 no table", b"time,width\nyesterday,1\n", b"time,width\n"])
def test_a_file_that_cannot_be_read(tmp_path, capsys, content):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    status, out, err = run(capsys, path, "--time", "time", "--value", "width", "--kind", "crack")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "bad.csv" in err


def test_no_file(tmp_path, capsys):
    status, _, err = run(capsys, tmp_path / "none.csv", *CRACK)
    assert status == 2
    assert "none.csv" in err


@pytest.mark.data
@pytest.mark.skipif("TELLTALE_DATA" not in os.environ, reason="TELLTALE_DATA names no folder of recordings")
def test_zion_from_the_command_line(capsys):
    path = Path(os.environ["TELLTALE_DATA"]) / "crackmeter_zion" / "zion_eng_data_20200130_0830.csv"
    stamp = ("--time", "TIMESTAMP", "--kind", "crack", "--json")
    _, upper, _ = run(capsys, path, *stamp, "--value", "Disp_Upper", "--temperature", "TT_Upper", "--limit", 45)
    found = json.loads(upper)
    low, high = found["interval_per_year"]
    assert low <= -6.2 < -3.6 <= high < 0
    assert found["life"]["refused"] == "insufficient_history"
    _, control, _ = run(capsys, path, *stamp, "--value", "Disp_CTRL", "--temperature", "TT_CTRL", "--limit", 60)
    found = json.loads(control)
    assert {"sensor_derived", "sensor_dropouts"} <= {one["flag"] for one in found["quality"]}
    assert ("sensor_range", "TT_CTRL") in {(one["flag"], one["column"]) for one in found["quality"]}
    assert found["anomalies"] == []
    assert found["life"]["refused"] == "sensor_fault"
    assert (found["rows"], found["missing"]) == (8029, 722)

"""Logger files: TOA5, CSV and npz, as they are found in the field."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from telltale.errors import UserError
from telltale.loggerfile import ReadOptions, open_logger_file, read_logger_file

TOA5 = """"TOA5","Pine Creek","CR6","1","x","CPU:p.CR6","1","eng"
"TIMESTAMP","RECORD","Disp","State"
"TS","RN","mm",""
"","","Smp","Smp"
"2026-01-01 00:00:00",0,77.5,"ok"
"2026-01-01 00:15:00",1,"NAN","ok"
"2026-01-01 00:30:00",2,"INF","ok"
"""
JAN_1 = np.datetime64("2026-01-01", "ns").astype(np.int64)
S = 1_000_000_000


def file(folder: Path, text: str, name: str = "log.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def times(path: Path, **how: object) -> list[float]:
    return [(int(t) - int(JAN_1)) / S for t in read_logger_file(path, **how).times_ns]  # type: ignore[arg-type]


def test_toa5_units_missing_values_and_text_columns(tmp_path: Path) -> None:
    recording = read_logger_file(file(tmp_path, TOA5, "log.dat"))
    assert list(recording.columns) == ["RECORD", "Disp"]
    assert recording.column("Disp").unit == "mm"
    assert np.array_equal(recording.column("Disp").values, [77.5, np.nan, np.nan], equal_nan=True)
    assert [(t - JAN_1) / S for t in recording.times_ns] == [0, 900, 1800]
    assert recording.notes == ("left out, no numbers: State",)


@pytest.mark.parametrize(
    ("stamps", "seconds"),
    [
        (["2026-01-01T00:00:00Z", "2026-01-01T00:00:01.5Z"], [0, 1.5]),
        (["2026-01-01 01:00:00+01:00", "2026-01-01 01:00:02+0100"], [0, 2]),
        (["2025-12-31 19:00:00-05:00", "2025-12-31 19:00:01-05:00"], [0, 1]),
        (["1767225600", "1767225600.25"], [0, 0.25]),
        (["1767225600000", "1767225600500"], [0, 0.5]),
        (["1767225600000000", "1767225600000001"], [0, 1e-6]),
        (["1767225600000000000", "1767225600000000001"], [0, 1e-9]),
    ],
)
def test_time_styles(tmp_path: Path, stamps: list[str], seconds: list[float]) -> None:
    path = file(tmp_path, "time,a\n" + "".join(f"{stamp},1\n" for stamp in stamps))
    assert times(path) == seconds


def test_a_zone_of_the_logger_and_seconds_from_a_start(tmp_path: Path) -> None:
    local = file(tmp_path, "when,a\n2026-01-01 02:00:00,1\n", "local.csv")
    assert times(local, utc_offset_h=2.0) == [0]
    relative = file(tmp_path, "time_s,a\n0,1\n0.01,2\n", "relative.csv")
    assert times(relative, start_ns=int(JAN_1)) == [0, 0.01]
    assert times(relative, start_ns=int(JAN_1), rate_hz=2.0) == [0, 0.5]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("\ufefftime,Temp (°C)\n2026-01-01 00:00:00,1.25\n2026-01-01 00:00:01,\n", "utf-8"),
        ("time;Temp (°C)\n2026-01-01 00:00:00;1,25\n\n2026-01-01 00:00:01;\n", "utf-8"),
        ("time;Temp (°C)\r\n2026-01-01 00:00:00;1,25\r\n2026-01-01 00:00:01;n/a\r\n", "cp1252"),
        ("time\tTemp (°C)\n2026-01-01 00:00:00\t1.25\n2026-01-01 00:00:01\tnull\n", "utf-8"),
        ('"time","Temp (°C)"\n"2026-01-01 00:00:00","1.25"\n"2026-01-01 00:00:01","NaN"\n', "utf-8"),
    ],
)
def test_csv_dialects(tmp_path: Path, text: str, encoding: str) -> None:
    recording = read_logger_file(file(tmp_path, text, encoding=encoding))
    column = recording.column("Temp (°C)")
    assert column.unit == "°C"
    assert np.array_equal(column.values, [1.25, np.nan], equal_nan=True)


def test_a_file_without_header_is_read_by_column_number(tmp_path: Path) -> None:
    recording = read_logger_file(file(tmp_path, "-0.001\n-0.002\n"), rate_hz=10.0)
    assert recording.column("column1").values.tolist() == [-0.001, -0.002]


def test_repeated_and_backward_stamps_are_reported(tmp_path: Path) -> None:
    seconds = [0, 1, 1, 5, 2, 6]
    path = file(tmp_path, "time,a\n" + "".join(f"2026-01-01 00:00:0{s},{s}\n" for s in seconds))
    recording = read_logger_file(path)
    assert recording.duplicate_rows.tolist() == [2]
    assert recording.backward_rows.tolist() == [4]
    assert len(recording.notes) == 2
    assert recording.column("a").values.tolist() == seconds


def test_a_last_line_that_is_cut_off_is_left_out_and_said(tmp_path: Path) -> None:
    recording = read_logger_file(file(tmp_path, "time,a,b\n2026-01-01 00:00:00,1,2\n2026-01-01 00:0"))
    assert recording.rows == 1
    assert recording.notes == ("line 3 is cut off (end of the file): left out",)


def test_npz_arrays_of_different_length_keep_their_type_when_streamed(tmp_path: Path) -> None:
    path = tmp_path / "log.npz"
    rng = np.random.default_rng(1)
    a, b = rng.integers(-9, 9, 5000).astype(np.int16), rng.normal(size=(1, 300)).astype(np.float32)
    np.savez_compressed(path, a=a, b=b, c=np.zeros((3, 3)), when=np.arange(300) / 10)
    options = ReadOptions(rate_hz=100.0, columns=("a", "b"), start_ns=int(JAN_1))
    reader = open_logger_file(path, options)
    parts = list(reader.rows(512))
    assert np.array_equal(np.concatenate([rows.values[0] for rows in parts if rows.names == ("a",)]), a)
    assert {rows.values[0].dtype.name for rows in parts} == {"int16", "float32"}
    assert [rows.names[0] for rows in parts[:3]] == ["a", "b", "a"]
    recording = read_logger_file(path, time="when", columns=("b",))
    assert np.array_equal(recording.column("b").values, b[0].astype(float))
    assert (recording.times_ns[1] - recording.times_ns[0]) == S // 10


@pytest.mark.parametrize("rows", [1, 3, 7, 10_000])
def test_streaming_gives_the_same_whatever_the_chunk(tmp_path: Path, rows: int) -> None:
    text = "time,a\n" + "".join(f"2026-01-01 00:00:{i:02d},{i}\n\n" for i in range(20))
    reader = open_logger_file(file(tmp_path, text))
    assert np.concatenate([part.values[0] for part in reader.rows(rows)]).tolist() == list(range(20))


@pytest.mark.parametrize(
    ("text", "how", "said"),
    [
        ("time,a\n2026-01-01,1\n2026-01-02,x1\n", {"columns": ("a",)}, "line 3: column 'a': 'x1' is not a number"),
        ("time,a\n2026-01-01,1\n2026-13-01,2\n", {}, "line 3: column 'time': '2026-13-01' is no time"),
        ("time,a\n2026-01-01,1\n2026-01-02,1,2\n", {}, "line 3: 3 cells, expected 2"),
        ("time,a\n2026-01-01,1\n", {"columns": ("b",)}, "no column 'b': the file has time, a"),
        ("time,a\n2026-01-01,1\n", {"time": "when"}, "no time column 'when': the file has time, a"),
        ("x,a\n1,1\n", {}, "no time column found: name it, or give rate_hz; there are x, a"),
        ("time,a\n", {}, "no rows"),
        ("", {}, "empty file"),
        ("time,a\n2026-01-01,1\n", {"rate_hz": -1.0}, "rate_hz -1"),
        ("time,a\n2026-01-01,1\n", {"format": "toa5"}, "not a Campbell TOA5 file"),
        ("time,a\n2026-01-01,1\n", {"format": "npz"}, "not a readable npz file"),
        ("time,a\n2026-01-01,1\0\n", {}, "not a text file"),
        ('time,a\n2026-01-01,1\n2026-01-02,"2\n2026-01-03,3\n', {}, "a quote is not closed"),
    ],
)
def test_one_clear_line_for_what_cannot_be_read(tmp_path: Path, text: str, how: dict, said: str) -> None:
    path = file(tmp_path, text)
    with pytest.raises(UserError) as caught:
        read_logger_file(path, **how)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_folders_and_hostile_npz_are_one_line_too(tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", a=np.array([{"x": 1}], dtype=object))
    np.savez(tmp_path / "fine.npz", a=np.arange(5.0))
    cut = (tmp_path / "fine.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(cut[: len(cut) // 2])
    cases = {"nope.csv": "no such file", ".": "cannot be read", "objects.npz": "no array", "cut.npz": "not a readable"}
    for name, said in cases.items():
        with pytest.raises(UserError, match=said):
            read_logger_file(tmp_path / name, rate_hz=1.0)
    with pytest.raises(UserError, match="no sample rate given"):
        read_logger_file(tmp_path / "fine.npz")


@pytest.mark.data
def test_real_recordings(recordings: Path) -> None:
    zion = read_logger_file(recordings / "crackmeter_zion" / "zion_eng_data_20200130_0830.csv")
    assert zion.rows == 8_029
    assert np.isnan(zion.column("Disp_CTRL").values).sum() == 722
    assert zion.column("Disp_Lower").unit == "mm"
    assert zion.notes == ()
    assert np.unique(np.diff(zion.times_ns)).tolist() == [900 * S]
    skab = read_logger_file(recordings / "skab" / "anomaly-free" / "anomaly-free.csv")
    assert (skab.rows, len(skab.columns)) == (9_405, 8)
    truck = read_logger_file(recordings / "strain_rainflow" / "truck_switchingload.csv", columns=("load",))
    assert truck.rows == 43_300
    assert int(truck.times_ns[-1]) == round(432.99 * S)
    cwru = read_logger_file(recordings / "cwru_1797" / "cwru_1797_DE.npz", rate_hz=12_000.0)
    assert cwru.column("Normal").values.size == 243_938

"""`telltale evaluate cwru` on a small seeded set in the published formats, and on the recordings themselves."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import scipy.signal

from evaluation.command import evaluate as command
from evaluation.cwru import evaluate
from evaluation.port import Options
from telltale.errors import UserError

SAMPLES = 40 * 1024


def bearing(seed: int, *, resonance_hz: float = 0.0) -> np.ndarray:
    """Coloured noise at 12 kHz; a fault rings at a resonance a hundred times a second."""
    rng = np.random.default_rng(seed)
    signal = scipy.signal.lfilter([1.0], [1.0, -0.6], rng.standard_normal(SAMPLES))
    if resonance_hz:
        hits = (np.arange(SAMPLES) % 120 == 0).astype(float) * rng.lognormal(0, 0.2, SAMPLES)
        pole = np.exp(2 * np.pi * resonance_hz / 12_000 * (-0.05 + 1j))
        signal += 20 * scipy.signal.lfilter([1.0], [1, -2 * pole.real, abs(pole) ** 2], hits)
    return (0.02 * signal).astype(np.float32)


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    normal = scipy.signal.resample_poly(np.concatenate([bearing(1), bearing(2)]), 4, 1)
    return {"Normal": normal, "IR_7_DE12": bearing(3, resonance_hz=3000.0), "B_7_DE12": bearing(4, resonance_hz=4500.0)}


def test_faults_are_found_sound_windows_are_not_flagged_and_a_copy_is_the_same(arrays, tmp_path):
    np.savez(tmp_path / "cwru.npz", **arrays)
    report = evaluate(Options(tmp_path))
    assert report.metrics["faults_found"] == report.metrics["faults"] == 2
    assert report.metrics["false_flags"] == 0
    assert 0.5 < report.metrics["auc_diluted"] <= 1.0
    assert report.metrics["auc_by_percent"]["50"] >= report.metrics["auc_by_percent"]["5"]
    assert report.unchanged


def test_recordings_one_a_file_give_the_same(arrays, tmp_path, capsys):
    one, many = tmp_path / "one", tmp_path / "many"
    one.mkdir()
    many.mkdir()
    np.savez(one / "all.npz", **arrays)
    for name, samples in arrays.items():
        np.savez(many / f"1797_{name}.npz", DE=samples[:, None], FE=samples[:, None])
    assert evaluate(Options(one)).metrics == evaluate(Options(many)).metrics
    assert command(["cwru", "--data", str(many), "--json"]) == 0
    printed = msgspec.json.decode(capsys.readouterr().out)
    assert printed["name"] == "cwru"
    assert {"faults_found", "false_flags", "auc_diluted"} <= set(printed["metrics"])


def test_what_cannot_be_read_is_named(tmp_path: Path, arrays):
    with pytest.raises(UserError, match="no bearing recordings"):
        evaluate(Options(tmp_path))
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 no")
    with pytest.raises(UserError, match=r"broken\.npz"):
        evaluate(Options(tmp_path))
    (tmp_path / "broken.npz").unlink()
    np.savez(tmp_path / "short.npz", Normal=arrays["Normal"], IR_7_DE12=arrays["IR_7_DE12"][:1000])
    with pytest.raises(UserError, match="IR_7_DE12: 1000 samples"):
        evaluate(Options(tmp_path))


@pytest.mark.data
def test_the_recordings(recordings: Path):
    report = evaluate(Options(recordings))
    assert report.metrics["faults_found"] == 9
    assert report.metrics["false_flags"] <= 1
    assert report.metrics["auc_diluted"] > 0.75
    assert report.unchanged

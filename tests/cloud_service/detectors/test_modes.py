"""Modes of blocks: a row a half hour, from the mean spectrum, with errors; nothing from windows of another rate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal

from cloud_service.analyse.detectors.modes import ModesDetector
from tests.cloud_service.detectors.vibration import back_to_back, part_of, run, vibration_place

RATE_HZ, LENGTH = 50.0, 2048
SETTINGS = f"interval_s = {LENGTH / RATE_HZ}\nrate_hz = {RATE_HZ}\nwindow_samples = {LENGTH}\nmodes_hz = [[2.0, 3.0], [6.0, 8.0]]"


def recording(hours, seed=1):
    """Modes of 2.5 Hz (1.5 %) and 7 Hz (0.8 %)."""
    rng = np.random.default_rng(seed)
    count = round(hours * 3600 * RATE_HZ)
    total = 0.05 * rng.standard_normal(count)
    for frequency_hz, damping in ((2.5, 0.015), (7.0, 0.008)):
        pole = np.exp(2 * np.pi * frequency_hz * (-damping + 1j) / RATE_HZ)
        motion = scipy.signal.lfilter([1, -2, 1], [1, -2 * pole.real, abs(pole) ** 2], rng.standard_normal(count))
        total += motion / motion.std()
    return back_to_back(total, RATE_HZ, LENGTH)


def test_a_row_for_each_half_hour_with_errors_that_hold(tmp_path):
    place = vibration_place(tmp_path, SETTINGS)
    batch = recording(4.1)
    _, findings, rows = run(ModesDetector(), place, [batch])
    assert not findings
    assert len(rows) == 8
    assert all(row.columns["refused"] == [""] for row in rows)
    for name, truth in (("mode1_hz", 2.5), ("mode2_hz", 7.0), ("mode1_damping", 0.015), ("mode2_damping", 0.008)):
        error = name.replace("_hz", "_se_hz") if name.endswith("_hz") else f"{name}_se"
        found = np.array([row.columns[name][0] for row in rows])
        errors = np.array([row.columns[error][0] for row in rows])
        assert np.abs(found - truth).max() < 4 * errors.max(), name
        assert abs(found.mean() - truth) < 3 * errors.mean() / np.sqrt(8) + 0.002 * truth, name
    assert 40 <= int(rows[1].columns["windows"][0]) <= 44


def test_blocks_do_not_depend_on_batches(tmp_path):
    place = vibration_place(tmp_path, SETTINGS)
    batch = recording(1.6)
    _, _, together = run(ModesDetector(), place, [batch])
    parts = [part_of(batch, slice(start, start + 7)) for start in range(0, len(batch), 7)]
    _, _, apart = run(ModesDetector(), place, parts)
    assert [row.t_ns.tolist() for row in apart] == [row.t_ns.tolist() for row in together]
    for one, other in zip(apart, together, strict=True):
        assert one.columns["mode1_damping"][0] == pytest.approx(other.columns["mode1_damping"][0], rel=1e-6)


def test_too_short_windows_give_frequencies_and_say_why_there_is_no_damping(tmp_path):
    settings = f"interval_s = 5.12\nrate_hz = {RATE_HZ}\nwindow_samples = 256\nmodes_hz = [[1.5, 3.5], [6.0, 8.0]]"
    samples = recording(1.1).windows.reshape(-1)
    _, _, rows = run(ModesDetector(), vibration_place(tmp_path, settings), [back_to_back(samples, RATE_HZ, 256)])
    assert rows[0].columns["mode1_hz"][0] == pytest.approx(2.5, abs=0.03)
    assert np.isnan(rows[0].columns["mode1_damping"][0])
    assert "mode 1: window too short to resolve the width" in rows[0].columns["refused"][0]


def test_another_rate_and_distrusted_windows_are_left_out(tmp_path):
    place = vibration_place(tmp_path, SETTINGS)
    batch = recording(1.1)
    assert not run(ModesDetector(), place, [replace(batch, rate_hz=51.0)])[2]
    batch.faulty[:] = True
    assert not run(ModesDetector(), place, [batch])[2]

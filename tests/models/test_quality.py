"""Sensor or structure: readings one by one, and windows."""

from __future__ import annotations

import numpy as np
import pytest

from models.quality import Fault, Watch, look, look_at_windows

HALF_HOUR = 1_800_000_000_000
PLAUSIBLE = (-5.0, 20.0)


def faults_of(values: np.ndarray, plausible: tuple[float, float] = PLAUSIBLE) -> list[Fault]:
    watch = Watch()
    return [look(watch, i * HALF_HOUR, float(v), plausible, HALF_HOUR) for i, v in enumerate(values)]


def crack(seed: int = 0, n: int = 2000, noise: float = 0.0015, resolution: float = 0.0005) -> np.ndarray:
    rng = np.random.default_rng(seed)
    day = np.arange(n) / 48
    breathing = 0.02 * np.sin(2 * np.pi * day) + 0.05 * np.sin(2 * np.pi * day / 40)
    return np.round((0.3 + breathing + noise * rng.normal(size=n)) / resolution) * resolution


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("resolution", [0.0005, 0.01, 0.02])
def test_a_healthy_gauge_is_never_flagged_however_coarse(seed, resolution):
    assert not any(faults_of(crack(seed, resolution=resolution)))


def test_a_single_spike_is_told_and_only_it_is_held():
    values = crack()
    values[1000] += 0.3
    faults = faults_of(values)
    assert [i for i, f in enumerate(faults) if f] == [1000, 1001]
    assert faults[1000] == Fault.PENDING
    assert faults[1001] == Fault.SPIKE  # says that the one before was a spike; it is good itself


def test_a_step_that_stays_is_the_structures():
    values = crack()
    values[1000:] += 0.3
    faults = faults_of(values)
    assert [f for f in faults if f] == [Fault.PENDING, Fault.PENDING]
    assert not any(faults[1002:])


def test_a_frozen_sensor_is_stuck_within_hours_and_free_at_once():
    values = crack()
    values[1000:1200] = values[1000]
    stuck = [i for i, f in enumerate(faults_of(values)) if f & Fault.STUCK]
    assert 1000 < stuck[0] < 1000 + 48
    assert stuck[-1] == 1199


def test_a_sensor_that_never_varied_is_not_called_stuck():
    assert not any(faults_of(np.full(500, 0.3)))


def test_missing_and_out_of_range():
    values = crack(n=200)
    values[100], values[120] = np.nan, -167.0
    faults = faults_of(values)
    assert faults[100] == Fault.MISSING
    assert faults[120] == Fault.RANGE
    assert not faults[121]


def test_a_jump_over_a_long_gap_is_no_spike():
    watch = Watch()
    values = crack(n=400)
    for i, value in enumerate(values):
        look(watch, i * HALF_HOUR, float(value), PLAUSIBLE, HALF_HOUR)
    assert not look(watch, 3000 * HALF_HOUR, float(values[-1]) + 0.1, PLAUSIBLE, HALF_HOUR)


def windows(seed: int = 1, k: int = 6, n: int = 1024) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(n) / 100
    return (rng.normal(size=(k, n)) + 3 * np.sin(2 * np.pi * 2.6 * t)).astype(np.float32)


def look_all(samples: np.ndarray, *, varied: bool = True, plausible=(-50.0, 50.0)) -> list[Fault]:
    bits, _ = look_at_windows(samples, plausible, np.zeros(len(samples), bool), varied=varied)
    return [Fault(int(b)) for b in bits]


def test_healthy_windows_have_no_fault():
    assert not any(look_all(windows()))


def test_each_fault_of_a_window_is_named():
    samples = windows()
    samples[0, 500] = 45.0
    samples[1, :] = samples[1, 0]
    samples[2, ::3] = np.nan
    samples[3, 10] = 400.0
    samples[4] = np.clip(samples[4], -2.5, 2.5)
    faults = look_all(samples)
    assert faults[0] == Fault.SPIKE
    assert faults[1] == Fault.STUCK
    assert faults[2] == Fault.MISSING
    assert Fault.RANGE in faults[3]
    assert faults[4] == Fault.CLIPPED
    assert faults[5] == Fault.NONE


def test_a_blow_rings_and_is_no_spike():
    samples = windows(n=1024)
    t = np.arange(300) / 100
    samples[0, 400:700] += (60 * np.exp(-3 * t) * np.cos(2 * np.pi * 20 * t)).astype(np.float32)
    assert not look_all(samples, plausible=(-500.0, 500.0))[0]


def test_a_coarse_quiet_signal_is_not_clipped():
    quiet = np.round(np.random.default_rng(0).normal(0, 1.2, (4, 1024))).astype(np.float32)
    assert not any(look_all(quiet))


def test_a_constant_window_is_no_fault_before_the_channel_varied():
    assert not any(look_all(np.ones((2, 64), np.float32), varied=False))


def test_a_constant_window_is_a_fault_once_the_channel_varied_wherever_batches_are_cut():
    samples = np.concatenate([np.ones((2, 64)), windows(k=1, n=64), np.ones((3, 64))]).astype(np.float32)
    together, varied = look_at_windows(samples, (-50.0, 50.0), np.zeros(6, bool), varied=False)
    assert [Fault(int(b)) for b in together] == [Fault.NONE] * 3 + [Fault.STUCK] * 3
    assert varied
    one_by_one, varied = [], False
    for row in range(6):
        bits, varied = look_at_windows(samples[row : row + 1], (-50.0, 50.0), np.zeros(1, bool), varied=varied)
        one_by_one.extend(bits.tolist())
    assert one_by_one == together.tolist()


def test_short_windows_do_not_crash():
    assert not any(look_all(np.ones((2, 3), np.float32), varied=False))

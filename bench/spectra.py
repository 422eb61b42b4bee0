"""Full features of 3 × 1,024-sample windows a CPU second: batched against one `scipy.signal.welch` a series; and what
modes of a block and vibration velocities cost beside."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from scipy import signal

from bench.wire import seconds_each
from models import spectra
from models.mode_fit import fit_mode
from models.velocity import velocity_peaks

WINDOWS, SAMPLES, RATE_HZ = 3 * 512, 1024, 1000.0
TARGET = 40_000


def run(_folder: Path) -> None:
    rng = np.random.default_rng(5)
    windows = rng.normal(size=(WINDOWS, SAMPLES)).astype(np.float32)
    batched_s = _cpu_s(lambda: spectra.window_features(windows, RATE_HZ, ((2.0, 40.0),)), 2.0)
    single_s = _cpu_s(lambda: signal.welch(windows[0].astype(float), RATE_HZ, nperseg=256), 0.5)
    ours = WINDOWS / 3 / batched_s
    print(f"batched features   {ours:8.0f} three-axis windows/s   (target {TARGET})")
    print(f"welch a series     {1 / single_s / 3:8.0f} three-axis windows/s")
    print(f"ratio              {ours * single_s * 3:8.1f} ×")
    shaken = rng.normal(size=(64, 2 * SAMPLES)).astype(np.float32)
    print(f"velocity           {64 / _cpu_s(lambda: velocity_peaks(shaken, 250.0)):8.0f} windows of 8 s/s")
    line = np.arange(30, 53)
    power = 1.0 / ((1 - (41.3 / line) ** 2) ** 2 + (0.06 * 41.3 / line) ** 2) + 5.0
    power *= rng.gamma(50, 1 / 50, line.size)
    print(f"mode of a block    {1 / _cpu_s(lambda: fit_mode(power, 30, 0.1, 50)):8.0f} fits/s")


def _cpu_s(work, budget_s: float = 0.5) -> float:
    """CPU, not wall: what else runs on the machine is no business of these."""
    return seconds_each(work, budget_s, time.process_time)

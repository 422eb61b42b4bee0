"""Full features of 3 × 1,024-sample windows a second and core: batched against one `scipy.signal.welch` a series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import signal

from bench.wire import seconds_each
from models import spectra

WINDOWS, SAMPLES, RATE_HZ = 3 * 512, 1024, 1000.0
TARGET = 40_000


def run(_folder: Path) -> None:
    windows = np.random.default_rng(5).normal(size=(WINDOWS, SAMPLES)).astype(np.float32)
    batched_s = seconds_each(lambda: spectra.window_features(windows, RATE_HZ, ((2.0, 40.0),)), 2.0)
    single_s = seconds_each(lambda: signal.welch(windows[0].astype(float), RATE_HZ, nperseg=256), 0.5)
    ours = WINDOWS / 3 / batched_s
    print(f"batched features   {ours:8.0f} three-axis windows/s   (target {TARGET})")
    print(f"welch a series     {1 / single_s / 3:8.0f} three-axis windows/s")
    print(f"ratio              {ours * single_s * 3:8.1f} ×")

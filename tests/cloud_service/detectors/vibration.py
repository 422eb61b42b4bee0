"""A vibration channel for detector tests, and batches of its windows or features."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cloud_service.analyse.detector import LAGS_H, Batch
from models.spectra import window_features
from telltale.clock import NS_PER_S
from telltale.site_file import load_site

SITE = """
[[facilities]]
id = "yard"
name = "Yard"
[[facilities.structures]]
id = "motor"
name = "Motor"
[[facilities.structures.channels]]
id = "motor.air"
kind = "temperature"
unit = "°C"
gateway = "gw"
interval_s = 1800
[[facilities.structures.channels]]
id = "motor.de"
kind = "vibration"
unit = "g"
gateway = "gw"
temperature = "motor.air"
{settings}
"""
HOURLY = "interval_s = 3600\nrate_hz = 100.0\nmodes_hz = [[2.0, 3.0], [5.0, 7.0], [9.0, 11.0]]"
START_NS = 1_767_225_600 * NS_PER_S


def vibration_place(folder: Path, settings: str = HOURLY):
    path = folder / "site.toml"
    path.write_text(SITE.format(settings=settings), encoding="utf-8")
    return load_site(path).places["motor.de"]


def batch_of(t_ns, features, *, temperature_c=None, windows=None, rate_hz=0.0):
    count = len(t_ns)
    if temperature_c is None:
        temperature_c = np.full((count, len(LAGS_H)), np.nan)
    return Batch(
        t_ns=np.asarray(t_ns, dtype=np.int64),
        values=features["rms"],
        flags=np.zeros(count, dtype=np.uint8),
        temperature_c=temperature_c,
        faulty=np.zeros(count, dtype=np.bool_),
        inputs_faulty=np.zeros(count, dtype=np.bool_),
        rate_hz=rate_hz,
        windows=windows,
        features=features,
    )


def back_to_back(samples, rate_hz, length=1024, start_ns=START_NS):
    """A recording cut into windows without gaps, as the service gets it from a replay."""
    windows = samples[: len(samples) // length * length].reshape(-1, length).astype(np.float32)
    t_ns = start_ns + np.rint(np.arange(len(windows)) * length * NS_PER_S / rate_hz).astype(np.int64)
    return batch_of(t_ns, window_features(windows, rate_hz), windows=windows, rate_hz=rate_hz)


def part_of(batch, index):
    return batch.take(index)


def run(detector, place, batches):
    """The state and all findings and rows of `batches` in turn; the state goes through its codec between them."""
    from cloud_service.analyse.state_codec import decode_state, encode_state

    state, findings, rows = detector.initial(place), [], []
    for batch in batches:
        state, output = detector.step(place, state, batch)
        packed = encode_state(state)
        assert len(packed) <= 64 * 1024
        state = decode_state(packed, detector.state_type)
        findings += output.findings
        rows += output.rows
    return state, findings, rows

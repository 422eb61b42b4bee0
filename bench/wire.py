"""Bytes a sample on the wire, and the cost of the codec, against JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from telltale.readings import Block, Frame
from telltale.wire.codec import decode_frame, encode_frame

AXES, SAMPLES, RATE_HZ = 3, 1000, 1000.0
NOISE_COUNTS = (2, 10, 30, 100, 300)
TARGET_BYTES = 2.1


def signal(noise_counts: float, seed: int = 1) -> np.ndarray:
    """(AXES, SAMPLES) int16: two modes of 20 × the noise beside Gaussian noise of `noise_counts` rms."""
    rng = np.random.default_rng(seed)
    t_s = np.arange(SAMPLES) / RATE_HZ
    modes = sum(np.sin(2 * np.pi * f * t_s + rng.uniform(0, 6, (AXES, 1))) for f in (2.1, 7.3)) * 20 * noise_counts
    return np.clip(np.rint(modes + rng.normal(0, noise_counts, (AXES, SAMPLES))), -32768, 32767).astype(np.int16)


def seconds_each(
    work: Callable[[], object], budget_s: float = 0.5, clock: Callable[[], float] = time.perf_counter
) -> float:
    rounds, start = 0, clock()
    while (passed := clock() - start) < budget_s:
        work()
        rounds += 1
    return passed / rounds


def run(_folder: Path) -> None:
    print(f"{AXES} × {SAMPLES} samples a frame; bytes a sample include the envelope; target ≤ {TARGET_BYTES}")
    print("noise (counts rms)   bytes/sample   encode µs   decode µs   JSON bytes/sample   JSON encode+decode ÷ ours")
    for noise in NOISE_COUNTS:
        counts = signal(noise)
        blocks = tuple(Block(f"bridge.a{i}", 0, RATE_HZ, row, 1e-3) for i, row in enumerate(counts))
        frame = Frame("gw-1", bytes(16), 1, 0, blocks=blocks)
        wire = encode_frame(frame)
        text = json.dumps({"t0": 0, "rate": RATE_HZ, "axes": (counts * 1e-3).tolist()})
        encode_s, decode_s = (
            seconds_each(lambda f=frame: encode_frame(f)),
            seconds_each(lambda w=wire: decode_frame(w, "gw-1")),
        )
        json_s = seconds_each(lambda c=counts: json.dumps((c * 1e-3).tolist())) + seconds_each(
            lambda t=text: json.loads(t)
        )
        print(
            f"{noise:>18}   {len(wire) / counts.size:>12.2f}   {encode_s * 1e6:>9.0f}   {decode_s * 1e6:>9.0f}"
            f"   {len(text) / counts.size:>17.1f}   {json_s / (encode_s + decode_s):>25.1f}"
        )

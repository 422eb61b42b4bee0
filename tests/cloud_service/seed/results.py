"""Ninety days of results for the sample site, as the analysis would hand them to a store."""

from __future__ import annotations

import numpy as np

from cloud_service.store.schema import MEASUREMENTS, Rows
from telltale.clock import NS_PER_DAY, NS_PER_HOUR
from telltale.wire import body

NOW_NS = 1_781_258_700 * 1_000_000_000  # 2026-06-12 10:05 UTC
DAYS = 90


def results() -> list[Rows]:
    t_ns = NOW_NS - NS_PER_HOUR * np.arange(DAYS * 24, -1, -1, dtype=np.int64)
    rng = np.random.default_rng(7)
    days = (t_ns - t_ns[0]) / NS_PER_DAY
    air = 9 + 8 * days / DAYS + 5 * np.sin(2 * np.pi * (days - 0.3)) + rng.normal(0, 0.3, days.size)
    width = 0.42 - 0.004 * (air - 12) + 0.0021 * np.maximum(days - 45, 0) + rng.normal(0, 0.004, days.size)
    return [
        *_readings("footbridge.air", t_ns, air),
        *_readings("gallery.air", t_ns, air / 3 + 6),
        *_readings("gallery.crack-7", t_ns, width),
        *_crack_trend(t_ns, width + 0.004 * (air - 12)),
        *_windows("footbridge.midspan.az", t_ns, rng),
        *_strain(t_ns, days),
        _waveform(rng),
    ]


def _readings(channel: str, t_ns, values) -> list[Rows]:
    return [Rows("reading", channel, t_ns, {"value": values, "flag": np.zeros(t_ns.size, dtype=np.int64)})]


def _crack_trend(t_ns, compensated) -> list[Rows]:
    step = slice(None, None, 24)
    return [Rows("trend", "gallery.crack-7", t_ns[step], {"compensated": compensated[step]})]


def _windows(channel: str, t_ns, rng) -> list[Rows]:
    count = t_ns.size
    score = np.abs(rng.normal(0.3, 0.1, count))
    score[-240:] += np.linspace(0, 1.4, 240)
    fields = MEASUREMENTS["window"].fields
    columns = {name: rng.normal(0.1, 0.01, count) for name, kind in fields.items() if kind == "float"}
    columns |= {"samples": np.full(count, 1024), "flagged": np.zeros(count, dtype=np.int64)}
    columns |= {"rate_hz": np.full(count, 100.0), "peak": np.abs(rng.normal(0.18, 0.03, count))}
    columns |= {"rms": np.abs(rng.normal(0.05, 0.008, count)), "mode1_hz": 2.9 + rng.normal(0, 0.01, count)}
    return [
        Rows("window", channel, t_ns, columns),
        Rows("novelty", channel, t_ns, {"score": score, "feature": ["mode1_hz"] * count}),
    ]


def _strain(t_ns, days) -> list[Rows]:
    channel = "footbridge.girder.strain"
    return [
        Rows("fatigue", channel, t_ns, {"damage_total": days * 1e-5, "cycles": np.full(t_ns.size, 40.0)}),
        Rows(
            "window",
            channel,
            t_ns,
            {"rms": 20 + np.sin(days), "peak": 60 + np.sin(days), "samples": np.full(t_ns.size, 1024)},
        ),
    ]


def _waveform(rng) -> Rows:
    time_s = np.arange(1024) / 100.0
    samples = (
        0.08 * np.sin(2 * np.pi * 2.9 * time_s) + 0.03 * np.sin(2 * np.pi * 6.6 * time_s) + rng.normal(0, 0.01, 1024)
    )
    return Rows(
        "waveform",
        "footbridge.midspan.az",
        np.array([NOW_NS - NS_PER_HOUR], dtype=np.int64),
        {"samples": np.array([1024]), "rate_hz": np.array([100.0]), "body": [body.encode(samples.astype(np.float32))]},
    )

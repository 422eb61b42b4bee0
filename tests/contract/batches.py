"""Channels of every kind and shape, and their readings as batches."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from cloud_service.analyse.detector import LAGS_H, Batch
from models.spectra import window_features
from telltale.clock import NS_PER_DAY
from telltale.kinds import KINDS, Shape
from telltale.settings import convert
from telltale.site import Channel, Place, Site
from telltale.site_file import SiteFile, build_site

START_NS = 20_500 * NS_PER_DAY
RATE_HZ = 100.0
SAMPLES = 256
MORE = {
    ("crack", Shape.SCALAR): {"crack": {"limit_mm": 1.0, "source": "contract"}},
    ("strain", Shape.WAVEFORM): {"fatigue": {"detail_category_mpa": 71.0}},
    ("vibration", Shape.WAVEFORM): {
        "modes_hz": [[2.0, 4.0], [8.0, 14.0]],
        "rate_hz": 200.0,
        "window_samples": 800,
        "velocity": {"guide": "din_4150_3.dwelling.foundation"},
    },
}
LIMITS = [
    {"level": "warn", "value": 50.0, "source": "contract"},
    {"level": "alarm", "value": 80.0, "source": "contract"},
]
SIZE = {"vibration": 0.05, "strain": 60.0, "crack": 0.3, "temperature": 10.0, "tilt": 2.0}


def every_place(interval_s: float) -> list[Place]:
    """A channel of each kind in each shape, conditioned on a temperature."""
    return list(every_site(interval_s).channels())


def every_site(interval_s: float) -> Site:
    """The site of `every_place`."""
    channels = [_channel(kind, shape, interval_s) for kind in KINDS for shape in Shape]
    structure = {"id": "s", "name": "S", "channels": channels}
    file = convert({"facilities": [{"id": "f", "name": "F", "structures": [structure]}]}, SiteFile, "contract")
    return build_site(file, "contract")


def _channel(kind: str, shape: Shape, interval_s: float) -> dict[str, object]:
    settings: dict[str, object] = {
        "id": f"s.{kind}.{shape.value}", "kind": kind, "unit": KINDS[kind].base_unit, "gateway": "gw", "shape": shape.value,
        "interval_s": interval_s, "limits": LIMITS,
    }  # fmt: skip
    if shape is Shape.WAVEFORM:
        settings |= {"rate_hz": RATE_HZ, "window_samples": SAMPLES}
    settings |= MORE.get((kind, shape), {})
    if kind != "temperature":
        settings["temperature"] = "s.temperature.scalar"
    return settings


def plain(channel: Channel, count: int, seed: int = 1) -> Batch:
    """`count` readings or windows of a channel that behaves, one an interval, with seasons of temperature."""
    rng = np.random.default_rng(seed)
    t_ns = START_NS + np.arange(count, dtype=np.int64) * round(channel.interval_s * 1e9)
    days = (t_ns - START_NS) / NS_PER_DAY
    air = 8 + 6 * np.sin(2 * np.pi * days / 60) + 4 * np.sin(2 * np.pi * days)
    size = SIZE.get(channel.kind, 1.0)
    if channel.is_waveform:
        return of_windows(channel, t_ns, _windows(rng, count, channel), air)
    values = size * (1 + 0.002 * air) + 0.01 * size * rng.standard_normal(count)
    return of_values(t_ns, values, air)


def of_values(t_ns, values, air) -> Batch:
    return Batch(
        t_ns=t_ns,
        values=values,
        flags=np.isnan(values).astype(np.uint8),
        temperature_c=np.repeat(np.asarray(air, dtype=np.float64)[:, None], len(LAGS_H), axis=1),
        faulty=np.zeros(t_ns.size, dtype=np.bool_),
        inputs_faulty=np.zeros(t_ns.size, dtype=np.bool_),
    )


def of_windows(channel: Channel, t_ns, windows, air) -> Batch:
    """As analysis makes them: the features of each window beside its samples."""
    features = window_features(windows, channel.rate_hz, channel.modes_hz)
    batch = of_values(t_ns, features["rms"], air)
    return dataclasses.replace(batch, rate_hz=channel.rate_hz, windows=windows, features=features)


def _windows(rng, count: int, channel: Channel):
    size = SIZE.get(channel.kind, 1.0)
    time_s = np.arange(channel.window_samples) / channel.rate_hz
    phase = rng.uniform(0, 2 * np.pi, (count, 2, 1))
    tones = np.sin(2 * np.pi * 3.0 * time_s + phase[:, 0]) + 0.5 * np.sin(2 * np.pi * 11.0 * time_s + phase[:, 1])
    level = size * rng.lognormal(0, 0.2, (count, 1))
    return (level * (tones + 0.3 * rng.standard_normal((count, time_s.size)))).astype(np.float32)


def rows_of(batch: Batch, part) -> Batch:
    """Some rows of a batch."""
    return batch.take(part)


def hostile(channel: Channel) -> Iterator[tuple[str, Batch]]:
    """Batches that no sensor should give and that some do."""
    good = plain(channel, 12, seed=2)
    yield "empty", rows_of(good, slice(0, 0))
    yield "late", _moved(rows_of(good, slice(0, 3)), -900 * NS_PER_DAY)
    yield "again", rows_of(good, slice(0, 3))
    yield "same time", dataclasses.replace(good, t_ns=np.full(12, good.t_ns[0]))
    yield "distrusted", dataclasses.replace(good, faulty=~good.faulty)
    yield "inputs distrusted", dataclasses.replace(good, inputs_faulty=~good.faulty)
    yield "all flags", dataclasses.replace(good, flags=np.full(12, 15, dtype=np.uint8))
    yield "no temperature", dataclasses.replace(good, temperature_c=np.full_like(good.temperature_c, np.nan))
    yield "in 1970", _moved(good, -START_NS)
    yield "in 2100", _moved(good, 28_000 * NS_PER_DAY)
    for name, value in (("missing", np.nan), ("constant", 3.0), ("zero", 0.0), ("huge", 1e30), ("negative", -1e30)):
        yield name, _filled(channel, good, value)


def _moved(batch: Batch, by_ns: int) -> Batch:
    return dataclasses.replace(batch, t_ns=batch.t_ns + by_ns)


def _filled(channel: Channel, batch: Batch, value: float) -> Batch:
    air = batch.temperature_c[:, 0]
    if batch.windows is not None:
        return of_windows(channel, batch.t_ns, np.full_like(batch.windows, value), air)
    return of_values(batch.t_ns, np.full(len(batch), value), air)

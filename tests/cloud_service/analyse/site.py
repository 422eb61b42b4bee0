"""A small site and its readings: a footbridge with air temperature, a crack, a derived gauge and one accelerometer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from cloud_service.analyse.decode import Decoded
from cloud_service.journal.entries import FrameEntry
from cloud_service.journal.writer import JournalWriter, open_journal
from telltale.clock import NS_PER_HOUR
from telltale.readings import Block, Frame, missing_spans
from telltale.site import Site
from telltale.site_file import load_site
from telltale.wire.codec import encode_frame

T0_NS = 1_750_000_000 * 1_000_000_000 // NS_PER_HOUR * NS_PER_HOUR
RUN = bytes(range(16))

SITE = """
[[contacts]]
name = "Manager"
email = "manager@example.org"
[[contacts]]
name = "Operator"
email = "operator@example.org"
role = "operator"

[[facilities]]
id = "riverside"
name = "Riverside"
[[facilities.structures]]
id = "bridge"
name = "Bridge"
[[facilities.structures.channels]]
id = "bridge.gauge"
kind = "crack"
unit = "µm"
gateway = "gw"
interval_s = 3600
temperature = "bridge.air"
derived_from = ["bridge.air"]
limits = [{level = "alarm", value = 1500.0, source = "self-set: test"}]
[[facilities.structures.channels]]
id = "bridge.air"
kind = "temperature"
unit = "°C"
gateway = "gw"
interval_s = 3600
[[facilities.structures.channels]]
id = "bridge.az"
kind = "vibration"
unit = "g"
gateway = "gw"
interval_s = 3600
rate_hz = 100.0
window_samples = 256
temperature = "bridge.air"
modes_hz = [[2.0, 6.0]]
[[facilities.structures.channels]]
id = "bridge.other"
kind = "tilt"
unit = "mrad"
gateway = "gw-other"
interval_s = 3600
"""


def bridge(folder: Path, *, gateways: int = 2) -> Site:
    """The site in `folder`; with one gateway alone, nothing is said of one that never comes."""
    path = folder / "site.toml"
    text = SITE if gateways == 2 else SITE[: SITE.rindex("[[facilities.structures.channels]]")]
    path.write_text(text, encoding="utf-8")
    return load_site(path)


def scalar(channel: str, t_ns: int, *values: float, step_ns: int = NS_PER_HOUR // 12) -> Block:
    samples = np.array(values, dtype=np.float64)
    dt_ns = np.arange(len(values), dtype=np.int64) * step_ns
    return Block(channel, t_ns, 0.0, samples, flags=missing_spans(samples), dt_ns=dt_ns)


def wave(channel: str, t_ns: int, samples: np.ndarray) -> Block:
    return Block(channel, t_ns, 100.0, samples.astype(np.int16), scale=0.001)


def hour(number: int) -> tuple[Block, ...]:
    """What the gateway brings in one hour: every channel, with a gap in the gauge now and then."""
    rng = np.random.default_rng(number)
    t_ns = T0_NS + number * NS_PER_HOUR
    air = 10 + 8 * np.sin(number / 24 * 2 * np.pi) + rng.normal(0, 0.1)
    gauge = np.nan if number % 17 == 5 else 300 + 2 * air + rng.normal(0, 0.5)
    signal = 500 * np.sin(2 * np.pi * 4 * np.arange(256) / 100) + rng.normal(0, 60, 256)
    return (
        wave("bridge.az", t_ns, signal),
        scalar("bridge.gauge", t_ns + NS_PER_HOUR // 2, gauge),
        scalar("bridge.air", t_ns, air),
    )


def frame(sequence: int, blocks: Sequence[Block], acquired_ns: int, gateway: str = "gw") -> Frame:
    return Frame(gateway=gateway, run_id=RUN, sequence=sequence, acquired_ns=acquired_ns, blocks=tuple(blocks))


def hours(numbers: Sequence[int], blocks: Callable[[int], Sequence[Block]] = hour) -> list[Frame]:
    """One frame an hour, in the order given, acquired when the hour is over."""
    return [
        frame(sequence, blocks(number), T0_NS + (number + 1) * NS_PER_HOUR)
        for sequence, number in enumerate(numbers, start=1)
    ]


def decoded(frames: Sequence[Frame]) -> list[Decoded]:
    return [Decoded(offset, item.gateway, item.acquired_ns, item.blocks) for offset, item in enumerate(frames, start=1)]


def fill_journal(data_dir: Path, frames: Sequence[Frame]) -> None:
    writer = JournalWriter(open_journal(data_dir))
    try:
        writer.commit(
            [
                FrameEntry(item.gateway, item.run_id, item.sequence, item.acquired_ns, encode_frame(item))
                for item in frames
            ]
        )
    finally:
        writer.close()

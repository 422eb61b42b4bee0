"""`edge.toml`: the gateway, its sources and its channels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from edge_agent.frame.assemble import FrameSettings
from edge_agent.outbox.box import OutboxSettings
from edge_agent.publish.settings import PublishSettings
from edge_agent.window.calibrate import Calibration
from telltale.broker import BrokerSettings
from telltale.clock import ClockMode
from telltale.errors import SettingsError
from telltale.settings import Settings, load
from telltale.topics import Name
from telltale.wire.body import MAX_SAMPLES_PER_BLOCK


class SourceSettings(Settings, frozen=True):
    """`[[source]]`: a name of its own, the kind (an entry point of `telltale.sources`), and what that kind reads."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    kind: str
    settings: dict[str, Any] = msgspec.field(default_factory=dict)


class ChannelSettings(Settings, frozen=True):
    """`[[channel]]`: which input of which source is which channel.

    Attributes:
        id: the channel's id, as in the service's `site.toml`.
        source, input: names of the source and of its input.
        rate_hz, window_samples: for waveforms, both; scalar readings leave both out.
        calibration: how samples become engineering values; none: they are taken as they come.
    """

    id: Name
    source: str
    input: str
    rate_hz: Annotated[float, Meta(gt=0)] | None = None
    window_samples: Annotated[int, Meta(ge=16, le=MAX_SAMPLES_PER_BLOCK)] | None = None
    calibration: Calibration | None = None


class EdgeSettings(Settings, frozen=True):
    """The whole of `edge.toml`; `data_dir` is relative to its folder.

    `clock_mark`: with `clock = "system"`, a file that says by being there that the clock is right, for machines whose
    kernel is not told (a clock set by GPS, chrony without rtcsync). Empty: the kernel and timesyncd are asked.
    """

    gateway: Name
    source: tuple[SourceSettings, ...]
    channel: tuple[ChannelSettings, ...]
    clock: ClockMode = "system"
    clock_mark: str = ""
    data_dir: str = "edge-data"
    broker: BrokerSettings = BrokerSettings()
    frame: FrameSettings = FrameSettings()
    outbox: OutboxSettings = OutboxSettings()
    publish: PublishSettings = PublishSettings()


def load_edge(path: Path) -> EdgeSettings:
    """Read `edge.toml`.

    Raises:
        SettingsError: naming the file, the key, the source or the channel, and what was expected.
    """
    settings = load(path, EdgeSettings)
    check_edge(settings, str(path))
    return settings


def check_edge(settings: EdgeSettings, where: str) -> None:
    """What single keys cannot tell: references, unique names, waveforms complete.

    Raises:
        SettingsError: naming the culprit.
    """
    if not settings.source:
        raise SettingsError(f"{where}: no [[source]]", "an agent needs at least one")
    sources = [source.name for source in settings.source]
    _unique(sources, "source", where)
    _unique([channel.id for channel in settings.channel], "channel", where)
    _unique([f"{channel.source}: {channel.input}" for channel in settings.channel], "input", where)
    for channel in settings.channel:
        at = f"{where}: channel {channel.id!r}"
        if channel.source not in sources:
            raise SettingsError(f"{at}: no source {channel.source!r}", "expected one of " + ", ".join(sources))
        if (channel.rate_hz is None) != (channel.window_samples is None):
            missing = "rate_hz" if channel.rate_hz is None else "window_samples"
            raise SettingsError(
                f"{at}: {missing} is missing", "a waveform needs rate_hz and window_samples, a scalar neither"
            )


def _unique(names: Iterable[str], what: str, where: str) -> None:
    seen = set()
    for name in names:
        if name in seen:
            raise SettingsError(f"{where}: {what} {name!r} appears twice", "give each one of its own")
        seen.add(name)

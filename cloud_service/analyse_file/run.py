"""The series through the service's own analysis step, as frames of a gateway of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.decode import Decoded
from cloud_service.analyse.detectors import DETECTORS
from cloud_service.analyse.outcome import StepResult
from cloud_service.analyse.states import States
from cloud_service.analyse.step import Step
from cloud_service.analyse_file.arguments import Arguments
from cloud_service.analyse_file.series import Series
from telltale.channel_details import CrackDetail, Limit
from telltale.clock import NS_PER_DAY
from telltale.kinds import Shape
from telltale.readings import Block, missing_spans
from telltale.site import Channel, Facility, Place, Site, Structure

VALUE, TEMPERATURE = "value", "temperature"
GATEWAY = "file"
WINDOW = 1024
WINDOWS_A_FRAME = 32
LIMIT_SOURCE = "given with --limit"
Progress = Callable[[int, int], None]
"""(frames done, frames in all)."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the detectors said, and the place that they said it of."""

    place: Place
    result: StepResult


def run(asked: Arguments, series: Series, progress: Progress) -> Found:
    """Play the series through every registered detector, in frames of a day or of some windows."""
    site = _site(asked, series)
    step, states = Step(site, DETECTORS, waveform_every=0), States()
    whole = StepResult()
    spans = list(_spans(series))
    for index, (start, stop) in enumerate(spans):
        frame = Decoded(index + 1, GATEWAY, int(series.t_ns[stop - 1]), tuple(_blocks(series, start, stop)))
        _, result = step(states, [frame])
        whole.add(result)
        progress(index + 1, len(spans))
    return Found(site.places[VALUE], whole)


def _spans(series: Series) -> Iterator[tuple[int, int]]:
    """(start, stop) rows of each frame: a day of readings; a run of windows without a gap."""
    if not series.waveform:
        edges = np.flatnonzero(np.diff(series.t_ns // NS_PER_DAY)) + 1
        bounds = [0, *edges.tolist(), series.t_ns.size]
        yield from pairwise(bounds)
        return
    gaps = np.flatnonzero(np.diff(series.t_ns) > 1.5e9 * series.spacing_s) + 1
    bounds = [0, *gaps.tolist(), series.t_ns.size]
    for start, stop in pairwise(bounds):
        for first in range(start, stop, WINDOWS_A_FRAME * WINDOW):
            yield first, min(first + WINDOWS_A_FRAME * WINDOW, stop)


def _blocks(series: Series, start: int, stop: int) -> Iterator[Block]:
    t_ns = series.t_ns[start:stop]
    rate_hz = 1 / series.spacing_s if series.waveform else 0.0
    if series.temperature is not None:
        yield _readings(TEMPERATURE, t_ns, series.temperature[start:stop])
    if series.waveform:
        value = series.value[start:stop]
        yield Block(VALUE, int(t_ns[0]), rate_hz, value, flags=missing_spans(value))
    else:
        yield _readings(VALUE, t_ns, series.value[start:stop])


def _readings(channel: str, t_ns: NDArray[np.int64], value: NDArray[np.float64]) -> Block:
    return Block(channel, int(t_ns[0]), 0.0, value, flags=missing_spans(value), dt_ns=t_ns - t_ns[0])


def _site(asked: Arguments, series: Series) -> Site:
    channels = [_channel(asked, series)]
    if series.temperature is not None:
        interval_s = max(series.spacing_s, 1e-6)
        channels.append(Channel(id=TEMPERATURE, kind="temperature", unit="°C", gateway=GATEWAY, interval_s=interval_s))
    structure = Structure(id="file", name=asked.file.name, channels=tuple(channels))
    facility = Facility(id="file", name=asked.file.name, structures=(structure,))
    places = {channel.id: Place(facility, structure, channel) for channel in channels}
    return Site((facility,), (), places)


def _channel(asked: Arguments, series: Series) -> Channel:
    has_temperature = series.temperature is not None
    return Channel(
        id=VALUE,
        name=asked.value,
        kind=asked.kind,
        unit=series.unit,
        gateway=GATEWAY,
        interval_s=series.spacing_s * (WINDOW if series.waveform else 1),
        rate_hz=1 / series.spacing_s if series.waveform else 0.0,
        shape=Shape.WAVEFORM if series.waveform else Shape.SCALAR,
        window_samples=WINDOW,
        temperature=TEMPERATURE if has_temperature else None,
        derived_from=(TEMPERATURE,) if series.derived else (),
        limits=_limits(asked, series),
        fatigue=asked.fatigue,
        crack=CrackDetail(limit_mm=asked.limit, source=LIMIT_SOURCE) if asked.kind == "crack" else None,
    )


def _limits(asked: Arguments, series: Series) -> tuple[Limit, ...]:
    if asked.limit is None:
        return ()
    if series.waveform:
        return (Limit(level="alarm", value=asked.limit, source=LIMIT_SOURCE, quantity="peak"),)
    began = float(np.nanmedian(series.value[: max(10, series.value.size // 50)]))
    return (
        Limit(level="alarm", value=asked.limit, source=LIMIT_SOURCE, side="above" if began < asked.limit else "below"),
    )

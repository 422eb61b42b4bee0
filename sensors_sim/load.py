"""The scenario `load`: many tri-axial vibration channels, continuous, cheap to make; for benchmarks, not for physics.

Each channel repeats a loop of tones (whole periods, so that the seam does not show) over white noise of a declared
standard deviation in counts, drawn once. What the wire costs depends on that noise: state it with the result.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from sensors_sim.pace import Pace
from sensors_sim.scenarios import LOAD
from sensors_sim.span import DEFAULT_START, parse_start
from sensors_sim.streams import Streams
from sensors_sim.truth import TruthWriter
from telltale.clock import NS_PER_S
from telltale.settings import Settings, convert
from telltale.source import Chunk, Source, SourceContext
from telltale.wire.body import MAX_SAMPLES_PER_BLOCK

AXES = ("x", "y", "z")
LOOP_CHUNKS = 16
TONES_HZ = (2.6, 9.7, 21.3)


class LoadSettings(Settings, frozen=True):
    """`[source.settings]` with `scenario = "load"`.

    Attributes:
        sensors: tri-axial sensors; channels are `load.s00.x`, `load.s00.y` …
        rate_hz, chunk_samples: sampling, and samples handed over at a time (the product of chunk time and rate).
        noise_counts: standard deviation of the white noise, counts.
        tone_counts: amplitude of each of the three tones, counts.
        seconds: simulated length; 0: endless.
        live: as hardware is: a full outbox does not make it wait, and its times are the gateway's clock.
        start: ISO date, or `now` for the clock's time.
        speed: 1 is real time, 0 as fast as the agent takes it.
        seed, truth_dir: as for the other scenarios.
    """

    scenario: Literal["load"] = "load"
    sensors: Annotated[int, Meta(ge=1, le=1000)] = 8
    rate_hz: Annotated[float, Meta(gt=0, le=100_000)] = 1000.0
    chunk_samples: Annotated[int, Meta(ge=16, le=MAX_SAMPLES_PER_BLOCK)] = 1000
    noise_counts: Annotated[float, Meta(ge=0, le=5_000)] = 3.0
    tone_counts: Annotated[float, Meta(ge=0, le=5_000)] = 40.0
    seconds: Annotated[float, Meta(ge=0)] = 0.0
    live: bool = False
    start: str = "now"
    speed: Annotated[float, Meta(ge=0)] = 1.0
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 1
    truth_dir: str = ""

    @property
    def channels(self) -> tuple[str, ...]:
        """Every channel id."""
        return tuple(f"load.s{number:02d}.{axis}" for number in range(self.sensors) for axis in AXES)

    @property
    def chunk_s(self) -> float:
        """Duration of a chunk, s."""
        return self.chunk_samples / self.rate_hz

    @property
    def ticks(self) -> int | None:
        """Chunks a channel in all; None: endless."""
        return round(self.seconds / self.chunk_s) if self.seconds else None


class LoadSource:
    """Hands over one chunk of each channel when its last sample is due."""

    def __init__(
        self, settings: LoadSettings, start_ns: int, context: SourceContext, truth: TruthWriter | None
    ) -> None:
        self._settings, self._start_ns, self._clock, self._truth = settings, start_ns, context.clock, truth
        self.inputs = settings.channels
        self.live = settings.live
        self._loops = {channel: _loop(channel, settings) for channel in settings.channels}

    async def chunks(self) -> AsyncIterator[Sequence[Chunk]]:
        """Chunk after chunk; the first one after one chunk's time."""
        first = max(self._truth.last_tick, 0) if self._truth else 0
        tick, end = first, self._settings.ticks
        pace = Pace(self._settings.speed, self._clock)
        await pace.until(0.0)
        while end is None or tick < end:
            await pace.until((tick - first + 1) * self._settings.chunk_s)
            chunks = self._tick(tick)
            if self._truth:
                self._truth.record(tick, chunks)
            yield chunks
            tick += 1

    async def close(self) -> None:
        """Close the record; safe to call twice."""
        if self._truth:
            self._truth.close()

    def _tick(self, tick: int) -> list[Chunk]:
        count = self._settings.chunk_samples
        t0_ns = self._start_ns + round(tick * count * NS_PER_S / self._settings.rate_hz)
        at = tick % LOOP_CHUNKS * count
        return [
            Chunk(channel, t0_ns, self._settings.rate_hz, loop[at : at + count])
            for channel, loop in self._loops.items()
        ]


def open_load(settings: Mapping[str, Any], context: SourceContext) -> Source:
    """The load source for a settings table.

    Raises:
        SettingsError: naming file, key and what was expected.
    """
    chosen = convert(settings, LoadSettings, context.where)
    start_ns = _start_ns(chosen, context)
    truth = None
    if chosen.truth_dir:
        truth = TruthWriter(context.base / chosen.truth_dir, _truth(chosen, start_ns), context.where)
    return LoadSource(chosen, start_ns, context, truth)


def _start_ns(settings: LoadSettings, context: SourceContext) -> int:
    if settings.start != "now":
        return parse_start(settings.start, context.where)
    # A clock that follows the data has no time of its own before the first reading.
    return context.clock.now_ns() or parse_start(DEFAULT_START, context.where)


def _loop(channel: str, settings: LoadSettings) -> NDArray[np.int16]:
    """LOOP_CHUNKS chunks of counts, shape (LOOP_CHUNKS · chunk_samples,)."""
    generator = Streams(settings.seed).at(channel)
    count = LOOP_CHUNKS * settings.chunk_samples
    at = np.arange(count) / count
    counts = settings.noise_counts * generator.standard_normal(count)
    for tone_hz in TONES_HZ:
        periods = round(tone_hz * count / settings.rate_hz)
        counts += settings.tone_counts * np.sin(2 * np.pi * (periods * at + generator.random()))
    return np.clip(np.rint(counts), -32_767, 32_767).astype(np.int16)


def _truth(settings: LoadSettings, start_ns: int) -> dict[str, object]:
    return {
        "scenario": LOAD,
        "description": "continuous tri-axial vibration for benchmarks",
        "seed": settings.seed,
        "start_ns": start_ns,
        "end_ns": start_ns + round(settings.seconds * NS_PER_S) if settings.seconds else None,
        "tick_s": settings.chunk_s,
        "ticks": settings.ticks,
        "duty_cycle": 1.0,
        "noise_counts": settings.noise_counts,
        "tone_counts": settings.tone_counts,
        "channels": list(settings.channels),
        "damages": [],
        "faults": [],
    }

"""The source `sim`: plays a simulated site, or a load of many vibration channels, into an edge agent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta

from sensors_sim import load, scenarios
from sensors_sim.pace import Pace
from sensors_sim.span import DEFAULT_START, MAX_DAYS, Span, parse_start
from sensors_sim.truth import TruthWriter
from sensors_sim.world import TICK_S, World
from telltale.settings import Settings, convert
from telltale.source import Chunk, Source, SourceContext


class SimSettings(Settings, frozen=True):
    """`[source.settings]` of a source of kind `sim`.

    Attributes:
        scenario: a name of `sensors_sim.scenarios.SCENARIOS`.
        seed: the same seed gives the same readings.
        start: ISO date (or time, moved up to the whole hour) of the first reading, UTC.
        days: length of the span.
        speed: simulated seconds a real second; 0: as fast as the agent takes them, 1: real time.
        truth_dir: folder for `truth.json` and `emitted.jsonl`, from the folder of the settings file. With it, a
            source that is opened again goes on with the last tick it had handed over. Empty: neither is written.
    """

    scenario: str = "riverside"
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 1
    start: str = DEFAULT_START
    days: Annotated[int, Meta(ge=1, le=MAX_DAYS)] = 120
    speed: Annotated[float, Meta(ge=0)] = 0.0
    truth_dir: str = ""


class SimSource:
    """Hands over one list of chunks for each simulated hour; the first hour is a whole one."""

    live = False

    def __init__(self, world: World, speed: float, context: SourceContext, truth: TruthWriter | None) -> None:
        self._world, self._speed, self._clock, self._truth = world, speed, context.clock, truth
        self.inputs = tuple(world.sensors)

    async def chunks(self) -> AsyncIterator[Sequence[Chunk]]:
        """Hour after hour. After a restart it begins with the hour that may not have been taken over."""
        first = max(self._truth.last_tick, 0) if self._truth else 0
        pace = Pace(self._speed, self._clock)
        for tick in range(first, self._world.span.ticks):
            await pace.until((tick - first) * TICK_S)
            chunks = self._world.chunks(tick)
            if self._truth:
                self._truth.record(tick, chunks)
            yield chunks

    async def close(self) -> None:
        """Close the record; safe to call twice."""
        if self._truth:
            self._truth.close()


def open_source(settings: Mapping[str, Any], context: SourceContext) -> Source:
    """The source for a settings table; `scenario = "load"` gives the load (`sensors_sim.load.LoadSettings`).

    Raises:
        SettingsError: naming file, key and what was expected.
    """
    if settings.get("scenario") == scenarios.LOAD:
        return load.open_load(settings, context)
    chosen = convert(settings, SimSettings, context.where)
    scenario = scenarios.find(chosen.scenario, context.where)
    world = World(scenario, chosen.seed, Span(parse_start(chosen.start, context.where), chosen.days))
    truth = None
    if chosen.truth_dir:
        truth = TruthWriter(context.base / chosen.truth_dir, world.truth(), context.where)
    return SimSource(world, chosen.speed, context, truth)

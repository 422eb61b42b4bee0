"""`telltale sim`: a scenario's readings as files, with their ground truth; or a fleet's run-to-failure histories."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sensors_sim import scenarios
from sensors_sim.export import empty_folder, export, write_histories
from sensors_sim.sensor import Sensor
from sensors_sim.source import SimSettings
from sensors_sim.span import DEFAULT_START, MAX_DAYS, Span, parse_start
from sensors_sim.world import TICK_S, World
from telltale.errors import UserError
from telltale.settings import convert

if TYPE_CHECKING:
    from rich.progress import Progress

PLAIN_STEPS = 10


def sim(argv: Sequence[str]) -> int:
    """Run the command; returns the exit status.

    Raises:
        UserError: an argument that cannot be used, or a folder that cannot be written.
    """
    args = _parser().parse_args(argv)
    if args.list:
        print(_listing())
        return 0
    if args.out is None:
        raise UserError("--out is missing", "name a folder for the readings, or ask for --list")
    if args.pumps:
        print(f"{write_histories(args.out, args.seed, args.pumps)}: {args.pumps} pumps from new to failure")
        return 0
    world = _world(args)
    empty_folder(args.out)
    print(_statement(world), flush=True)
    with _progress(world.span.ticks) as progress:
        files = export(world, args.out, progress)
    print(f"{len(files)} files in {args.out}: {', '.join(path.name for path in files)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="telltale sim", description=__doc__)
    parser.add_argument("--list", action="store_true", help="list the scenarios and stop")
    parser.add_argument("--scenario", default="riverside", help="what happens to the site (default: riverside)")
    parser.add_argument("--days", type=int, default=120, help=f"length of the span, 1 to {MAX_DAYS} (default: 120)")
    parser.add_argument("--start", default=DEFAULT_START, metavar="DATE", help=f"UTC (default: {DEFAULT_START})")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same readings (default: 1)")
    parser.add_argument("--pumps", type=int, default=0, metavar="N", help="write histories of N drainage pumps instead")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="new or empty folder for the files")
    return parser


def _world(args: argparse.Namespace) -> World:
    given = {name: getattr(args, name) for name in ("scenario", "days", "start", "seed")}
    settings = convert(given, SimSettings, "command line")
    if settings.scenario == scenarios.LOAD:
        raise UserError("--scenario load: is made to be sent, not written", "use it as a source of `telltale edge`")
    scenario = scenarios.find(settings.scenario, "command line")
    return World(scenario, settings.seed, Span(parse_start(settings.start, "command line"), settings.days))


def _listing() -> str:
    width = max(map(len, scenarios.SCENARIOS))
    return "\n".join(f"{name:<{width}}  {item.description}" for name, item in sorted(scenarios.SCENARIOS.items()))


def _statement(world: World) -> str:
    """What is simulated, over which span, and what share of the time the windows cover."""
    lines = [
        f"scenario {world.scenario.name!r} (seed {world.seed}): {world.scenario.description}",
        f"simulated span: {world.span.days} days, {world.span.ticks} hours",
    ]
    windows = (sensor for sensor in world.sensors.values() if sensor.scale is not None)
    lines += [f"duty cycle {_duty_cycle(sensor):.4%}: {sensor.id}, {_sampling(sensor)}" for sensor in windows]
    return "\n".join(lines)


def _sampling(sensor: Sensor) -> str:
    return f"one window of {sensor.samples} samples at {sensor.rate_hz:g} Hz an hour"


def _duty_cycle(sensor: Sensor) -> float:
    return sensor.samples / sensor.rate_hz / TICK_S


@contextmanager
def _progress(ticks: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal where rich is installed, else a line each tenth; on standard error."""
    bar = _bar() if sys.stderr.isatty() else None
    if bar is None:
        yield lambda done: _plain(done, ticks)
        return
    with bar:
        task = bar.add_task("simulating", total=ticks)
        yield lambda done: bar.update(task, completed=done)


def _bar() -> Progress | None:
    try:
        from rich.console import Console  # noqa: PLC0415 - optional
        from rich.progress import Progress as Bar  # noqa: PLC0415 - optional
    except ModuleNotFoundError:
        return None
    return Bar(console=Console(stderr=True))


def _plain(done: int, ticks: int) -> None:
    if done * PLAIN_STEPS // ticks > (done - 1) * PLAIN_STEPS // ticks:
        print(f"{done * 100 // ticks} % ({done} of {ticks} hours)", file=sys.stderr)

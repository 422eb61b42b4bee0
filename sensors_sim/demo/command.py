"""`telltale demo`: the whole system on this machine, as the real processes, on a simulated site in time-lapse."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from sensors_sim.demo.debian import Program
from sensors_sim.demo.layout import Play, prepare
from sensors_sim.demo.progress import Progress
from sensors_sim.demo.summary import summarise
from sensors_sim.demo.system import System
from telltale.errors import FatalError, UserError

START = "2025-11-15"  # the cold half of the year: freezing is what confuses frequencies most
DAYS = 120
# With --for the play leaves this much of the time to starting and to finishing what is under way.
RESERVE_S = 15.0
SHORTEST_PLAY_S = 5.0
# What two small cores manage, simulator included; faster would only make the agent wait.
MOST_DAYS_PER_S = 4.0
DRAIN_DEADLINE_S = 300.0


def demo(argv: Sequence[str]) -> int:
    """Run the demo; returns the exit status."""
    args = _parse(argv)
    play = _play(args)
    layout = prepare(args.dir, play, args.port)
    system = System(layout, _say)
    mosquitto = system.find_broker(args.build_dir)
    with _interruptible():
        try:
            return _run(system, mosquitto, play, args)
        except KeyboardInterrupt:
            _say("\nstopping …")
            return 0
        finally:
            system.stop()
            _say("stopped")


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="telltale demo", description=__doc__)
    parser.add_argument("--for", dest="for_s", type=float, metavar="SECONDS", help="end by itself after about so long")
    parser.add_argument("--summary", type=Path, metavar="FILE.json", help="write the books of the run")
    parser.add_argument("--scenario", default="riverside", help="see telltale sim --list (default: riverside)")
    parser.add_argument("--seed", type=int, default=1, help="of the simulation (default: 1)")
    parser.add_argument("--days", type=int, default=DAYS, help=f"simulated span (default: {DAYS:g})")
    parser.add_argument("--dir", type=Path, default=Path("demo-run"), help="where the run keeps its files")
    parser.add_argument("--port", type=int, default=0, help="of the page (default: a free one)")
    parser.add_argument("--build-dir", type=Path, default=Path("build"), help="where Mosquitto is unpacked if missing")
    args = parser.parse_args(argv)
    if args.for_s is not None and args.for_s <= 0:
        raise UserError(f"--for {args.for_s:g}: expected a positive number of seconds")
    if args.days < 1:
        raise UserError(f"--days {args.days}: expected 1 or more")
    if args.summary is not None and not args.summary.resolve().parent.is_dir():
        raise UserError(f"--summary {args.summary}: no such folder", "create it first")
    return args


def _play(args: argparse.Namespace) -> Play:
    play_s = max((args.for_s or 60.0 + RESERVE_S) - RESERVE_S, SHORTEST_PLAY_S)
    days = min(args.days, max(1, int(MOST_DAYS_PER_S * play_s))) if args.for_s is not None else args.days
    return Play(args.scenario, args.seed, START, days, days * 86_400 / play_s)


def _run(system: System, mosquitto: Program, play: Play, args: argparse.Namespace) -> int:
    layout = system.layout
    _say(
        f"playing {play.days:g} days of scenario {play.scenario!r}, {play.speed / 86_400:.1f} days a second; "
        f"files in {layout.folder}"
    )
    system.start(mosquitto, play)
    _say(f"page:  {layout.page}")
    _watch(system, play, args)
    summary = summarise(layout)
    if args.summary is not None:
        args.summary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    _say("played to the end: " + ", ".join(f"{key} {value}" for key, value in summary.items() if key != "alerts"))
    if args.for_s is None:
        _say(f"the page stays: {layout.page}   (Ctrl-C ends the demo)")
        while True:
            system.watch()
            time.sleep(1)
    return 0 if not summary["frames_lost"] and not summary["duplicates_stored"] else 1


def _watch(system: System, play: Play, args: argparse.Namespace) -> None:
    deadline = time.monotonic() + 10 * (args.for_s or 120.0) + 120.0
    progress = Progress(system.layout, play, sys.stdout)
    while not system.watch():
        progress.show()
        if time.monotonic() > deadline:
            raise FatalError(f"the play has not ended after its deadline: see {system.layout.folder / 'logs'}")
        time.sleep(0.25)
    system.drain(DRAIN_DEADLINE_S)
    progress.show()
    progress.close()


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does: in order."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(text: str) -> None:
    print(text, flush=True)

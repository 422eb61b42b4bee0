"""`telltale edge …` and `telltale replay …`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from edge_agent.agent import Agent, Outcome, run_agent
from edge_agent.enrol.command import add_enrol_options, enrol
from edge_agent.enrol.files import in_folder
from edge_agent.settings import EdgeSettings, load_edge
from telltale.errors import FatalError, UserError

FAILED = 1
PROGRESS_S = 1.0
PLAIN_PROGRESS_S = 10.0


def edge(argv: Sequence[str]) -> int:
    """`telltale edge run|check|enrol -c edge.toml`; 0 on a clean end."""
    parser = argparse.ArgumentParser(prog="telltale edge", description="The agent of a gateway.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="run|check|enrol")
    run, check, enrolling = (
        commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        for name, text in (
            ("run", "acquire, keep, publish; ends on SIGTERM or Ctrl-C"),
            ("check", "read every source for some seconds and say what is alive, and whether the broker takes us"),
            ("enrol", "make this gateway's key and signing request, or install its certificate"),
        )
    )
    for command in (run, check, enrolling):
        command.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="edge.toml")
    run.add_argument(
        "--until-drained", action="store_true", help="end when all sources have ended and all is stored by the service"
    )
    check.add_argument(
        "--folder", type=Path, metavar="DIR", help="read the certificate and key here, where edge enrol put them"
    )
    check.add_argument("--seconds", type=float, default=5.0, metavar="S", help="how long to read (default 5)")
    add_enrol_options(enrolling)
    use = parser.parse_args(argv)
    settings = load_edge(use.config)
    if use.command == "enrol":
        return enrol(use, settings)
    if use.command == "check":
        from edge_agent.check import check_edge_file  # noqa: PLC0415 (a running agent does not carry it)

        if use.folder:
            settings = msgspec.structs.replace(settings, broker=in_folder(settings.broker, use.folder))
        return asyncio.run(check_edge_file(settings, use.config, use.seconds))
    _log_to_stderr()
    return _run(settings, use.config, until_drained=use.until_drained, progress=False)


def replay(argv: Sequence[str]) -> int:
    """`telltale replay -c edge.toml`, or `telltale replay FILE --gateway ID …`; 0 when all of it is stored."""
    # A running agent, for which memory counts, does not carry these.
    from edge_agent.check import probe_broker  # noqa: PLC0415
    from edge_agent.replay_file import add_file_options, settings_for_file  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="telltale replay", description="play recordings through an agent")
    parser.add_argument("-c", "--config", type=Path, metavar="edge.toml", help="an agent's settings")
    add_file_options(parser)
    use = parser.parse_args(argv)
    if (use.config is None) == (use.file is None):
        raise UserError("give either -c edge.toml or a FILE", "telltale replay --help shows both")
    where = use.config or use.file
    settings = settings_for_file(use) if use.config is None else load_edge(use.config)
    _log_to_stderr(logging.WARNING)
    asyncio.run(probe_broker(settings, str(where)))
    # A file given on the command line keeps its outbox where the command was given.
    return _run(settings, where if use.config else Path("replay"), until_drained=True, progress=True)


def _run(settings: EdgeSettings, where: Path, *, until_drained: bool, progress: bool) -> int:
    try:
        outcome = asyncio.run(_until_stopped(settings, where, until_drained=until_drained, progress=progress))
    except FatalError as error:
        print(f"telltale edge: {error}", file=sys.stderr)
        return FAILED
    print(_summary(outcome))
    for failure in outcome.failures:
        if isinstance(failure, UserError):
            raise failure
    return FAILED if outcome.failures and until_drained else 0


async def _until_stopped(settings: EdgeSettings, where: Path, *, until_drained: bool, progress: bool) -> Outcome:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, _on_signal, stop)
    watch = _show_progress if progress else None
    return await run_agent(settings, where.parent, str(where), stop, until_drained=until_drained, watch=watch)


def _on_signal(stop: asyncio.Event) -> None:
    if stop.is_set():
        raise KeyboardInterrupt  # asked twice: at once, and what was not committed is lost
    stop.set()


async def _show_progress(agent: Agent) -> None:
    terminal = sys.stderr.isatty()
    while True:
        await asyncio.sleep(PROGRESS_S if terminal else PLAIN_PROGRESS_S)
        line = f"{_figures(agent.outcome())}, {agent.outcome().waiting} frames not stored yet"
        with contextlib.suppress(OSError):
            print(f"\r\x1b[K{line}" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)


def _figures(outcome: Outcome) -> str:
    return f"{outcome.samples:,} samples in {outcome.frames:,} frames, {outcome.acknowledged:,} frames stored"


def _summary(outcome: Outcome) -> str:
    rest = f"{outcome.waiting:,} waiting, {outcome.dropped:,} dropped, {outcome.rejected:,} rejected"
    start = "\r\x1b[K" if sys.stderr.isatty() and sys.stdout.isatty() else ""
    return f"{start}run {outcome.run_id[:8]}: {_figures(outcome)}, {rest}"


def _log_to_stderr(level: int = logging.INFO) -> None:
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(message)s", force=True)

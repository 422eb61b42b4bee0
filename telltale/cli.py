"""The command `telltale`. Subcommands are entry points, imported only when called."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points

from telltale import __version__
from telltale.errors import TelltaleError, UserError

GROUP = "telltale.commands"
Command = Callable[[Sequence[str]], int]
FAILURE_STATUS = 1
USER_ERROR_STATUS = 2
INTERRUPTED_STATUS = 130  # 128 + SIGINT
OURS = ("telltale", "models", "edge_agent", "cloud_service", "sensors_sim", "evaluation")

SUMMARY = {
    "analyse": "an engineer's offline look at any logger file: quality, trend, anomalies, life",
    "backtest": "stored history against changed limits: alerts a day before and after",
    "cloud": "run the service (ingest, analyse, store, alert, notify, serve)",
    "demo": "the whole system on this machine, on a simulated site in time-lapse",
    "edge": "run the agent of a gateway",
    "evaluate": "the detectors and life models, judged on published recordings and on simulated years",
    "model": "remaining-life models: train on run-to-failure histories, judge, show the card",
    "modes": "natural frequencies, damping and mode shapes from channels sampled at the same moments",
    "pki": "a small certificate authority for gateways, broker and service",
    "replay": "play a recording through an agent",
    "sim": "write simulated readings and their ground truth to files",
    "standards": "the standards that results rest on, and the tables taken from them",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run `telltale NAME …`; status 2 and one line on standard error for a user's mistake."""
    args = list(sys.argv[1:] if argv is None else argv)
    commands = {entry.name: entry for entry in entry_points(group=GROUP)}
    if args[:1] == ["--version"]:
        print(f"telltale {__version__}")
        return 0
    if not args or args[0] in ("-h", "--help"):
        print(_usage(sorted(commands)))
        return 0 if args else USER_ERROR_STATUS
    if args[0] not in commands:
        print(f"telltale: unknown command {args[0]!r}\n{_usage(sorted(commands))}", file=sys.stderr)
        return USER_ERROR_STATUS
    return _run(args[0], commands[args[0]], args[1:])


def _run(name: str, entry: EntryPoint, args: Sequence[str]) -> int:
    try:
        command: Command = entry.load()
        return command(args)
    except UserError as error:
        print(f"telltale {name}: {error}", file=sys.stderr)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in OURS:
            raise
        extra = {"edge": "edge", "replay": "edge", "demo": "demo"}.get(name, "cloud")
        print(
            f"telltale {name}: {error.name!r} is not installed: pip install 'telltale-monitor[{extra}]'",
            file=sys.stderr,
        )
    except TelltaleError as error:
        print(f"telltale {name}: {error}", file=sys.stderr)
        return FAILURE_STATUS
    except KeyboardInterrupt:
        return INTERRUPTED_STATUS
    return USER_ERROR_STATUS


def _usage(names: Sequence[str]) -> str:
    lines = [f"  {name:<9} {SUMMARY.get(name, '')}".rstrip() for name in names]
    return "\n".join(["usage: telltale COMMAND …   (telltale COMMAND --help)", "", *lines])

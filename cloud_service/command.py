"""`telltale cloud run|check|ingest|analyse|store|notify|serve|… -c cloud.toml`; see `--help`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from cloud_service.heartbeat import Beat, Heartbeat, no_beat
from cloud_service.parts import PARTS, Part
from cloud_service.settings import CloudSettings, load_cloud
from cloud_service.use_lock import take_lock
from telltale.errors import FatalError, UserError

FATAL_STATUS = 1
OPERATE = ("dead-letter", "backup", "restore", "recommission")


def cloud(argv: Sequence[str]) -> int:
    """The command; see `telltale cloud --help`.

    Raises:
        UserError: a mistake in the settings or in what they refer to; names the part where one ran.
    """
    if argv and argv[0] in OPERATE:
        return _operate(argv[0], argv[1:])
    arguments = _parser().parse_args(argv)
    settings = load_cloud(Path(arguments.config))
    if arguments.what == "check":
        settings.check()
        print(f"{settings.path}: good; {len(settings.site.places)} channels, gateways {_gateways(settings)}")
        return 0
    if arguments.what == "run":
        from cloud_service.supervisor import supervise  # noqa: PLC0415 - a single part needs no supervisor

        settings.check()
        return asyncio.run(supervise(settings.path, settings.file.watchdog_s))
    beat = no_beat if arguments.heartbeat is None else Heartbeat(arguments.heartbeat)
    return _run_part(arguments.what, settings, beat, supervised=arguments.supervised)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="telltale cloud", description="The service: all of it, or one part.")
    parser.add_argument(
        "what",
        choices=["run", "check", *PARTS, *OPERATE],
        metavar="COMMAND",
        help=f"run: all parts; check: read the settings only; {', '.join(PARTS)}: one part alone;"
        f" {', '.join(OPERATE)}: each has a --help of its own",
    )
    parser.add_argument("-c", "--config", required=True, metavar="FILE", help="cloud.toml")
    parser.add_argument("--supervised", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--heartbeat", type=int, metavar="DESCRIPTOR", help=argparse.SUPPRESS)
    return parser


def _operate(what: str, argv: Sequence[str]) -> int:
    from cloud_service.operate.backup import backup  # noqa: PLC0415 - the parts need none of it
    from cloud_service.operate.dead_letter import dead_letter  # noqa: PLC0415
    from cloud_service.operate.recommission import recommission  # noqa: PLC0415
    from cloud_service.operate.restore import restore  # noqa: PLC0415

    verbs = {"dead-letter": dead_letter, "backup": backup, "restore": restore, "recommission": recommission}
    return verbs[what](argv)


def _gateways(settings: CloudSettings) -> str:
    return ", ".join(settings.site.gateways()) or "none"


def _run_part(name: str, settings: CloudSettings, beat: Beat, *, supervised: bool) -> int:
    from cloud_service.logs import configure_logs  # noqa: PLC0415 - `check` needs no logs

    configure_logs(name)
    if supervised:
        threading.Thread(target=_end_with_supervisor, daemon=True).start()
    try:
        with take_lock(settings.data_dir, shared=True):
            asyncio.run(_until_told(PARTS[name], settings, beat))
    except UserError as error:
        raise UserError(f"{name}: {error.problem}", error.remedy) from None
    except FatalError as error:
        print(f"telltale cloud: {name}: {error}", file=sys.stderr)
        return FATAL_STATUS
    return 0


async def _until_told(part: Part, settings: CloudSettings, beat: Beat) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await part(settings, stop, beat)


def _end_with_supervisor() -> None:
    """The supervisor holds the other end of standard input: when it is gone, however it went, so is this part."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)

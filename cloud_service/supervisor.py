"""One process that starts every part of the service, starts a crashed one again, and ends them together."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from cloud_service.logs import configure_logs
from cloud_service.parts import PARTS

log = structlog.get_logger(__name__)

USER_ERROR_STATUS = 2
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
LONG_RUN_S = 60.0  # a part that ran so long starts again at once
STOP_WITHIN_S = 20.0

Command = Callable[[str], Sequence[str]]
"""part → its command line."""


def part_command(path: Path) -> Command:
    """The command lines of the parts for a settings file; -P: nothing is imported from the folder we are in."""
    start = [sys.executable, "-P", "-c", "from telltale.cli import main; raise SystemExit(main())"]
    return lambda part: [*start, "cloud", part, "--supervised", "-c", str(path)]


async def supervise(path: Path) -> int:
    """Run all parts until SIGINT or SIGTERM; the exit status.

    A part that fails for a mistake in its settings (status 2, its one line is already on standard error) ends all.
    """
    configure_logs("supervisor")
    supervisor = Supervisor(part_command(path))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, supervisor.stop)
    return await supervisor.run(list(PARTS))


class Supervisor:
    """Keeps processes running.

    Args:
        command: how to start a part.
        first_pause_s: before the first restart; doubles with each crash that follows soon, up to 30 s.
    """

    def __init__(self, command: Command, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self._command = command
        self._first_pause_s = first_pause_s
        self._stop = asyncio.Event()
        self._status = 0

    def stop(self) -> None:
        """End all parts; safe to call twice."""
        self._stop.set()

    async def run(self, parts: Sequence[str]) -> int:
        """Start `parts` and keep them running until stopped; the exit status."""
        log.info("starting", parts=list(parts))
        await asyncio.gather(*(self._keep(part) for part in parts))
        log.info("stopped", status=self._status)
        return self._status

    async def _keep(self, part: str) -> None:
        pause_s = self._first_pause_s
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            began_s = loop.time()
            status = await self._run_once(part)
            if self._stop.is_set():
                return
            if status == USER_ERROR_STATUS:
                self._status = USER_ERROR_STATUS
                self.stop()
                return
            if loop.time() - began_s > LONG_RUN_S:
                pause_s = self._first_pause_s
            log.error("a part ended; starting it again", ended=part, status=status, again_in_s=pause_s)
            await self._pause(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _run_once(self, part: str) -> int:
        """One life of a part: until it ends by itself, or until all are to stop."""
        # Standard input stays open as long as we live: the part ends when it closes.
        process = await asyncio.create_subprocess_exec(*self._command(part), stdin=PIPE)
        ended = asyncio.create_task(process.wait())
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not ended.done():
            await self._end(process, part)
        return await ended

    async def _end(self, process: Process, part: str) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(asyncio.shield(process.wait()), STOP_WITHIN_S)
        except TimeoutError:
            log.error("a part does not end; killing it", ended=part)  # noqa: TRY400 - the time-out is the message
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

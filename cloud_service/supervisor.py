"""One process that starts every part of the service, starts a crashed or hanging one again, and ends them together."""

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
from cloud_service.watchdog import DEFAULT_WATCHDOG_S, Pulse
from telltale.notify_socket import ALIVE, READY, STOPPING, notify, watchdog_s

log = structlog.get_logger(__name__)

USER_ERROR_STATUS = 2
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
LONG_RUN_S = 60.0  # a part that ran so long starts again at once
STOP_WITHIN_S = 20.0

Command = Callable[[str, int], Sequence[str]]
"""part, descriptor of its heartbeat → its command line."""


def part_command(path: Path) -> Command:
    """The command lines of the parts for a settings file; -P: nothing is imported from the folder we are in."""
    start = [sys.executable, "-P", "-c", "from telltale.cli import main; raise SystemExit(main())"]
    return lambda part, beat: [*start, "cloud", part, "--supervised", "--heartbeat", str(beat), "-c", str(path)]


async def supervise(path: Path, watchdog_s: float = DEFAULT_WATCHDOG_S) -> int:
    """Run all parts until SIGINT or SIGTERM; the exit status.

    A part that fails for a mistake in its settings (status 2, its one line is already on standard error) ends all.
    """
    configure_logs("supervisor")
    supervisor = Supervisor(part_command(path), watchdog_s=watchdog_s)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, supervisor.stop)
    telling = asyncio.create_task(_tell_service_manager())
    try:
        return await supervisor.run(list(PARTS))
    finally:
        telling.cancel()
        notify(STOPPING)


async def _tell_service_manager() -> None:
    """Ready, and then alive as often as systemd asks for (`Type=notify`, `WatchdogSec=`)."""
    notify(READY)
    patience_s = watchdog_s()
    while patience_s is not None:
        notify(ALIVE)
        await asyncio.sleep(patience_s / 3)


class Supervisor:
    """Keeps processes running.

    Args:
        command: how to start a part.
        first_pause_s: before the first restart; doubles with each crash that follows soon, up to 30 s.
        watchdog_s: a part that has not beaten for so long hangs: it is killed and started again.
    """

    def __init__(
        self,
        command: Command,
        first_pause_s: float = FIRST_PAUSE_S,
        watchdog_s: float = DEFAULT_WATCHDOG_S,
    ) -> None:
        self._command = command
        self._first_pause_s = first_pause_s
        self._watchdog_s = watchdog_s
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
        """One life of a part: until it ends by itself, hangs, or until all are to stop."""
        with Pulse() as pulse:
            # Standard input stays open as long as we live: the part ends when it closes.
            process = await asyncio.create_subprocess_exec(
                *self._command(part, pulse.theirs), stdin=PIPE, pass_fds=(pulse.theirs,)
            )
            pulse.handed_over()
            ended = asyncio.create_task(process.wait())
            stopped = asyncio.create_task(self._stop.wait())
            hangs = asyncio.create_task(pulse.until_still(self._watchdog_s))
            await asyncio.wait((ended, stopped, hangs), return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            hangs.cancel()
            if not ended.done() and self._stop.is_set():
                await self._end(process, part)
            elif not ended.done():
                log.error("a part hangs; killing it", ended=part, silent_s=self._watchdog_s)
                with contextlib.suppress(ProcessLookupError):
                    process.kill()  # it would not hear a request to end
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

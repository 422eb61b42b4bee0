"""Running one source from its opening to its end: the only place that retries it and that judges its errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edge_agent.outbox.box import Outbox
from edge_agent.reports import LOG, Reports
from edge_agent.window.pipeline import Pipeline
from telltale.backoff import FullJitter
from telltale.errors import RetryError, SettingsError, UserError
from telltale.source import NamesInputs, Source

CLOSE_TIMEOUT_S = 5.0
MAX_LISTED = 30


class Feed:
    """One source of a gateway.

    Args:
        name: of the source.
        opens: opens it, for the first time and again after a passing fault.
        pipeline, outbox: where its chunks go, and what makes it wait.
        backoff: waits between openings.
        reports: where trouble goes.
        shift_ns: brings the times of live readings to the system's time (`edge_agent.timeline`).

    Raises:
        UserError: the settings cannot work, or a channel wants an input that the source does not have.
    """

    def __init__(
        self,
        name: str,
        opens: Callable[[], Source],
        pipeline: Pipeline,
        outbox: Outbox,
        *,
        backoff: FullJitter,
        reports: Reports,
        shift_ns: Callable[[], int] = lambda: 0,
    ) -> None:
        self.name = name
        self.failure: Exception | None = None
        self._opens = opens
        self._pipeline = pipeline
        self._outbox = outbox
        self._backoff = backoff
        self._reports = reports
        self._shift_ns = shift_ns
        self._source: Source | None = None
        try:
            self._source = self._open()
        except RetryError as error:
            self._reports.problem(f"source {name}", f"{error}: trying again")
        # Not known yet: better to think it cannot wait than to make hardware wait.
        self.live = True if self._source is None else self._source.live

    def _open(self) -> Source:
        source = self._opens()
        if isinstance(source, NamesInputs):
            for wanted in self._pipeline.inputs_of(self.name):
                if wanted not in source.inputs:
                    known = ", ".join(source.inputs[:MAX_LISTED])
                    raise SettingsError(f"source {self.name!r}: no input {wanted!r}", f"it has {known}")
        return source

    async def run(self) -> None:
        """Take chunks until the source ends or fails; passing faults are retried for ever."""
        ended = await self._once()
        while not ended:
            await asyncio.sleep(self._backoff.next_s())
            ended = await self._once()

    async def _once(self) -> bool:
        """One opening; False where it is to be opened again."""
        topic = f"source {self.name}"
        try:
            self._source = self._source or self._open()
            await self._take(self._source)
        except RetryError as error:
            self._reports.problem(topic, f"{error}: trying again")
            return False
        except Exception as error:  # noqa: BLE001 (a source may be anyone's code, and the others must go on)
            return self._failed(topic, error)
        finally:
            await self._close()
        LOG.info("%s: has no more readings", topic)
        return True

    def _failed(self, topic: str, error: Exception) -> bool:
        """Whether a fault that is not a passing one ends the source. Hardware goes on after a fault, and so do we."""
        text = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        LOG.debug("%s", topic, exc_info=error)
        if self._source is not None and self._source.live:
            self._reports.problem(topic, f"{text}: opening it again")
            return False
        self.failure = error
        self._reports.problem(topic, f"ended by {text}")
        return True

    async def _take(self, source: Source) -> None:
        async for chunks in source.chunks():
            shift_ns = self._shift_ns() if source.live else 0
            for chunk in chunks:
                self._pipeline.take(self.name, chunk, shift_ns)
            self._pipeline.end_of_list()
            self._backoff.reset()
            if not source.live:
                await self._outbox.room()
            await asyncio.sleep(0)

    async def _close(self) -> None:
        source, self._source = self._source, None
        self._pipeline.flush(self.name)
        if source is None:
            return
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await source.close()
        except Exception as error:  # noqa: BLE001 (closing is the last thing asked of it: told, not raised)
            self._reports.problem(f"source {self.name}", f"not closed cleanly ({type(error).__name__}: {error})")

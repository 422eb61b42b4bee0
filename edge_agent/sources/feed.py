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
    ) -> None:
        self.name = name
        self.failure: Exception | None = None
        self._opens = opens
        self._pipeline = pipeline
        self._outbox = outbox
        self._backoff = backoff
        self._reports = reports
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
        """One opening; False after a passing fault."""
        topic = f"source {self.name}"
        try:
            self._source = self._source or self._open()
            await self._take(self._source)
        except RetryError as error:
            self._reports.problem(topic, f"{error}: trying again")
            return False
        except UserError as error:
            self.failure = error
            self._reports.problem(topic, str(error))
        except Exception as error:  # noqa: BLE001 (a source may be anyone's code, and the others must go on)
            self.failure = error
            self._reports.problem(topic, f"ended by {type(error).__name__}: {error}")
            LOG.debug("%s", topic, exc_info=True)
        finally:
            await self._close()
        if self.failure is None:
            LOG.info("%s: has no more readings", topic)
        return True

    async def _take(self, source: Source) -> None:
        async for chunks in source.chunks():
            for chunk in chunks:
                self._pipeline.take(self.name, chunk)
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

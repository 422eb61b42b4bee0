"""Reading results in a process that must go on while the store is down (notify, serve)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable

from cloud_service.store.port import Query, Store, Table
from telltale.errors import RetryError, TelltaleError

OpenStore = Callable[[], Awaitable[Store]]
READ_TIMEOUT_S = 20.0


class StoreReader:
    """Opens the store at the first read, and again after a failure; every read has a time limit.

    Use from one event loop. `read` raises `RetryError` while the store cannot be reached; nothing else of the store's
    absence is visible.
    """

    def __init__(self, open_store: OpenStore, timeout_s: float = READ_TIMEOUT_S) -> None:
        self._open_store = open_store
        self._timeout_s = timeout_s
        self._store: Store | None = None
        self._opening = asyncio.Lock()

    async def read(self, query: Query) -> Table:
        """Rows in time order.

        Raises:
            RetryError: the store did not open or answer in time.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await (await self._opened()).read(query)
        except TimeoutError:
            raise RetryError(f"the store gave no answer within {self._timeout_s:g} s") from None
        except (TelltaleError, OSError, sqlite3.Error) as error:
            # Whatever is wrong with the store, an alert must still go out and a page must still open.
            raise RetryError(str(error)) from error

    async def close(self) -> None:
        """Close the store if it was opened; safe to call twice."""
        store, self._store = self._store, None
        if store is not None:
            await store.close()

    async def _opened(self) -> Store:
        async with self._opening:
            if self._store is None:
                self._store = await self._open_store()
            return self._store
